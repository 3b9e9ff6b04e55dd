-- Numbers and lists on their way in and out, with the system's lua-cjson.
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local integers = math.type ~= nil

describe("numbers and lists:", function()
  after_each(wire.clean)

  it("decoded ids are integers where Lua has them", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(200, { "content-type: application/json" },
            '{"id":4711,"_private":{"workspace_id":1e2,"value":{"amount":"10.00"}},"big":9007199254740992,"half":0.5}')
        end
      end)
    end)
    local contract, err = wire.client(target):contract(4711):get { as = wire.SVEN }
    assert.is_truthy(contract, tostring(err))
    assert.equal("/contracts/4711", "/contracts/" .. contract.data.id)
    assert.equal("100", tostring(contract.workspace_id))
    assert.equal(0.5, contract.data.half)
    if integers then
      for _, value in ipairs { contract.id, contract.data.id, contract.workspace_id, contract.data.big } do
        assert.equal("integer", math.type(value))
      end
      assert.equal("float", math.type(contract.data.half))
    end
  end)

  it("an empty list arrives as [], and large integers arrive exactly", function()
    local target = wire.healthy()
    local sven = assert(wire.client(target):user(wire.SVEN))
    assert(sven:contract(4711):update { tags = {}, sign_order = {} })
    assert(sven:contract(4711):update { tags = oneflow.array {}, sign_order = oneflow.null })
    assert(sven.contracts:create { workspace_id = 1234567890123456, template_id = "1234567890123457", parties = {} })
    assert(sven:request("POST", "/x", { body = { list = oneflow.array {}, object = {} } }))
    local bodies = {}
    for i, request in ipairs((target:journal())) do bodies[i] = request.body end
    assert.is_truthy(string.find(bodies[1], '"tags":[]', 1, true), bodies[1])
    assert.is_truthy(string.find(bodies[1], '"sign_order":[]', 1, true), bodies[1])
    assert.is_truthy(string.find(bodies[2], '"tags":[]', 1, true), bodies[2])
    assert.is_truthy(string.find(bodies[2], '"sign_order":null', 1, true), bodies[2])
    assert.is_truthy(string.find(bodies[3], '"workspace_id":1234567890123456[,}]'), bodies[3])
    assert.is_truthy(string.find(bodies[3], '"template_id":1234567890123457[,}]'), bodies[3])
    assert.is_truthy(string.find(bodies[3], '"parties":[]', 1, true), bodies[3])
    assert.is_truthy(string.find(bodies[4], '"list":[]', 1, true), bodies[4])
    assert.is_truthy(string.find(bodies[4], '"object":{}', 1, true), bodies[4])
  end)

  if integers then
    local core = require "oneflow.core"

    it("every integer goes out exactly, also those that no double holds", function()
      for _, number in ipairs { math.maxinteger, math.mininteger, 9007199254740993, -9007199254740993 } do
        assert.equal('{"n":' .. string.format("%d", number) .. "}", core.encode { n = number })
      end
    end)

    it("an integer in a query goes out exactly", function()
      local target = wire.healthy()
      local sven = assert(wire.client(target):user(wire.SVEN))
      local values = { math.maxinteger, math.mininteger, 9007199254740993, 5, -0.0, 5.0, 0.1, 1e300 }
      for _, value in ipairs(values) do assert(sven:request("GET", "/x", { query = { n = value } })) end
      local seen = {}
      for i, request in ipairs((target:journal())) do
        seen[i] = string.upper(string.match(request.target, "n=(.*)$")) -- some versions of libcurl write %2b
      end
      assert.same({
        "9223372036854775807", "-9223372036854775808", "9007199254740993", "5", "0", "5", "0.1", "1E%2B300",
      }, seen)
    end)

    it("integers are found everywhere: under escaped names, under repeated names, in lists in lists", function()
      local value = core.decode('{"a\\u0062\\n":1,"x":{"a":1},"x":5,"y":5,'
        .. '"y":{"z":[1,[2,{"q":3.0,"r":3.5}],[],{}]},"e":{}}')
      assert.equal("integer", math.type(value["ab\n"]))
      assert.equal("integer", math.type(value.x))
      assert.equal("integer", math.type(value.y.z[1]))
      assert.equal("integer", math.type(value.y.z[2][1]))
      assert.equal("integer", math.type(value.y.z[2][2].q))
      assert.equal("float", math.type(value.y.z[2][2].r))
      assert.equal("integer", math.type(core.decode " 5 "))
    end)

    it("a finalizer that decodes while another decode is under way disturbs neither", function()
      local items, decoded = {}, 0
      for i = 1, 3000 do items[i] = string.format('{"id":%d,"k%d":{"a":[%d,{"b\\n":%d}]}}', i, i, i, i) end
      local text = "[" .. table.concat(items, ",") .. "]"
      local finalizer = { __gc = function()
        decoded = decoded + 1
        assert(math.type(core.decode('{"another":{"name":7,"list":[1]}}').another.name) == "integer")
      end }
      for _ = 1, 5 do
        for _ = 1, 200 do setmetatable({}, finalizer) end
        for i, item in ipairs((core.decode(text))) do
          assert.equal("integer", math.type(item.id))
          assert.equal("integer", math.type(item["k" .. i].a[1]))
          assert.equal("integer", math.type(item["k" .. i].a[2]["b\n"]))
        end
      end
      assert.is_true(decoded > 0)
    end)

    it("no integral float is left in random texts", function()
      local seed = os.time()
      math.randomseed(seed)
      local function text(depth)
        local kind = math.random(depth > 0 and 8 or 5)
        if kind == 1 then return tostring(math.random(-1000, 1000)) end
        if kind == 2 then return '"' .. string.rep("é\\n", math.random(0, 3)) .. '"' end
        if kind == 3 then return math.random(2) == 1 and "true" or "null" end
        if kind == 4 then return tostring(math.random(100)) .. ".5" end
        if kind == 5 then return tostring(math.random(100)) .. "e1" end
        local items = {}
        for i = 1, math.random(0, 4) do
          local key = math.random(4) == 1 and "k\\u00e9" or "k"
          items[i] = (kind > 6 and '"' .. key .. math.random(3) .. '" : ' or "") .. text(depth - 1)
        end
        local list = table.concat(items, " , ")
        return kind > 6 and "{ " .. list .. " }" or "[ " .. list .. "]"
      end
      local counted = 0
      local function check(value, source)
        if type(value) == "table" then
          for _, item in pairs(value) do check(item, source) end
        elseif math.type(value) == "float" then
          assert.is_true(value ~= math.floor(value), "seed " .. seed .. ": " .. source)
        elseif math.type(value) == "integer" then
          counted = counted + 1
        end
      end
      for _ = 1, 2000 do
        local source = text(6)
        local value, kind, message = core.decode(source)
        assert.is_truthy(value ~= nil, "seed " .. seed .. ": " .. tostring(kind) .. ", " .. tostring(message))
        check(value, source)
      end
      assert.is_true(counted > 500)
    end)
  end
end)

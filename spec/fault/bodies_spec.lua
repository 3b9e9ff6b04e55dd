-- Query and body values: values that cannot be represented exactly are refused with their path, and nothing is sent.
local oneflow = require "oneflow"
local wire = require "spec.support.wire"

local function deep(depth)
  local top = {}
  local at = top
  for _ = 1, depth do
    at.a = {}
    at = at.a
  end
  return top
end

local function cycle()
  local t = { list = { {} } }
  t.list[1].again = t
  return t
end

-- `options`: those of its one participant, a table that the library takes as it comes.
local function party(fields, options)
  local person = { name = "Anna", email = "anna@example.com", delivery_channel = "email", _options = options }
  local p = { type = "company", name = "Company", participants = { person } }
  for name, value in pairs(fields) do p[name] = value end
  return p
end

describe("bodies:", function()
  local target, client, sven
  before_each(function()
    target = wire.healthy()
    client = wire.client(target)
    sven = assert(client:user(wire.SVEN))
  end)
  after_each(wire.clean)

  local function nothing_sent()
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    wire.good_call(client)
  end

  local function create(parties, more)
    local body = { workspace_id = 1, template_id = 2, parties = parties }
    for name, value in pairs(more or {}) do body[name] = value end
    return sven.contracts:create(body)
  end

  local function refused(path, value, err)
    assert.is_nil(value)
    local text = wire.check_error(err)
    assert.equal("validation", err.kind, text)
    assert.equal("not_sent", err.outcome)
    local found = {}
    for i, problem in ipairs(err.problems or {}) do found[i] = tostring(problem.path) end
    local all = table.concat(found, " ") .. " " .. text
    assert.is_truthy(string.find(all, path, 1, true), path .. " is not in: " .. all)
  end

  it("case 34: NaN and infinities are refused with their path", function()
    for _, number in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      refused("body.parties[2].participants[1]._options.x", create { party {}, party({}, { x = number }) })
      refused("body.a.b[1]", sven:request("POST", "/x", { body = { a = { b = { number } } } }))
    end
    nothing_sent()
  end)

  it("case 34: invalid UTF-8 is refused with its path, as a value and as a key", function()
    for _, text in ipairs { "\255", "a\195", "\237\160\128", "\192\128" } do
      refused("body.parties[2].name", create { party {}, party { name = text } })
      refused("body.a.b", sven:request("POST", "/x", { body = { a = { b = text } } }))
      refused("body.a", sven:request("POST", "/x", { body = { a = { [text] = 1 } } }))
    end
    nothing_sent()
  end)

  it("case 34: a cycle, a sparse list, mixed keys and a depth of 10 000 are refused with the path", function()
    refused("body.parties[1].participants[1]._options", create { party({}, cycle()) })
    refused("body.parties[1].participants[1]._options", create { party({}, deep(10000)) })
    refused("body", sven:request("POST", "/x", { body = cycle() }))
    refused("body", sven:request("POST", "/x", { body = deep(10000) }))
    refused("body.a", sven:request("POST", "/x", { body = { a = { 1, nil, 3, [1000] = 4 } } }))
    refused("body.a", sven:request("POST", "/x", { body = { a = { [2] = 1 } } }))
    refused("body.a", sven:request("POST", "/x", { body = { a = { 1, 2, x = 3 } } }))
    refused("body.a", sven:request("POST", "/x", { body = { a = { [1.5] = 1 } } }))
    refused("body.a", sven:request("POST", "/x", { body = { a = { [true] = 1 } } }))
    refused("body.parties", create { [1] = party {}, [3] = party {} })
    nothing_sent()
  end)

  it("case 34: a function, thread or foreign userdata raises with the path", function()
    for _, value in ipairs { print, coroutine.create(print), io.stdout } do
      local ok, message = pcall(create, { party {}, party { name = value } })
      assert.is_false(ok, type(value))
      assert.equal("string", type(message))
      assert.is_truthy(string.find(message, "body.parties[2].name", 1, true), message)
      ok, message = pcall(sven.request, sven, "POST", "/x", { body = { a = { value } } })
      assert.is_false(ok)
      assert.is_truthy(string.find(tostring(message), "body.a[1]", 1, true), tostring(message))
      ok = pcall(sven.request, sven, "GET", "/x", { query = { a = value } })
      assert.is_false(ok)
      ok = pcall(sven.contracts.list, sven.contracts, { sort = value })
      assert.is_false(ok)
    end
    nothing_sent()
  end)

  it("case 34: several problems are reported at once", function()
    local value, err = create({ party { name = string.rep("x", 101) }, party { country_code = "SWE" } },
      { name = string.rep("n", 131) })
    assert.is_nil(value)
    assert.equal("validation", err.kind)
    assert.is_true(#err.problems >= 3, tostring(err))
    nothing_sent()
  end)

  it("case 34: query values: NaN, tables, invalid UTF-8 and out of range are refused", function()
    for _, query in ipairs {
      { limit = 0 / 0 }, { limit = 0 }, { limit = 101 }, { limit = 1.5 }, { limit = "x" }, { offset = -1 },
      { offset = 19901 }, { offset = 1 / 0 },
      { sort = "\255" }, { sort = "nothing" }, { filter = { created_time = { from = "nonsense" } } },
      { filter = { states = { "\255" } } },
      { filter = { name = "\195" } }, { filter = { states = cycle() } },
    } do
      local ok, value, err = pcall(sven.contracts.list, sven.contracts, query)
      if ok then
        assert.is_nil(value)
        wire.check_error(err)
        assert.equal("validation", err.kind)
        assert.equal("not_sent", err.outcome)
      end
    end
    for _, value in ipairs { 0 / 0, 1 / 0, "\255", cycle() } do
      local ok, result, err = pcall(sven.request, sven, "GET", "/x", { query = { a = value } })
      if ok then
        assert.is_nil(result)
        assert.equal("validation", err.kind)
      end
    end
    nothing_sent()
  end)

  it("case 34: what can be said arrives exactly", function()
    assert(sven:request("POST", "/x", { body = {
      int = 1234567890123456, big = 9007199254740991, neg = -5, float = 0.1, tiny = 5e-324,
        huge = 1.7976931348623157e308, nul = oneflow.null,
      empty_list = oneflow.array {}, empty_object = {}, list = { 1, 2, 3 },
        text = "\0\1\"\\/\195\165\240\159\152\128\127", yes = true, no = false,
    } }))
    local body = target:journal()[1].body
    for _, piece in ipairs {
      '"int":1234567890123456', '"big":9007199254740991', '"neg":-5', '"nul":null', '"empty_list":[]',
      '"empty_object":{}', '"list":[1,2,3]',
      '"yes":true', '"no":false', "\195\165\240\159\152\128",
    } do
      assert.is_truthy(string.find(body, piece, 1, true), piece .. " is not in " .. body)
    end
    assert.is_nil(string.find(body, "[%z\1-\31]"))
    local back = require("cjson").decode(body)
    assert.equal(0.1, back.float)
    assert.equal(5e-324, back.tiny)
    assert.equal(1.7976931348623157e308, back.huge)
    assert.equal("\0\1\"\\/\195\165\240\159\152\128\127", back.text)
  end)

  it("case 34: query values cannot add a parameter or a header", function()
    assert(sven:request("GET", "/x", { query = { a = "1&b=2#c?d=\r\ne %25", ["k&k"] = "\195\165" } }))
    local request = target:journal()[1]
    local path, query = string.match(request.target, "^([^?]+)%?(.*)$")
    assert.equal("/v1/x", path)
    local pieces = {}
    query = string.gsub(query, "%%%x%x", string.upper) -- some versions of libcurl write these small
    for piece in string.gmatch(query, "[^&]+") do pieces[#pieces + 1] = piece end
    table.sort(pieces)
    assert.same({ "a=1%26b%3D2%23c%3Fd%3D%0D%0Ae%20%2525", "k%26k=%C3%A5" }, pieces)
  end)
end)

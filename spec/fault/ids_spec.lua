-- Ids become part of a path: only an integer of at least 1 does, in whichever form.
local process = require "spec.support.process"
local wire = require "spec.support.wire"

describe("ids:", function()
  local target, client
  before_each(function()
    target = wire.healthy()
    client = wire.client(target)
  end)
  after_each(wire.clean)

  local calls = {
    get = function(id) return client:contract(id):get { as = wire.SVEN } end,
    publish = function(id) return client:contract(id):publish({ subject = "s", message = "m" },
      { as = wire.SVEN }) end,
    delete = function(id) return client:contract(id):delete { as = wire.SVEN } end,
    user = function(id) return assert(client:user(wire.SVEN)):contract(id):get() end,
  }

  it("case 33: an id that is none is validation, not_sent, and nothing arrives", function()
    for _, id in ipairs {
      "../users", "1?x=1", "1#f", "%2e%2e", "", ".", "..", "a/b", "1/2", "1/", "/1", " 1", "1 ", "1\n",
      "1\0", "+1", "-1", "0x10", "1e3",
      "1.0", "1.5", "0", "00", "000", "12345678901234567890", "\217\161", "4711;x", "@", "4711%00",
      1e300, -1, 1.5, 0, 0 / 0, 1 / 0, -1 / 0, 2 ^ 53 + 2, -4711,
    } do
      for name, call in pairs(calls) do
        local ok, value, err = pcall(call, id)
        assert.is_true(ok, name .. " " .. tostring(id) .. ": " .. tostring(value))
        assert.is_nil(value, name .. " " .. string.format("%q", tostring(id)))
        wire.check_error(err)
        assert.equal("validation", err.kind)
        assert.equal("not_sent", err.outcome)
      end
    end
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    wire.good_call(client)
  end)

  it("case 33: a table, a function, a boolean or nothing as an id raises", function()
    for _, id in ipairs { {}, { id = 1 }, print, true, false, io.stdout, coroutine.create(print) } do
      for name, call in pairs(calls) do
        assert.is_false((pcall(call, id)), name .. " " .. type(id))
      end
    end
    assert.is_false((pcall(calls.get)))
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    wire.good_call(client)
  end)

  it("case 33: an integer, an integral float and digits name the same contract", function()
    for i, id in ipairs { 4711, 4711.0, "4711" } do
      local contract = assert(calls.get(id))
      assert.equal("Contract 4711", contract.name)
      assert.equal("/v1/contracts/4711", target:journal()[i].target)
    end
    calls.get(2 ^ 53 - 1)
    assert.equal("/v1/contracts/9007199254740991", target:journal()[4].target)
    calls.get("9223372036854775807")
    assert.equal("/v1/contracts/9223372036854775807", target:journal()[5].target)
  end)

  it("case 33: digits stay what they are on LuaJIT, also when a compatibility library gave it math.type", function()
    local paths = process.start(function()
      local function compatible(n)
        return type(n) == "number" and (math.floor(n) == n and math.abs(n) <= 2 ^ 63 and "integer" or "float") or nil
      end
      rawset(math, "type", math.type or compatible)
      local seen = {}
      local library = require "oneflow"
      local account = assert(library.client { token = "token", transport = function(request)
        seen[#seen + 1] = request.path
        return 404, {}, "{}"
      end })
      for _, id in ipairs { "9223372036854775807", "9007199254740993", 4711 } do
        account:contract(id):get { as = "sven@example.com" }
      end
      return seen
    end):result()
    assert.same({ "/v1/contracts/9223372036854775807", "/v1/contracts/9007199254740993", "/v1/contracts/4711" }, paths)
  end)

  it("case 33: a path of request() cannot leave the base path or smuggle", function()
    local sven = assert(client:user(wire.SVEN))
    for _, path in ipairs {
      "contracts", "", "/../users", "/contracts/../users", "/contracts/..", "/./contracts",
      "/contracts/%2e%2e/users",
      "/contracts/%2E%2E", "/contracts?x=1", "/contracts#f", "/contracts\r\nx: y", "/contracts HTTP/1.1",
      "/contracts/\0", "//elsewhere/x",
      "http://elsewhere/x", "/contracts\\x", "/contracts/%2f..", "/contracts/%", "/contracts/%zz",
      "/contr\195\165cts", "/" .. string.rep("a", 10240),
      "@elsewhere/", "/contracts/%0d%0a", "/contracts/%00",
    } do
      local value, err = sven:request("GET", path)
      assert.is_nil(value, string.format("%q", path))
      wire.check_error(err)
      assert.equal("validation", err.kind, path)
      assert.equal("not_sent", err.outcome)
    end
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    wire.good_call(client)
  end)
end)

-- `timeout` limits the whole call: the time of the program's own functions counts, and when no time is left nothing is
-- sent.
local oneflow = require "oneflow"
local core = require "oneflow.core"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local monotonic = core.monotonic
local A, B = string.rep("a", 40), string.rep("b", 40)

-- Is busy for that long, like a request to a secret store.
local function busy(seconds)
  local over = monotonic() + seconds
  while monotonic() < over do end -- luacheck: ignore
end

-- Refuses the token A; points to a file elsewhere.
local function start(args)
  return server.start(function(s, given)
    s.serve(function(c)
      for request in function() return c:request() end do
        if given.refuse and request.headers["x-oneflow-api-token"] == string.rep("a", 40) then
          c:reply(401, { "content-type: application/json" }, '{"title":"Unauthorized"}')
        elseif string.find(request.target, "/files/", 1, true) then
          c:reply(302, { "location: " .. given.location }, "")
        elseif string.find(request.target, "/stored", 1, true) then
          c:reply(200, { "content-type: application/pdf" }, "%PDF")
        else
          c:good(request)
        end
      end
    end)
  end, args or {})
end

describe("deadline:", function()
  after_each(wire.clean)

  for _, method in ipairs(wire.METHODS) do
    it("case 70: a token function that takes the whole time of a " .. method .. ": nothing is sent", function()
      local target = start()
      local asked = 0
      local client = wire.client(target, { token = function()
        asked = asked + 1
        busy(asked == 1 and 0.06 or 0)
        return A
      end })
      local value, err = wire.call(client, method, { timeout = 0.05 })
      assert.is_nil(value)
      assert.equal("timeout", err.kind, tostring(err))
      assert.equal("not_sent", err.outcome)
      assert.is_true(err.retryable)
      assert.equal(0, err.attempts)
      assert.equal(0, #target:journal())
      assert.is_truthy(wire.call(client, method)) -- with the token that came too late for the first
      assert.equal(1, asked)
      assert.equal(1, #target:journal())
    end)

    it("case 70: no second " .. method .. " is sent after a 401 when the question for a token took the time", function()
      local target = start { refuse = true }
      local client = wire.client(target, { token = function(reason)
        if reason == "first" then return A end
        busy(0.3 * wire.slow)
        return B
      end })
      local value, err = wire.call(client, method, { timeout = 0.3 * wire.slow, attempt_timeout = 5 })
      assert.is_nil(value)
      assert.equal("timeout", err.kind, tostring(err))
      assert.equal("refused", err.outcome)
      assert.is_truthy(string.find(err.detail, "401", 1, true))
      assert.is_true(err.retryable)
      assert.equal(1, err.attempts)
      assert.equal(1, #target:journal())
      assert.is_truthy(wire.call(client, method))
      assert.equal(B, target:journal()[2].headers["x-oneflow-api-token"])
    end)

    it("case 70: what on_request takes of a " .. method .. " counts; on_response is called", function()
      local target = start()
      local told = {}
      local client = wire.client(target, { hooks = {
        on_request = function() busy(#told == 0 and 0.06 or 0) end,
        on_response = function(info) told[#told + 1] = info end,
      } })
      local value, err = wire.call(client, method, { timeout = 0.05 })
      assert.is_nil(value)
      assert.equal("timeout", err.kind, tostring(err))
      assert.equal("not_sent", err.outcome)
      assert.equal("timeout", told[1].kind)
      assert.equal("not_sent", told[1].outcome)
      assert.equal(0, #target:journal())
      wire.good_call(client)
    end)
  end

  it("case 70: the rest of the time bounds the attempt after the token function #timing", function()
    local target = server.start(function(s)
      s.serve(function(c)
        if c:request() then c:until_closed() end
      end)
    end)
    for _, method in ipairs(wire.METHODS) do
      local client = wire.client(target, { token = function()
        busy(0.4)
        return A
      end })
      local before = monotonic()
      local value, err = wire.call(client, method, { timeout = 0.5, attempt_timeout = 5 })
      assert.is_true(monotonic() - before < 0.75)
      assert.is_nil(value)
      assert.equal("timeout", err.kind)
      assert.equal("unknown", err.outcome)
    end
    assert.equal(2, #target:journal())
  end)

  it("case 70: where a file is, is not asked when the time is over", function()
    local other = start()
    local target = start { location = other.url .. "/stored" }
    local slow = true
    local client = wire.client(target, { hooks = { on_response = function() busy(slow and 0.3 * wire.slow or 0) end } })
    local file = client:user(wire.SVEN):contract(1):file(1)
    local value, err = file:download({}, { timeout = 0.3 * wire.slow })
    assert.is_nil(value)
    wire.check_error(err)
    assert.equal("timeout", err.kind, tostring(err))
    assert.equal("refused", err.outcome)
    assert.is_true(err.retryable)
    assert.is_truthy(string.find(err.detail, other.address, 1, true))
    assert.equal(0, #other:journal())
    slow = false
    assert(file:download())
    assert.equal(1, #other:journal())
  end)

  it("case 70: a transport in Lua is not called when the time is over", function()
    local called = 0
    local client = assert(oneflow.client { base_url = "http://127.0.0.1:1/v1", token = function()
      busy(called == 0 and 0.06 or 0)
      return A
    end, transport = function()
      called = called + 1
      return 200, { ["content-type"] = "application/json" }, '{"id":4711,"name":"Contract 4711"}'
    end })
    local value, err = wire.call(client, "POST", { timeout = 0.05 })
    assert.is_nil(value)
    assert.equal("timeout", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, called)
    assert.is_truthy(wire.call(client, "POST", { timeout = 0.05 }))
  end)
end)

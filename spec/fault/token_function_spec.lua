-- The token function, and calls that an error ends while it runs.
local core = require "oneflow.core"
local host = require "spec.support.host"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

local INGE, ULF = "inge@example.com", "ulf@example.com"
local TOKEN = ("k"):rep(40)

local function answered(token)
  return assert(oneflow.client { token = token, base_url = "http://127.0.0.1:1/v1",
    transport = function() return 200, {}, '{"id":5}' end })
end

-- Every raise here is a string of its own, so that none is taken for another one.
local STOP = "stopped by the hook"

-- Raises at the instruction of that number, and no other -> did it?
local function raise_at(number, fn)
  local raised = false
  pcall(function()
    debug.sethook(function()
      raised = true
      debug.sethook()
      error(STOP, 0)
    end, "", number)
    fn()
    debug.sethook()
  end)
  return raised
end

describe("token function:", function()
  local compiler = rawget(_G, "jit")
  setup(function() if compiler then compiler.off() end end) -- compiled code calls no hook
  after_each(wire.clean)
  teardown(function() if compiler then compiler.on() end end)

  it("case 60: a raise at any instruction of a call leaves it to the next one to ask", function()
    local number, raised = 0, true
    while raised do
      number = number + 1
      local asked = 0
      local client = answered(function()
        asked = asked + 1
        return TOKEN
      end)
      local inge, ulf = assert(client:user(INGE)), assert(client:user(ULF))
      raised = raise_at(number, function() inge:ping() end)
      local good, value, err = pcall(ulf.ping, ulf)
      assert.is_true(good and value ~= nil, "instruction " .. number .. ": " .. tostring(err or value))
      assert.is_true(asked == 1 or asked == 2, "instruction " .. number .. ": asked " .. asked .. " times")
    end
    assert.is_true(number > 100, "ended after " .. number)
  end)

  it("case 60: so does the stack that ends there", function()
    local slots = {}
    for i = 1, 180 do slots[i] = "s" .. i end
    slots = table.concat(slots, ",")
    -- Calls fn with as little room as is left at that depth, and so many slots less.
    local function filled(room)
      local names = {}
      for i = 1, room do names[i] = "r" .. i end
      local text = ([[
        local fn = ...
        local function last() local %s local r = fn() return r end
        local function down(n) local %s if n == 0 then local r = last() return r end local r = down(n - 1) return r end
        return function(depth) return pcall(down, depth) end ]]):format(room > 0 and table.concat(names, ",") or "_",
        slots)
      return assert((loadstring or load)(text))
    end
    local function pinging(client)
      local inge = assert(client:user(INGE))
      return function() return inge:ping() end
    end
    local dig = filled(1)(pinging(answered(TOKEN)))
    local fits, over = 1, 100000
    while fits < over - 1 do
      local middle = math.floor((fits + over) / 2)
      if dig(middle) then fits = middle else over = middle end
    end
    for depth = fits, fits + 1 do
      for room = 0, 180, 5 do
        local client = answered(function() return TOKEN end)
        filled(room)(pinging(client))(depth)
        local good, value = pcall(function() return assert(client:user(ULF)):ping() end)
        assert.is_true(good and value ~= nil, "depth " .. depth .. ", " .. room .. " slots: " .. tostring(value))
      end
    end
  end)

  it("case 60: so does memory that ends, at each allocation", function()
    local child = process.start(function(args)
      if rawget(_G, "jit") then jit.off() end -- whose compiler crashes by itself without memory
      local failing = assert(package.loadlib(args.failing, "luaopen_failing_lua"))()
      local client_of = require "oneflow".client
      local function ping(user) return user:ping() end
      local tries = 0
      for _, count in ipairs { 1, -1 } do
        local n, failed = 0, 1
        while failed > 0 do
          n = n + 1
          local client = assert(client_of { token = function() return args.token end,
            transport = function() return 200, {}, '{"id":5}' end })
          local inge, ulf = assert(client:user(args.inge)), assert(client:user(args.ulf))
          collectgarbage()
          _, failed = failing.try(n, count, ping, inge)
          local value, err = ulf:ping()
          assert(value, string.format("allocation %d, %d: %s", n, count, tostring(err)))
          tries = tries + 1
        end
      end
      return { tries = tries }
    end, { failing = host.failing "lua", token = TOKEN, inge = INGE, ulf = ULF })
    local result = child:result()
    assert.is_true(result.tries > 20, result.tries .. " tries")
  end)

  -- Two functions of one loop need the token; the first is ended while it asks: in the token's function, and once more
  -- after the library's own pcall.
  local function two_calls()
    local calls = { asked = 0 }
    local other = wire.client(wire.healthy())
    local client
    client = answered(function()
      calls.asked = calls.asked + 1
      if calls.asked > 1 then return TOKEN end
      assert(other:user(ULF)):ping() -- lets the other function come this far
      local left = 2
      debug.sethook(function()
        left = left - 1
        if left == 0 then debug.sethook() end
        error(STOP, 0)
      end, "", 1)
      return TOKEN
    end)
    for i, user in ipairs { INGE, ULF } do
      calls[i] = function() return assert(client:user(user)):ping() end
    end
    return calls
  end

  it("case 60: who waits for the answer of a call that was ended so asks itself", function()
    local calls = two_calls()
    local results, failures = oneflow.gather { calls[1], calls[2] }
    debug.sethook()
    assert.equal(1, #failures)
    assert.equal(STOP, failures[1].err)
    assert.is_truthy(results[2])
    assert.equal(2, calls.asked)
  end)

  it("case 60: in a gatherer, too, whose host waits for its descriptor", function()
    local calls, done = two_calls(), {}
    local gatherer = oneflow.gatherer()
    for i = 1, 2 do gatherer:add(calls[i], function(...) done[i] = { ... } end) end
    local late = core.monotonic() + 5 * wire.slow
    repeat gatherer:poll(0.1) until done[1] and done[2] or core.monotonic() > late
    debug.sethook()
    assert.equal(STOP, done[1][2])
    assert.is_truthy(done[2] and done[2][1])
    assert.equal(2, calls.asked)
  end)

  it("case 60: who yields by himself in there leaves it to the next one to ask", function()
    local asked = 0
    local client = answered(function()
      asked = asked + 1
      if asked == 1 then coroutine.yield "for another scheduler" end
      return TOKEN
    end)
    local results, failures = oneflow.gather {
      function() return assert(client:user(INGE)):ping() end, function() return assert(client:user(ULF)):ping() end,
    }
    assert.equal(1, #failures)
    assert.is_truthy(string.find(failures[1].err, "yielded by itself", 1, true))
    assert.is_truthy(results[2])
    assert(assert(client:user(INGE)):ping())
    assert.equal(2, asked)
  end)

  it("what was not sent again after a refused token may be repeated: nothing was done", function()
    for _, method in ipairs(wire.METHODS) do
      local target = wire.faulty(function(c)
        c:reply(401, { "content-type: application/json" }, '{"title":"Unauthorized"}')
        return false
      end)
      local client = wire.client(target, { token = function(reason)
        if reason == "refused" then target:stop() end
        return ((reason == "first" and "f") or "g"):rep(40)
      end })
      local value, err = wire.call(client, method)
      assert.is_nil(value)
      assert.same({ "connection", "refused", 2, true }, { err.kind, err.outcome, err.attempts, err.retryable })
      client:close()
    end
  end)

  it("a call from within the function still gets this error, however deep", function()
    local client, message
    client = answered(function()
      local _
      local function down(n)
        if n > 0 then
          local r = down(n - 1)
          return r
        end
        _, message = pcall(function() return client:user(INGE):ping() end)
        return _
      end
      down(3000)
      return TOKEN
    end)
    assert(assert(client:user(ULF)):ping())
    assert.is_truthy(string.find(message, "the token function calls the client that asks it", 1, true), message)
  end)
end)

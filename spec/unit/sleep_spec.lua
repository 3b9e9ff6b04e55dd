-- oneflow.sleep, in simulated time: whole programs over a sandbox in this process.
local clock = require "oneflow.base.clock"
local limited = require "oneflow.limited"
local oneflow = require "oneflow"
local simulated = require "spec.support.simulated"
local testing = require "oneflow.testing"

local START = 1900000000 -- 2030-03-17T17:46:40Z
local HOUR, DAY = 3600, 86400

-- Beyond what a busy machine takes for such a spec.
local REAL_SECONDS = 2

describe("sleep:", function()
  local real_start, real_seconds
  before_each(function()
    real_start, real_seconds = clock.monotonic(), REAL_SECONDS
    simulated.start(START)
  end)
  after_each(function()
    simulated.stop()
    local took = clock.monotonic() - real_start
    assert.is_true(took < real_seconds, "simulated time took " .. math.floor(took * 1000) .. " ms of real time")
  end)

  -- A user of a sandbox, and one contract of its.
  local function sandbox()
    local box = testing.sandbox {}
    local user = assert(box:client():user(box.users[1].email))
    return user, box, user:contract(box.contracts[1])
  end

  -- When the emulator says that something was done, seconds after the start.
  local function done_at(contract)
    return oneflow.time.parse(contract.data.updated_time) - START
  end

  it("a script waits a day, and its calls before and after are a day apart", function()
    local _, _, contract = sandbox()
    local first = assert(contract:update { _private = { name = "today" } })
    assert.is_true(oneflow.sleep(DAY))
    local second = assert(contract:update { _private = { name = "tomorrow" } })
    assert.equal(0, done_at(first))
    assert.equal(DAY, done_at(second))
    assert.equal(DAY, clock.monotonic())
  end)

  it("in gather each waits for its own time, and the others go on meanwhile", function()
    local user, box = sandbox()
    local ids = box:add_contracts(4, { state = "draft" })
    local order = {}
    local results, failures = oneflow.map({ 24, 2, 7, 2 }, function(hours, index)
      local contract = user:contract(ids[index])
      for hour = 1, hours do
        assert(oneflow.sleep(HOUR))
        if hour % 2 == 0 then contract = assert(contract:update { _private = { name = "hour " .. hour } }) end
      end
      order[#order + 1] = index
      return done_at(contract) / HOUR
    end)
    assert.same({}, failures)
    assert.same({ 24, 2, 6, 2, n = 4 }, results)
    assert.equal(1, order[4])
    assert.equal(3, order[3])
    assert.equal(DAY, clock.monotonic())
  end)

  it("a gatherer's host gets the time that it may wait: a day", function()
    local user, box = sandbox()
    local ids = box:add_contracts(3, { state = "draft" })
    local gatherer = oneflow.gatherer()
    assert.is_nil(gatherer:timeout())
    local ended, turns = {}, 0
    for index, hours in ipairs { 24, 1, 5 } do
      gatherer:add(function()
        assert(oneflow.sleep(hours * HOUR))
        return user:contract(ids[index]):update { _private = { name = "after " .. hours .. " hours" } }
      end, function(contract, err) ended[#ended + 1] = contract and done_at(contract) / HOUR or tostring(err) end)
    end
    assert.equal(HOUR, gatherer:timeout())
    repeat
      local seconds = gatherer:timeout()
      if seconds > 0 then clock.sleep(seconds) end -- as a host's loop does
      turns = turns + 1
    until gatherer:poll(0)
    assert.same({ 1, 5, 24 }, ended)
    assert.equal(3, turns)
    assert.is_nil(gatherer:timeout())
    -- And waited for by the gatherer itself.
    gatherer:add(function() return oneflow.sleep(DAY) end)
    assert.is_false(gatherer:poll(HOUR))
    assert.equal(DAY - HOUR, gatherer:timeout())
    gatherer:wait()
    assert.equal(2 * DAY, clock.monotonic())
  end)

  it("a thousand at once end in the order of their times", function()
    local ended, wanted, seconds = {}, {}, {}
    for i = 1, 1000 do
      seconds[i] = (i * 7919) % 1009 + 1 -- each another one
      wanted[i] = seconds[i]
    end
    table.sort(wanted)
    oneflow.map(seconds, function(length)
      assert(oneflow.sleep(length))
      ended[#ended + 1] = length
      return true
    end, { concurrency = 1000 })
    assert.same(wanted, ended)
    assert.equal(wanted[1000], clock.monotonic())
  end)

  it("0 lets the others go on once", function()
    local steps = {}
    oneflow.gather {
      function()
        steps[#steps + 1] = "a1"
        oneflow.sleep(0)
        steps[#steps + 1] = "a2"
      end,
      function() steps[#steps + 1] = "b" end,
    }
    assert.same({ "a1", "b", "a2" }, steps)
    assert.is_true(oneflow.sleep(0))
    assert.equal(0, clock.monotonic())
  end)

  it("a stop wakes all that sleep, in nested gathers too, and does not affect others", function()
    local errors, outside = {}, nil
    local function wait()
      local good, err = oneflow.sleep(DAY)
      assert.is_nil(good)
      errors[#errors + 1] = err
      local again, also = oneflow.sleep(1) -- nothing waits in there any more
      assert.is_nil(again)
      assert.equal("cancelled", also.kind)
      return nil, err
    end
    oneflow.gather {
      function() outside = oneflow.sleep(HOUR) end,
      function()
        local _, failures = oneflow.gather {
          wait, wait,
          function() return oneflow.map({ 1, 2 }, wait) end,
          function()
            oneflow.sleep(60)
            return nil, "enough"
          end,
          stop = true,
        }
        assert.equal("enough", failures[1].err)
        assert.equal(60, clock.monotonic())
      end,
    }
    assert.equal(4, #errors)
    for _, err in ipairs(errors) do
      assert.equal("cancelled not_sent false", err.kind .. " " .. err.outcome .. " " .. tostring(err.retryable))
      assert.equal("sleep: cancelled, not_sent: another item of the gather failed", tostring(err))
    end
    assert.is_true(outside)
    assert.equal(HOUR, clock.monotonic())
  end)

  it("a raise of progress, and a raise in the loop, wake them too", function()
    local slept
    local good, raised = pcall(oneflow.map, { 1, HOUR }, function(seconds)
      slept = { oneflow.sleep(seconds) }
      return (table.unpack or unpack)(slept)
    end, { progress = function() error("full", 0) end })
    assert.is_false(good)
    assert.equal("full", raised.reason)
    assert.equal("cancelled", slept[2].kind)
    assert.equal(1, clock.monotonic())

    local sleep = clock.sleep
    function clock.sleep() -- as a signal's handler, in the thread that waits
      clock.sleep = sleep
      error("interrupted!", 0)
    end
    good, raised = pcall(oneflow.gather, { function()
      slept = { oneflow.sleep(HOUR) }
      return (table.unpack or unpack)(slept)
    end })
    assert.is_false(good)
    assert.equal("interrupted!", raised.reason)
    assert.equal("cancelled", slept[2].kind)
    assert.equal("cancelled", raised.failures[1].err.kind)
    assert.equal(1, clock.monotonic())
  end)

  it("a gatherer's cancel wakes one function, or all, at once", function()
    local gatherer = oneflow.gatherer()
    local told = {}
    local handles = {}
    for i = 1, 3 do
      handles[i] = gatherer:add(function() return oneflow.sleep(i * HOUR) end, function(value, err)
        told[#told + 1] = i .. " " .. tostring(value or err)
      end)
    end
    gatherer:cancel(handles[2])
    assert.same({ "2 sleep: cancelled, not_sent: the function was cancelled" }, told)
    assert.equal(HOUR, gatherer:timeout())
    gatherer:cancel()
    assert.equal(3, #told)
    assert.is_nil(gatherer:timeout())
    assert.is_true(gatherer:poll(0))
    gatherer:add(function() return oneflow.sleep(5) end, function(value, err) told[4] = value or err end)
    gatherer:wait()
    assert.is_true(told[4])
  end)

  it("a raise that cuts a gatherer's turn short ends no sleep too early", function()
    local gatherer = oneflow.gatherer()
    local ended_at = {}
    for i = 1, 3 do
      gatherer:add(function() return oneflow.sleep(i * HOUR) end, function() ended_at[i] = clock.monotonic() end)
    end
    local sleep = clock.sleep
    function clock.sleep()
      clock.sleep = sleep
      error("interrupted!", 0)
    end
    assert.has_error(function() gatherer:poll(60) end, "interrupted!")
    assert.equal(0, gatherer:timeout())
    gatherer:wait()
    assert.same({ HOUR, 2 * HOUR, 3 * HOUR }, ended_at)
  end)

  -- A hook that raises at one instruction of the loop's thread, each time another.
  it("a raise anywhere in the loop loses no sleep, and ends none too early", function()
    if rawget(_G, "jit") then jit.off() jit.flush() end -- what is compiled knows no hooks
    finally(function()
      debug.sethook()
      if rawget(_G, "jit") then jit.on() end
    end)
    real_seconds = 60 -- many programs, each step by step
    local main, gatherer, ended, wrong = coroutine.running(), nil, nil, {}
    local seconds = { 5, 3, 8, 1, 1, 6, 2, 7 }
    local function begin()
      gatherer, ended = oneflow.gatherer(), {}
      for i, length in ipairs(seconds) do
        local due = clock.monotonic() + length
        gatherer:add(function()
          local good, why = pcall(oneflow.sleep, length)
          if good and clock.monotonic() < due then wrong[#wrong + 1] = i .. " too early" end
          return good, why
        end, function() ended[i] = (ended[i] or 0) + 1 end)
      end
      gatherer:cancel(gatherer:add(function() return oneflow.sleep(4) end))
    end
    local raised, at = true, 0
    while raised do
      begin()
      at, raised = at + 1, false
      pcall(function()
        debug.sethook(function()
          if coroutine.running() ~= main then return end
          debug.sethook()
          raised = true
          error("at " .. at, 0)
        end, "", at)
        repeat until gatherer:poll(10)
        debug.sethook()
      end)
      repeat until gatherer:poll(10)
      for i = 1, #seconds do
        if ended[i] ~= 1 then wrong[#wrong + 1] = i .. " ended " .. tostring(ended[i]) .. " times" end
      end
      if wrong[1] then error(string.format("raised at instruction %d: %s", at, table.concat(wrong, ", "))) end
    end
    assert.is_true(at > 500, at)
  end)

  it("where a function of the caller's cannot yield it waits as in a script", function()
    oneflow.gather { function()
      local generator = coroutine.wrap(function()
        assert(oneflow.sleep(HOUR))
        coroutine.yield(clock.monotonic())
      end)
      assert.equal(HOUR, generator())
      local list = { 2, 1 }
      table.sort(list, function(a, b)
        assert(oneflow.sleep(1))
        return a < b
      end)
      assert.same({ 1, 2 }, list)
      assert.is_true(clock.monotonic() > HOUR)
      return true
    end }
  end)

  it("takes seconds from 0 to 30 days, and says so at the caller's line", function()
    local function refused(message, ...)
      local good, problem = pcall(oneflow.sleep, ...)
      assert.is_false(good)
      assert.is_truthy(string.find(problem, "sleep_spec%.lua:%d+: oneflow: sleep: " .. message), problem)
    end
    local range = "seconds from 0 to 2592000 expected$"
    for _, seconds in ipairs { -1, -1 / 1000, 0 / 0, math.huge, -math.huge, 2592001, 2 ^ 53 } do
      refused(range, seconds)
    end
    refused "number of seconds expected, got nil$"
    refused("number of seconds expected, got string$", "5")
    refused("number of seconds expected, got table$", {})
    assert.equal(0, clock.monotonic())
    assert.is_true(oneflow.sleep(30 * DAY))
    assert.equal(30 * DAY, clock.monotonic())
  end)

  it("a limited script has it when its environment gives it, and waits beside the others", function()
    local run = assert(limited.load("local ok, err = sleep(3600) return ok, err and err.kind", "wait.lua",
      { sleep = oneflow.sleep }))
    local results = oneflow.gather { run, run }
    assert.same({ true, true, n = 2 }, results)
    assert.equal(HOUR, clock.monotonic())
    assert.equal("cancelled", (select(2, oneflow.gather { run, function() return nil, "no" end, stop = true }))[2].err)
    assert.is_false((pcall(assert(limited.load("sleep(1)", "wait.lua")))))
  end)
end)

describe("a call's time:", function()
  before_each(function() simulated.start(START) end)
  after_each(simulated.stop)

  -- A client whose requests are noted, with when they came.
  local function client_of(options)
    local sent = {}
    options.base_url, options.transport = "http://127.0.0.1:1/v1", function(request)
      sent[#sent + 1] = { path = request.path, at = clock.monotonic() }
      return 200, {}, '{"id":4711}'
    end
    return assert(assert(oneflow.client(options)):user "eva@example.com"), sent
  end

  it("begins before the token is asked for, also by a function that sleeps", function()
    local eva, sent = client_of { timeout = 20, token = function()
      assert(oneflow.sleep(21))
      return ("k"):rep(40)
    end }
    local contract, err = eva:contract(4711):get()
    assert.is_nil(contract)
    assert.equal("timeout not_sent", err.kind .. " " .. err.outcome)
    assert.equal(21, clock.monotonic())
    assert.same({}, sent)
    assert(eva:contract(4711):get())
    assert.equal(1, #sent)
  end)

  it("ends while another call's function is asked for the token", function()
    local eva, sent = client_of { timeout = 100, token = function()
      assert(oneflow.sleep(50))
      return ("k"):rep(40)
    end }
    local ended = {}
    local function get(timeout)
      return function()
        local contract, err = eva:contract(4711):get { timeout = timeout }
        ended[#ended + 1] = clock.monotonic() .. " " .. (contract and "done" or err.kind .. " " .. err.outcome)
        return true
      end
    end
    oneflow.gather { get(100), get(7), get(60), get(30) }
    for i, text in ipairs(ended) do ended[i] = string.gsub(text, "%.0 ", " ") end
    assert.same({ "7 timeout not_sent", "30 timeout not_sent", "50 done", "50 done" }, ended)
    assert.equal(2, #sent)

    simulated.start(START)
    eva = client_of { timeout = 100, token = function() return nil, oneflow.sleep(50) and "none today" end }
    ended = {}
    local gatherer = oneflow.gatherer()
    gatherer:add(get(100))
    gatherer:add(get(7))
    assert.is_true(gatherer:timeout() <= 7)
    gatherer:wait()
    for i, text in ipairs(ended) do ended[i] = string.gsub(text, "%.0 ", " ") end
    assert.same({ "7 timeout not_sent", "50 validation not_sent" }, ended)
  end)
end)

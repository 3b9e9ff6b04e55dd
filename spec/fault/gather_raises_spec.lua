-- Errors raised in a gather, or out of it: the caller gets whatever was done by then.
local oneflow = require "oneflow"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Contract N is published, and its answer names it. With args.hold the answers come when it is told to go on.
local function publisher(hold)
  return server.start(function(s, args)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        s.note "arrived"
        if args.hold then s.await "go on" end
        c:reply(200, { "content-type: application/json" }, '{"id":' .. (id or 0) .. ',"state":"pending"}')
      end
    end)
  end, { hold = hold or false })
end

local function user_of(target, options)
  local settings = { timeout = 20, attempt_timeout = 20, hooks = false }
  for name, value in pairs(options or {}) do settings[name] = value end
  local client = wire.client(target, settings)
  return assert(client:user(wire.SVEN)), client
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

-- For a function of a gather: makes other calls until that many have arrived, and lets the server answer.
local function release(target, count)
  local elsewhere = user_of(wire.healthy())
  repeat assert(elsewhere:contract(4711):get()) until #target:journal() == count
  target:tell "go on"
end

-- What arrived at the server: by contract, how often.
local function arrivals(target)
  local by_id = {}
  for _, request in ipairs((target:journal())) do
    local id = tonumber(string.match(request.target, "/contracts/(%d+)/publish"))
    if id then by_id[id] = (by_id[id] or 0) + 1 end
  end
  return by_id
end

-- Every publish that arrived is a result or a failure that says `unknown`, once; all others are not done.
local function check_complete(target, results, failures, where)
  local arrived, failed = arrivals(target), {}
  for _, failure in ipairs(failures) do
    assert.is_nil(failed[failure.index], where .. "two failures of " .. failure.index)
    assert.is_nil(results[failure.index], where)
    failed[failure.index] = failure
  end
  for i = 1, results.n do
    assert.is_true(results[i] ~= nil or failed[i] ~= nil, where .. "nothing of " .. i)
    if results[i] then
      assert.equal(i, results[i].id, where)
      assert.equal(1, arrived[i], where)
    elseif arrived[i] then
      assert.equal("unknown", failed[i].err.outcome, where .. tostring(failed[i].err))
    end
  end
  for id, times in pairs(arrived) do
    assert.equal(1, times, where .. id)
    assert.is_true(id <= results.n, where .. id)
  end
end

describe("raises in a gather:", function()
  after_each(wire.clean)

  local raisers = {
    progress = function(oops, options)
      options.progress = function(done) if done == 3 then error(oops) end end
    end,
    on_result = function(oops, options)
      local count = 0
      options.on_result = function()
        count = count + 1
        if count >= 3 then error(oops) end
      end
    end,
    iterator = function(oops, _)
      local at = 0
      return function()
        at = at + 1
        if at == 6 then error(oops) end
        return at
      end
    end,
  }

  for name, prepare in pairs(raisers) do
    it("case 62: what the " .. name .. " raises carries the results so far, and those of what was on the wire",
      function()
      local target = publisher()
      local sven = user_of(target)
      local oops = setmetatable({}, { __tostring = function() return "the pipe broke" end })
      local options = { concurrency = 4 }
      local items = prepare(oops, options) or numbers(20)
      local good, raised = pcall(oneflow.map, items, function(i) return sven:contract(i):publish {} end, options)
      assert.is_false(good)
      assert.equal(oops, raised.reason)
      assert.equal("the pipe broke", tostring(raised))
      assert.equal("it: the pipe broke!", "it: " .. raised .. "!")
      assert.is_false(getmetatable(raised))
      assert.is_truthy(string.find(raised.traceback, "gather_raises_spec", 1, true))
      assert.is_true(raised.results.n >= 3 and raised.results.n < 20, raised.results.n)
      check_complete(target, raised.results, raised.failures, "")
      for i = 1, raised.results.n do -- none was lost: a POST on the wire runs to its end
        local arrived = arrivals(target)[i]
        assert.equal(arrived ~= nil, raised.results[i] ~= nil)
      end
      wire.good_call((select(2, user_of(wire.healthy()))))
    end)
  end

  it("case 62: in gather, too; a string is the reason with its place, and anything can be one", function()
    local target = publisher()
    local sven = user_of(target)
    local function publish() return sven:contract(1):publish {} end
    local good, raised = pcall(oneflow.gather, { publish, concurrency = 1, progress = function() error "EPIPE" end })
    assert.is_false(good)
    assert.is_truthy(string.find(tostring(raised), "^spec/fault/gather_raises_spec%.lua:%d+: EPIPE$"), tostring(raised))
    assert.equal(1, raised.results[1].id)
    good, raised = pcall(oneflow.gather, { publish, progress = function() error() end })
    assert.is_false(good)
    assert.is_nil(raised.reason)
    assert.equal("nil", tostring(raised))
    local mute = setmetatable({}, { __tostring = function() error "no" end })
    good, raised = pcall(oneflow.gather, { publish, progress = function() error(mute) end })
    assert.is_false(good)
    assert.equal(mute, raised.reason)
    assert.equal("a value that does not print: table", tostring(raised))
  end)

  it("on_result is called once for each item, as soon as it has ended, whatever its result is", function()
    local target = publisher()
    local sven = user_of(target)
    local told = {}
    local results, failures = oneflow.map({ 1, "no id", 3, 4, 5 }, function(i)
      if i == 3 then return nil end
      if i == 4 then error("four", 0) end
      if i == 5 then return false, "five" end
      return sven:contract(i):publish {}
    end, { concurrency = 1, on_result = function(...)
      told[#told + 1] = { n = select("#", ...), ... }
    end })
    assert.equal(5, #told)
    for i = 1, 5 do
      assert.equal(4, told[i].n)
      assert.equal(i, told[i][1])
    end
    assert.equal(results[1], told[1][3])
    assert.is_nil(told[1][4])
    assert.equal("no id", told[2][2])
    assert.equal("validation", told[2][4].kind)
    assert.is_nil(told[3][3] or told[3][4])
    assert.equal("four", told[4][4])
    assert.is_nil(told[5][3])
    assert.equal("five", told[5][4])
    assert.equal(3, #failures)

    -- While another waits; and its calls wait as those of the functions.
    target:stop()
    target = publisher(true)
    sven = user_of(target)
    local order = {}
    oneflow.map({ 1, 2, 3 }, function(i)
      if i == 1 then return sven:contract(1):publish {} end
      if i == 3 then release(target, 2) end
      return i
    end, { on_result = function(index)
      if index == 2 then assert(sven:contract(9):publish {}) end
      order[#order + 1] = index
    end })
    assert.equal(3, order[1])
    assert.equal(3, #order)
    assert.same({ [1] = 1, [9] = 1 }, arrivals(target))
  end)

  it("on_result is called for items that end after an error, but not after its own", function()
    local target = publisher()
    local sven = user_of(target)
    local told, again = {}, 0
    local function publish(i) return sven:contract(i):publish {} end
    local good, raised = pcall(oneflow.map, numbers(9), publish, {
      concurrency = 3, on_result = function(index) told[#told + 1] = index end,
      progress = function(done) if done == 2 then error("over", 0) end end,
    })
    assert.is_false(good)
    assert.equal("over", raised.reason)
    table.sort(told)
    assert.same(numbers(raised.results.n), told)
    good, raised = pcall(oneflow.map, numbers(9), publish, { concurrency = 3, on_result = function()
      again = again + 1
      error("told no more", 0)
    end })
    assert.is_false(good)
    assert.equal("told no more", raised.reason)
    assert.equal(1, again)
    assert.is_true(raised.results.n >= 3)
  end)

  it("case 62: a second raise, while all ends, is reported", function()
    local target = publisher()
    local child = process.start(function(args)
      local oneflow_ = require "oneflow"
      local client = oneflow_.client { base_url = args.url, token = args.token }
      local sven = client:user "sven@example.com"
      local ended = 0
      local good, raised = pcall(oneflow_.map, { 1, 2, 3 }, function(i) return sven:contract(i):publish {} end, {
        progress = function() error("the first", 0) end,
        on_result = function()
          ended = ended + 1
          if ended == 2 then error("the second", 0) end
        end,
      })
      return { good = good, reason = raised.reason, n = raised.results.n, third = raised.results[3].id }
    end, { url = target.url, token = wire.TOKEN })
    local _, _, output, errors = child:wait()
    assert.equal('{"good":false,"n":3,"reason":"the first","third":3}', table.concat(
      (function(text)
        local parts = {}
        for part in string.gmatch(text, '"[^,}]+') do parts[#parts + 1] = string.gsub(part, "%.0$", "") end
        table.sort(parts)
        return { "{", table.concat(parts, ","), "}" }
      end)(output)))
    assert.equal("oneflow: gather: on_result raised: the second\n", errors)
  end)

  it("case 62: nested gathers keep theirs", function()
    local target = publisher()
    local sven = user_of(target)
    local function publish(i) return sven:contract(i):publish {} end
    local results, failures = oneflow.gather {
      function()
        return oneflow.map({ 1, 2, 3 }, publish, { concurrency = 1, progress = function(done)
          if done == 2 then error("inner", 0) end
        end })
      end,
      function() return publish(7) end,
    }
    assert.equal(7, results[2].id)
    assert.equal(1, #failures)
    assert.equal("inner", tostring(failures[1].err))
    assert.equal(1, failures[1].err.results[1].id)
    assert.equal(2, failures[1].err.results[2].id)
    local good, outer = pcall(oneflow.map, function()
      oneflow.map({ 11 }, publish, { progress = function() error("iterator's", 0) end })
    end, publish)
    assert.is_false(good)
    assert.equal("iterator's", tostring(outer))
    assert.equal("iterator's", outer.reason.reason)
    assert.equal(11, outer.reason.results[1].id)
    assert.equal(0, outer.results.n)
  end)

  it("case 62: what an iterator gave while all was stopped is reported as not sent", function()
    local target = publisher(true)
    local sven = user_of(target)
    local at = 0
    local good, raised = pcall(oneflow.map, function()
      at = at + 1
      if at == 2 then assert(sven:contract(99):publish {}) end
      return at
    end, function(i)
      release(target, 1)
      return i
    end, { concurrency = 2, progress = function() error("stop", 0) end })
    assert.is_false(good)
    assert.equal(2, at)
    assert.equal(1, raised.results[1])
    assert.equal(2, raised.results.n)
    assert.equal(2, raised.failures[1].index)
    assert.equal(2, raised.failures[1].item)
    assert.equal("cancelled", raised.failures[1].err.kind)
    assert.equal("not_sent", raised.failures[1].err.outcome)
  end)

  -- The interpreter's own Ctrl-C: a hook that raises in the main thread.
  it("case 62: Ctrl-C: the results are in what it raises, once what was on the wire has ended", function()
    local target = publisher(true)
    local child = process.start(function(args)
      local oneflow_ = require "oneflow"
      local client = oneflow_.client { base_url = args.url, token = args.token, concurrency = 3 }
      local sven = client:user "sven@example.com"
      local good, raised = pcall(oneflow_.map, { 1, 2, 3, 4, 5, 6 }, function(i)
        return sven:contract(i):publish {}
      end, { concurrency = 5 })
      local ids, kinds = {}, {}
      for i = 1, raised.results.n do ids[#ids + 1] = raised.results[i] and raised.results[i].id or 0 end
      for i, failure in ipairs(raised.failures) do
        kinds[i] = failure.index .. " " .. failure.err.kind .. " " .. failure.err.outcome
      end
      table.sort(kinds)
      return { good = good, reason = tostring(raised), ids = table.concat(ids, " "), kinds = table.concat(kinds, ", ") }
    end, { url = target.url, token = wire.TOKEN })
    target:wait("arrived", 3)
    child:kill "sigint"
    process.eventually("the cancels", function() -- those that wait for a place are dropped at once
      if #arrivals(target) > 3 then error "sent after it" end
      return true
    end)
    target:tell "go on"
    local result = child:result()
    assert.is_false(result.good)
    assert.is_truthy(string.find(result.reason, "interrupted!", 1, true), result.reason)
    if not rawget(_G, "jit") then -- whose hook may raise in one of the functions as well
      assert.equal("1 2 3 0 0", (string.gsub(result.ids, "%.0", "")))
      assert.equal("4 cancelled not_sent, 5 cancelled not_sent", (string.gsub(result.kinds, "%.0", "")))
    end
  end)

  -- A hook that raises at one instruction of the loop's thread, each time another.
  it("case 62: a raise anywhere in the loop loses nothing, and nothing is done twice", function()
    if rawget(_G, "jit") then jit.off() jit.flush() end -- what is compiled knows no hooks
    finally(function()
      debug.sethook()
      if rawget(_G, "jit") then jit.on() end
    end)
    local running, sethook = coroutine.running, debug.sethook
    local main = running()
    local seed = os.time()
    math.randomseed(seed)
    local over, at, round, raw, target, sven = false, math.random(10), 0, 0, nil, nil
    while not over do
      if round % 40 == 0 then -- the journal of one would grow long
        if target then target:stop() end
        target = publisher()
        sven = user_of(target, { concurrency = 2 })
      end
      round, at = round + 1, at + math.random(60)
      local where = string.format("seed %d, instruction %d: ", seed, at)
      local base, count, ran = round * 10, 0, {}
      local function publish(i)
        ran[i] = (ran[i] or 0) + 1
        return sven:contract(base + i):publish {}
      end
      local function hook()
        if running() ~= main then return end
        count = count + 1
        if count == at then
          sethook()
          error("interrupted!", 0)
        end
      end
      local list, options = numbers(6), { concurrency = 3, on_result = function(i) return i end }
      local good, raised, failures = pcall(function()
        sethook(hook, "", 1)
        local results, failed = oneflow.map(list, publish, options)
        sethook()
        return results, failed
      end)
      sethook()
      if good then
        over = count < at
        assert.is_true(over, where)
        assert.same({}, failures, where)
        assert.equal(6, raised.n, where)
      elseif raised == "interrupted!" then -- before it began, or when it was over
        raw = raw + (ran[1] and 1 or 0)
        assert.is_true(ran[1] == nil or (ran[6] == 1 and raw < 15), where .. raw)
      else
        assert.equal("interrupted!", raised.reason, where)
        local results, n, arrived = {}, raised.results.n, arrivals(target)
        for i = 1, 6 do assert.is_true((ran[i] or 0) <= 1, where) end
        for i = 1, n do results[i] = raised.results[i] and { id = raised.results[i].id - base } end
        results.n = n
        check_complete({ journal = function()
          local requests = {}
          for i = 1, 6 do
            for _ = 1, arrived[base + i] or 0 do
              requests[#requests + 1] = { target = "/contracts/" .. i .. "/publish" }
            end
          end
          return requests
        end }, results, raised.failures, where)
      end
    end
    assert.is_true(round > 30, round .. " rounds")
    wire.good_call((select(2, user_of(wire.healthy()))))
  end)

  it("case 62: a raise anywhere in a gatherer loses nothing, and nothing is done twice", function()
    if rawget(_G, "jit") then jit.off() jit.flush() end
    finally(function()
      debug.sethook()
      if rawget(_G, "jit") then jit.on() end
    end)
    local running, sethook = coroutine.running, debug.sethook
    local main = running()
    local seed = os.time()
    math.randomseed(seed)
    local over, at, round, target, sven, client = false, math.random(10), 0, nil, nil, nil
    while not over do
      if round % 40 == 0 then
        if target then
          client:close()
          target:stop()
        end
        target = publisher()
        sven, client = user_of(target, { concurrency = 2 })
      end
      round, at = round + 1, at + math.random(60)
      local where = string.format("seed %d, instruction %d: ", seed, at)
      local base, count, added, told, raised = round * 10, 0, {}, {}, 0
      local gatherer = oneflow.gatherer { concurrency = 3 }
      local function hook()
        if running() ~= main then return end
        count = count + 1
        if count == at then
          sethook()
          error("interrupted!", 0)
        end
      end
      local function with_hook(fn)
        local good, what = pcall(function()
          if count < at then sethook(hook, "", 1) end
          fn()
          sethook()
        end)
        sethook()
        if not good then
          assert.equal("interrupted!", what, where)
          raised = raised + 1
        end
      end
      for i = 1, 6 do
        local function publish() return sven:contract(base + i):publish {} end
        local function on_done(contract)
          told[i] = (told[i] or 0) + 1
          assert(contract.id == base + i)
        end
        with_hook(function() added[i] = gatherer:add(publish, on_done) end)
      end
      local idle
      repeat
        with_hook(function() idle = gatherer:poll(1) end)
      until idle
      over = count < at
      assert.is_true(raised == 1 or over and raised == 0, where)
      local arrived = arrivals(target)
      for i = 1, 6 do
        assert.equal(told[i], arrived[base + i], where .. i)
        if told[i] then assert.equal(1, told[i], where .. i) end
        assert.is_true(told[i] == 1 or added[i] == nil, where .. i)
      end
    end
    client:close()
    assert.is_true(round > 30, round .. " rounds")
  end)

  it("case 62: of two that raise in one turn poll raises the first, the other is reported; all on_done are called",
    function()
    local child = process.start(function()
      local oneflow_ = require "oneflow"
      local gatherer, told, raised = oneflow_.gatherer(), {}, {}
      gatherer:add(function() -- these run in one turn
        for i = 1, 4 do
          gatherer:add(function() return i end, function(value)
            if i == 2 or i == 3 then error("on_done " .. i, 0) end
            told[#told + 1] = tostring(value)
          end)
        end
      end)
      repeat
        local good, idle = pcall(gatherer.poll, gatherer, 5)
        if not good then raised[#raised + 1] = idle end
      until good and idle
      return { told = table.concat(told, " "), raised = raised }
    end)
    local code, _, output, errors = child:wait()
    assert.equal(0, code, errors)
    assert.is_truthy(string.find(output, '"told":"1 4"', 1, true), output)
    assert.is_truthy(string.find(output, '"raised":["on_done 2"]', 1, true), output)
    assert.equal("oneflow: gatherer: on_done raised: on_done 3\n", errors)
  end)

  it("case 62: add raises what its own function raised; that of another is left to poll", function()
    local target = publisher()
    local sven, client = user_of(target)
    local gatherer = oneflow.gatherer()
    local good, what = pcall(gatherer.add, gatherer, function() error("at once", 0) end)
    assert.is_false(good)
    assert.equal("at once", what)
    local handle, inner
    gatherer:add(function()
      inner = gatherer:add(function() error("inside", 0) end)
      return true
    end)
    assert.is_truthy(inner)
    handle = gatherer:add(function() return sven:contract(1):publish {} end)
    assert.is_truthy(handle)
    assert.equal(0, gatherer:timeout())
    good, what = pcall(gatherer.poll, gatherer, 0)
    assert.is_false(good)
    assert.equal("inside", what)
    gatherer:wait()
    assert.same({ 1 }, arrivals(target))
    client:close()
  end)

  it("case 62: on_done may make calls, which wait as those of the functions; also after a cancel", function()
    local target = publisher()
    local sven, client = user_of(target)
    local gatherer, got = oneflow.gatherer { concurrency = 2 }, {}
    for i = 1, 4 do
      gatherer:add(function() return i end, function(value, err)
        got[i] = assert(sven:contract(10 + i):publish {}).id .. " " .. tostring(value or err.kind)
      end)
    end
    assert.is_nil(next(got)) -- add did not wait for them
    gatherer:cancel()
    gatherer:wait()
    assert.same({ "11 1", "12 2", "13 cancelled", "14 cancelled" }, got)
    client:close()
  end)
end)

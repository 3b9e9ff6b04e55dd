-- A debug hook raises at each instruction of the library in turn, as a Ctrl-C may, and once more during the clean-up:
-- what has arrived at the service is in the raised error, given to on_done, or written in a line.
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Publishes; a GET of contract 1 is answered with what has arrived since the last one, by contract.
local function start()
  return server.start(function(s)
    local arrived = {}
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        local answer = '{"id":' .. id .. ',"state":"pending"}'
        if request.method == "POST" then
          arrived[#arrived + 1] = id
        elseif id == "1" then
          answer = '{"id":1,"arrived":[' .. table.concat(arrived, ",") .. "]}"
          arrived = {}
        end
        c:reply(200, { "content-type: application/json" }, answer)
      end
    end)
  end)
end

-- In a process of its own, for its lines.
local function program(args)
  if rawget(_G, "jit") then jit.off() end -- what is compiled calls no hook
  local oneflow = require "oneflow"
  local function client() return assert(oneflow.client { base_url = args.url, token = args.token, concurrency = 2 }) end
  local sven, counter = client():user "sven@example.com", client():user("sven@example.com"):contract(1)
  local running, sethook, getinfo = coroutine.running, debug.sethook, debug.getinfo
  local main = running()
  math.randomseed(args.seed)

  local at, gap, count, raised, where = 0, 0, 0, 0, ""
  local function is_ours()
    if running() ~= main then return false end
    return string.find(getinfo(3, "S").source, "lua/oneflow/", 1, true)
  end
  local function hook()
    if not is_ours() then return end
    count = count + 1
    if count > 100000 then error "it goes on for ever" end
    if count == at or args.twice and count == at + gap then
      local call = getinfo(2, "Sl")
      where = where .. " " .. call.short_src .. ":" .. call.currentline
      raised = raised + 1
      error("interrupted!", 0)
    end
  end
  local function hooked(fn)
    local function run()
      sethook(hook, "", 1)
      local a, b = fn()
      sethook()
      return a, b
    end
    local good, a, b = pcall(run)
    sethook()
    return good, a, b
  end

  local base = 0
  local known -- the contracts of which is known what became of them, by id
  local function publish(i)
    local value, err = sven:contract(base + i):publish {}
    return value, err
  end
  local function note(results, failures)
    for i = 1, results.n do
      local value = results[i]
      if type(value) == "table" and not getmetatable(value) then
        note(value.results, value.failures)
      elseif value then
        known[value.id] = true
      end
    end
    for _, failure in ipairs(failures) do
      assert(failure.index, "a failure without an index")
      local err = failure.err
      if err.results then
        note(err.results, err.failures)
      elseif err.outcome == "unknown" then
        known[base + (failure.item == "last" and 3 or failure.index)] = true
      end
    end
  end
  local function look(good, results, failures)
    if results == "interrupted!" then return false end
    if good then note(results, failures) else note(results.results, results.failures) end
    return true
  end
  local ways = {}
  local on_result = args.on_result and function() end or nil
  function ways.map()
    local good, results, failures = hooked(function()
      return oneflow.map({ 1, 2, 3 }, publish, { concurrency = 2, on_result = on_result })
    end)
    return look(good, results, failures)
  end
  function ways.nested()
    local good, results, failures = hooked(function()
      return oneflow.map({ "first", "last" }, function(which)
        if which == "last" then return publish(3) end
        local inner, failed = oneflow.map({ 1, 2 }, publish)
        return { results = inner, failures = failed }
      end)
    end)
    return look(good, results, failures)
  end
  function ways.gatherer()
    local gatherer, added = oneflow.gatherer { concurrency = 2 }, {}
    for i = 1, 3 do
      hooked(function()
        gatherer:add(function() return publish(i) end, function(contract)
          added[i] = nil
          known[contract.id] = true
        end)
        added[i] = true
      end)
    end
    repeat
      local good, what = hooked(function() gatherer:wait() end)
      assert(good or what == "interrupted!", what)
    until good
    assert(next(added) == nil, "on_done was not called")
    return true
  end

  local lost, bare, round = 0, 0, 0
  repeat
    known, at, gap, count, raised, where = {}, at + math.random(args.step), math.random(200), 0, 0, ""
    round = round + 1
    base = 1000 + 10 * round
    local good, complete = pcall(ways[args.way])
    sethook()
    assert(good, at .. " " .. gap .. where .. ": " .. tostring(complete))
    collectgarbage()
    local missed = 0
    for _, id in ipairs(assert(counter:get()).data.arrived) do
      if id >= base and not known[id] then missed = missed + 1 end
    end
    if missed > 0 and not complete then bare = bare + 1 end
    lost = lost + missed
    assert(sven:contract(2):get(), "the good call after it")
  until raised == 0
  collectgarbage()
  assert(counter:get())
  return { lost = lost, bare = bare, rounds = round }
end

describe("raises anywhere:", function()
  after_each(wire.clean)

  for name, args in pairs {
    ["map"] = { way = "map", step = 5 },
    ["map, and once more"] = { way = "map", step = 15, on_result = true, twice = true },
    ["a map in a map, and once more"] = { way = "nested", step = 15, twice = true },
    ["a gatherer, and once more"] = { way = "gatherer", step = 15, twice = true },
  } do
    it("case 62: in " .. name .. ": what arrived is known, and nothing waits for ever", function()
      args.url, args.token, args.seed = start().url, wire.TOKEN, os.time()
      local child = process.start(program, args)
      local result = child:result()
      local lines = select(2, string.gsub(child.errors, "oneflow: POST [^\n]+\n", ""))
      local about = "seed " .. args.seed .. "\n" .. child.errors
      assert.is_true(result.rounds > 80, result.rounds .. " rounds")
      -- The last instructions before the caller has the results take them away.
      assert.is_true(result.bare <= 4, result.bare .. " times results were lost, " .. about)
      assert.is_true(result.lost <= lines + 3 * result.bare, string.format("%d lost, %d lines, %s", result.lost, lines,
        about))
    end)
  end

  -- The hook of a function's own coroutine, one instruction after another.
  local function each_instruction(try)
    if rawget(_G, "jit") then jit.off() jit.flush() end
    local sethook, at = debug.sethook, 0
    local struck
    finally(function()
      sethook()
      if rawget(_G, "jit") then jit.on() end
    end)
    repeat
      at = at + 1
      local count, over = 0, false
      struck = false
      local function hook()
        count = count + 1
        if over or count < at or not string.find(debug.getinfo(2, "S").source, "oneflow/", 1, true) then return end
        over, struck = true, true
        sethook()
        error("interrupted!", 0)
      end
      try(function(fn)
        sethook(hook, "", 1)
        local good, what = pcall(fn)
        sethook()
        return good, what
      end, "instruction " .. at)
    until not struck
    assert.is_true(at > 50, at)
  end

  local function end_of(gatherer)
    for _ = 1, 50 do
      local good, idle = pcall(gatherer.poll, gatherer, 0)
      if good and idle then return true end
    end
    return false
  end

  it("case 62: of a gatherer's add inside of a function: what was added is reported, and runs to its end", function()
    each_instruction(function(struck_in, where)
      local gatherer, added, told = require("oneflow").gatherer(), false, 0
      gatherer:add(function()
        added = struck_in(function() gatherer:add(function() return 1 end, function() told = told + 1 end) end)
      end)
      assert.is_true(end_of(gatherer), where)
      assert.is_true(told == 1 or not added and told == 0, where .. ", told " .. told)
    end)
  end)

  it("case 62: of a map inside of a gatherer's function: its error has what was done, the gatherer ends", function()
    each_instruction(function(struck_in, where)
      local oneflow = require "oneflow"
      local gatherer, ran, good, what = oneflow.gatherer(), {}, nil, nil
      gatherer:add(function()
        good, what = struck_in(function()
          return oneflow.map({ 1, 2 }, function(i)
            ran[i] = true
            return i
          end)
        end)
      end)
      assert.is_true(end_of(gatherer), where)
      if not good and type(what) == "table" then
        assert.equal("interrupted!", what.reason, where)
        for i = 1, 2 do assert.equal(ran[i] and i, what.results[i], where) end
      end
    end)
  end)
end)

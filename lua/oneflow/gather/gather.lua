-- gather and map: many calls at once, begun and waited for in one go.
local hosts = require "oneflow.hosts"
local loops = require "oneflow.gather.loop"
local options = require "oneflow.gather.options"
local usage = require "oneflow.usage"

local error, ipairs, next, pcall, rawget = error, ipairs, next, pcall, rawget
local setmetatable, type, xpcall = setmetatable, type, xpcall
local running = coroutine.running
local format = string.format
local cancelled, raised, read_raised = loops.cancelled, loops.raised, loops.read_raised
local current, run_loop, spawn = loops.current, loops.run, loops.spawn
local stop, stopped = loops.stop, loops.stopped
local waiters = hosts.waiters

local M = {}

-- Where there is a loop, with what is under way in it.
local function halt(group, why)
  if group.loop then
    stop(group.loop, group, why)
  else
    group.stopped = group.stopped or why
  end
end

-- A raise that is no item's: it passes on once all has ended.
local function give_up(group, what, why)
  group.raised = group.raised or { what }
  halt(group, why)
end

local function failed(group, item, index, err, trace)
  local failures = group.failures
  failures[#failures + 1] = { index = index, item = item, err = err, traceback = trace }
  if group.stop then halt(group, "another item of the gather failed") end
end

-- An item has ended, well or not.
local function ended(group)
  group.done = group.done + 1
  if group.progress and not group.raised then
    local fine, what = pcall(group.progress, group.done, group.total)
    if not fine then give_up(group, what, "the progress function raised") end
  end
end

local function over(group)
  local loop = group.loop
  return group.exhausted or (not loop or loop.stops) and stopped(group)
end

-- What each worker of a group does: takes an item, runs it, takes the next. There are as many workers as items may be
-- under way, but they begin one by one, each by `more` of the one before, and only one takes: the iterator may wait.
-- `worker` has the item that is under way.
local function work_off(group, worker, more)
  local take, fn, results = group.take, group.fn, group.results
  while not (group.taker or over(group)) do
    group.taker = worker
    local good, item = pcall(take)
    group.taker = nil
    if over(group) then return end
    if not good then return give_up(group, item, "the iterator raised") end
    if item == nil then
      group.exhausted = true
      return
    end
    local index = results.n + 1
    results.n = index
    if group.live < group.concurrency then
      group.live = group.live + 1
      local begun, why = pcall(more)
      if not begun then
        group.live, results.n = group.live - 1, index - 1
        return give_up(group, why, "a worker could not begin")
      end
      why = stopped(group) -- in nginx those that were begun may have run already
      if why then
        failed(group, item, index, cancelled(why))
        return ended(group)
      end
    end
    worker.item, worker.index = item, index
    local fine, value, err = xpcall(fn, raised, item, index)
    worker.item = nil
    if not fine then
      failed(group, item, index, read_raised(value))
    elseif value or err == nil then
      results[index] = value
    else
      failed(group, item, index, err)
    end
    ended(group)
  end
end

-- In a task: the workers are tasks of the same loop.
local function work_in_tasks(group)
  local owner = current()
  local loop, outer, co = owner.loop, owner.scope, owner.co
  group.above, group.loop, owner.scope = outer, loop, group
  local done
  local function more()
    spawn(loop, group, co, done, function() work_off(group, current(), more) end)
  end
  -- Not good: its coroutine can do no more, for what its item did, the iterator or `progress`.
  function done(good, value, _, trace, worker)
    local item = worker.item
    worker.item = nil
    if group.taker == worker then group.taker = nil end
    if item ~= nil then
      failed(group, item, worker.index, value, trace)
      ended(group)
      if not (group.taker or over(group)) then
        local begun, why = pcall(more)
        if begun then return end
        give_up(group, why, "a worker could not begin")
      end
    elseif not good then
      give_up(group, value, "a function beside the items' own did not come back")
    end
    group.live = group.live - 1
    if group.live == 0 then owner:wake() end
  end
  more()
  while group.live > 0 do owner:sleep() end
  owner.scope = outer
end

-- In nginx: the workers are light threads, whose calls wait as any there; a stop lets those end that are under way.
-- Where there are none, as in init_by_lua, one item follows another, and `blocking` of a call says whether it may wait.
local function work_in_nginx(group)
  local thread, base = rawget(_G, "ngx").thread, hosts.waiter()
  if not base then
    group.concurrency = 1
    return work_off(group, {})
  end
  local outer = waiters[running()]
  group.above = outer and outer.group
  local guarded = { group = group }
  function guarded.admit(_, client)
    local why = stopped(group)
    if why then return nil, "cancelled", why end
    return base:admit(client)
  end
  setmetatable(guarded, { __index = base })
  local function wait_for(worker)
    local good, what = thread.wait(worker)
    if not good then give_up(group, what, "a worker did not come back") end
  end
  -- A light thread waits for those that it began: nginx lets no other do that.
  local function work_as_light_thread()
    local co, begun = running(), {}
    waiters[co] = guarded
    work_off(group, {}, function() begun[#begun + 1] = thread.spawn(work_as_light_thread) end)
    waiters[co] = nil
    group.live = group.live - 1
    for _, worker in ipairs(begun) do wait_for(worker) end
  end
  wait_for(thread.spawn(work_as_light_thread))
end

local function run(opts, take, total, fn)
  local group = {
    take = take, fn = fn, total = total, stop = opts.stop, progress = opts.progress,
    concurrency = opts.concurrency or options.CONCURRENCY, live = 1, done = 0, results = { n = 0 }, failures = {},
  }
  if current() then
    work_in_tasks(group)
  elseif hosts.in_nginx then
    work_in_nginx(group)
  else
    run_loop(function() work_in_tasks(group) end)
  end
  if group.raised then error(group.raised[1], 0) end
  return group.results, group.failures
end

local function taker(list, length)
  local at = 0
  return function()
    at = at + 1
    if at <= length then return list[at] end
  end
end

---One item that failed, in the order of failing.
---@class oneflow.Failure
---@field index integer
---@field item any  what the function was given; of a gather, the function
---@field err any  what it returned behind nil or false, or what it raised
---@field traceback string?  of a raise

---@class oneflow.GatherOptions
---@field concurrency integer?  functions under way at once (16; 1 to 1000). A client's own `concurrency` bounds its
---calls besides, and 16 is its default too
---@field stop boolean?  stop at the first failure: nothing more begins, and calls under way end as `cancelled`, but
---for those on the wire that must not be repeated; these run to their end, and their functions get the answer
---@field progress fun(done: integer, total: integer?)?  after each item; the total of an iterator is not known

--- Calls `fn(item, index)` for each item, many at once, and returns when all have ended. A function fails that returns
--- nil or false with something behind, or raises; the others are not touched by that.
---
--- Calls in `fn` wait without stopping the others; in a coroutine of the user's own, in `table.sort` and the like they
--- wait as anywhere else, and the others with them. What the iterator or `progress` raises stops all, and passes on.
---@param items any[]|fun(): any  a list, a page, or an iterator such as `each` returns: a function called without
---arguments, until nil, and never more than `concurrency` items ahead of what has ended
---@param fn fun(item: any, index: integer): any, any
---@param opts oneflow.GatherOptions?
---@return table results  by index; `n`: how many items were taken
---@return oneflow.Failure[] failures
function M.map(items, fn, opts)
  if type(fn) ~= "function" then usage.raise("map: a function expected, got " .. type(fn)) end
  opts = options.read("map", opts, options.KNOWN)
  if type(items) == "function" then return run(opts, items, nil, fn) end
  if type(items) ~= "table" then usage.raise("map: a list or an iterator expected, got " .. type(items)) end
  return run(opts, taker(items, #items), #items, fn)
end

local function call(fn) return fn() end

--- Runs functions at once: `gather{ fn, fn, ..., concurrency = 16, stop = false, progress = fn }`; see map.
---@param functions table  a list of functions, and oneflow.GatherOptions
---@return table results  by index; `n`: how many functions were begun
---@return oneflow.Failure[] failures
function M.gather(functions)
  if type(functions) ~= "table" then
    usage.raise("gather: a list of functions expected, got " .. type(functions))
  end
  local list, opts = {}, {}
  for i = 1, #functions do
    list[i] = functions[i]
    if type(list[i]) ~= "function" then
      usage.raise(format("gather: [%d]: function expected, got %s", i, type(list[i])))
    end
  end
  for name, value in next, functions do
    if list[name] == nil then
      options.read_one("gather", name, value, options.KNOWN)
      opts[name] = value
    end
  end
  return run(opts, taker(list, #list), #list, call)
end

return M

-- Many calls at once. Functions run as tasks: coroutines in which a call waits by yielding to a loop, which resumes
-- each when its answer is there. The waiting of a task may end without a reason, so whoever waits looks again.
--
--   loop    one queue of the core, and the tasks that wait for it. A gather inside a task uses the task's own loop
--   scope   what is stopped together; `above` it stands the scope that it was begun in
--   task    a waiter, see hosts.lua
local check = require "oneflow.check"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local families = require "oneflow.families"
local hosts = require "oneflow.hosts"
local usage = require "oneflow.usage"

local error, getmetatable, next, pcall, setmetatable, type = error, getmetatable, next, pcall, setmetatable, type
local ipairs, rawget, xpcall = ipairs, rawget, xpcall
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local status, yield = coroutine.status, coroutine.yield
local close = coroutine.close -- 5.4: runs what is to be closed
local format, sub = string.format, string.sub
local max = math.max
local traceback = debug.traceback
local monotonic, yieldable = core.monotonic, core.yieldable
local open, seal = core.open, core.seal
local waiters = hosts.waiters

local M = {}

local LONG = 3600          -- seconds: until something happens
local CONCURRENCY = 16
local RESUMES_MOST = 1000  -- in one turn, so that none goes without

local function constant(text)
  return setmetatable({}, { __metatable = false, __tostring = function() return text end })
end

-- What a task yields: it waits, for whatever; its function has ended, and the results.
local WAITS, ENDED = constant "oneflow: a task waits", constant "oneflow: a task has ended"

local RAISED = {} -- a raise, and where it was

local function raised(value)
  return setmetatable({ value = value, trace = sub(traceback("", 2), 2) }, RAISED)
end

-- Of what xpcall gave, with `raised` -> value, trace
local function read_raised(value)
  if getmetatable(value) == RAISED then return value.value, value.trace end
  return value
end

local FOREIGN_YIELD = "oneflow: the task yielded by itself: only the library's calls may wait here by yielding; give "
  .. "generators and other schedulers a coroutine of their own"

-- ---- scopes ----------------------------------------------------------------------------------------------------

-- Why what runs in a scope must end; nil: it may go on.
local function stopped(scope)
  while scope do
    if scope.stopped then return scope.stopped end
    scope = scope.above
  end
end

local function within(scope, outer)
  while scope and scope ~= outer do scope = scope.above end
  return scope == outer
end

local function cancel(loop, scope, repeatable)
  for task in next, loop.tasks do
    if task.ticket and not task.operation.repeatable ~= repeatable and within(task.scope, scope) then
      task.engine:cancel(task.ticket)
    end
  end
end

-- No call begins there any more. What is on the wire and must not be repeated runs to its end, the others are dropped:
-- those that may be repeated last, as a place on the wire that they leave must not be taken by one of the first kind.
local function stop(loop, scope, why)
  if scope.stopped then return end
  scope.stopped, loop.stops = why, true
  cancel(loop, scope, false)
  cancel(loop, scope, true)
end

-- ---- tasks -----------------------------------------------------------------------------------------------------

local Task = {}
Task.__index = Task

-- The task that runs now and can wait; nil: none, as on the main thread, or in a coroutine of the user's.
local function current()
  local co = next(waiters) ~= nil and yieldable()
  local waiter = co and waiters[co]
  return getmetatable(waiter) == Task and waiter or nil
end

local function make_ready(loop, task)
  loop.last = loop.last + 1
  loop.ready[loop.last] = task
end

-- What a task's coroutine does: one function after another, so that few are made. Each is begun once, whatever happens.
local function work(task)
  while true do
    local fn = task.fn
    task.fn = nil
    if fn then
      yield(ENDED, xpcall(fn, raised))
    else
      yield(ENDED, false, "interrupted")
    end
  end
end

-- `done(good, value, err, trace, task)` once it has ended. `parent`: the coroutine that waits for it; false: none. Its
-- `scope` is another one than its `group` while it waits for tasks of its own.
local function spawn(loop, scope, parent, done, fn)
  local idle = loop.idle
  local task = idle[#idle]
  if task then
    idle[#idle] = nil
  else
    task = setmetatable({ loop = loop, queue = loop.queue, co = create(work) }, Task)
    waiters[task.co] = task
  end
  task.group, task.scope, task.parent, task.done, task.fn = scope, scope, parent, done, fn
  task.busy, task.begun = true, false
  loop.tasks[task] = true
  make_ready(loop, task)
  return task
end

-- `spent`: its coroutine can do no more.
local function finish(task, spent, good, value, err, trace)
  local loop, done = task.loop, task.done
  task.busy, task.fn, task.done = false, nil, nil
  loop.tasks[task] = nil
  if not spent then
    loop.idle[#loop.idle + 1] = task
  elseif close then
    close(task.co)
  end
  done(good, value, err, trace, task)
end

local function cancelled(why)
  return errors.new({ operation = "gather" }, { kind = "cancelled", outcome = "not_sent", detail = why,
    retryable = false })
end

-- Goes on with a task, or begins it.
local function advance(task)
  if not task.busy then return end
  if not task.begun then
    local why = task.loop.stops and stopped(task.scope)
    if why then return finish(task, false, true, nil, cancelled(why)) end
    task.begun = true
  end
  local alive, what, good, value, err = resume(task.co, task)
  if what == ENDED then
    local trace
    if not good then value, trace = read_raised(value) end
    finish(task, false, good, value, err, trace)
  elseif what ~= WAITS or not (task.ticket or task.sleeps) then
    if task.scope ~= task.group then stop(task.loop, task.scope, "who waited for it is gone") end
    finish(task, true, false, alive and FOREIGN_YIELD or what, nil, traceback(task.co))
  end
end

function Task:admit()
  local why = self.loop.stops and stopped(self.scope)
  if why then return nil, "cancelled", why end
  return true
end

function Task.leave() end

function Task:wait(_, client, ticket, number, operation)
  self.engine, self.ticket, self.number, self.operation = client.engine, ticket, number, operation
  self.loop.parked[number] = self
  repeat yield(WAITS) until not self.ticket
end

-- Is it, or does it run for, this coroutine?
function Task:within(co)
  local task, at = self, self.co
  while at ~= co do
    if not task then return false end
    at = task.parent
    task = at and waiters[at]
  end
  return true
end

-- Until somebody wakes it -> false: nobody will.
function Task:sleep()
  self.sleeps, self.stuck = true, false
  yield(WAITS)
  self.sleeps = false
  return not self.stuck
end

-- ---- loops -----------------------------------------------------------------------------------------------------

---@param driver "inline"|"threaded"
local function new_loop(driver)
  return {
    queue = core.queue(driver),
    tasks = {},                        -- all that have not ended
    idle = {},                         -- those with a coroutine that waits for another function
    parked = {},                       -- those with a call under way, by its number
    ready = {}, first = 1, last = 0,   -- those to go on with, in order
    stops = false,                     -- was any scope stopped so far?
    -- There from the start, as there may be no memory for them later: is it turning; was a turn cut short by a raise;
    -- what is to be raised from it.
    turning = false, cut = false, raised = false,
  }
end

local function run_ready(loop)
  local ready = loop.ready
  for _ = 1, RESUMES_MOST do
    local at = loop.first
    local task = ready[at]
    if not task then return end
    ready[at], loop.first = nil, at + 1
    advance(task)
  end
end

-- One turn: waits, at most so long, and goes on with what need not wait any more. -> was there any? Without `seconds`
-- it asks for no answers, and goes on with what is ready.
local function turn(loop, seconds)
  loop.turning = true
  local queue, parked, some = loop.queue, loop.parked, loop.first <= loop.last
  if seconds then
    queue:wait(some and 0 or seconds)
    for _ = 1, RESUMES_MOST do
      local number = queue:next()
      if not number then break end
      local task = parked[number]
      parked[number] = nil
      if task then
        some, task.ticket = true, false
        advance(task)
      end
    end
  end
  run_ready(loop)
  loop.turning = false
  return some
end

function Task:wake()
  local loop = self.loop
  if not self.sleeps then return end
  self.sleeps = false
  make_ready(loop, self)
  -- The host of that loop waits for its descriptor, which knows nothing of this.
  if loop.hosted and not loop.turning then turn(loop) end
end

-- After a turn that a raise cut short, anywhere: what is done may be in no list, and what is counted may be wrong.
-- -> is a call still under way?
local function sweep(loop)
  local tasks = {}
  for task in next, loop.tasks do tasks[#tasks + 1] = task end
  for _, task in next, tasks do
    local state = status(task.co)
    if state == "dead" then
      finish(task, true, false, "interrupted")
    elseif state == "suspended" and (not task.ticket or task.engine:done(task.ticket)) then
      if task.ticket then loop.parked[task.number] = nil end
      task.ticket = false
      advance(task)
    end
  end
  for task in next, loop.tasks do
    if task.ticket then return true end
  end
  return false
end

-- Turns until `result` is over.
local function drive(loop, result)
  while not result.over do
    if not turn(loop, LONG) and next(loop.parked) == nil and loop.first > loop.last and not result.over then
      -- Whoever could wake them waits for this loop.
      for sleeper in next, loop.tasks do
        if sleeper.sleeps then
          sleeper.stuck = true
          make_ready(loop, sleeper)
        end
      end
    end
  end
end

-- Runs `fn` as the first task of a loop of its own. A raise that comes out of the loop itself, such as a Ctrl-C's,
-- stops all of it; it passes on when all has ended.
local function run_loop(fn)
  local loop = new_loop "inline"
  local scope, result = {}, {}
  spawn(loop, scope, running(), function(good, value)
    result.over, result.good, result.value = true, good, value
  end, fn)
  local good, what = pcall(drive, loop, result)
  if not good then
    stop(loop, scope, "the gather was interrupted")
    while sweep(loop) do
      loop.queue:wait(LONG)
      while loop.queue:next() do end
    end
    error(what, 0)
  end
  if not result.good then error(result.value, 0) end
end

-- ---- gather and map --------------------------------------------------------------------------------------------

local OPTIONS = {
  concurrency = function(name, value) check.whole(name, value, 1, 1000) end,
  stop = function(name, value)
    if type(value) ~= "boolean" then usage.raise(format("%s: boolean expected, got %s", name, type(value))) end
  end,
  progress = function(name, value)
    if type(value) ~= "function" then usage.raise(format("%s: function expected, got %s", name, type(value))) end
  end,
}

local function read_option(who, name, value, known)
  if not known[name] then
    usage.raise(format("%s: unknown option %s%s", who, usage.show(name), usage.hint(name, usage.names(known))))
  end
  known[name](name, value)
end

local function read_options(who, opts, known)
  if opts ~= nil and type(opts) ~= "table" then
    usage.raise(format("%s: a table of options expected, got %s", who, type(opts)))
  end
  local copy = {}
  for name, value in next, opts or {} do
    read_option(who, name, value, known)
    copy[name] = value
  end
  return copy
end

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
    concurrency = opts.concurrency or CONCURRENCY, live = 1, done = 0, results = { n = 0 }, failures = {},
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
  opts = read_options("map", opts, OPTIONS)
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
      read_option("gather", name, value, OPTIONS)
      opts[name] = value
    end
  end
  return run(opts, taker(list, #list), #list, call)
end

-- ---- ahead of time ---------------------------------------------------------------------------------------------

--- Begins a function whose calls go on while the caller does other things.
---@param fn fun(): any, any
---@return table? ahead  for M.take; nil: not here
function M.begin(fn)
  local task = current()
  if not task and hosts.in_nginx then return nil end
  local ahead = { home = task and task.loop, loop = task and task.loop or new_loop "inline" }
  ahead.scope = { above = task and task.scope }
  ahead.task = spawn(ahead.loop, ahead.scope, false, function(good, value, err)
    ahead.over, ahead.good, ahead.value, ahead.err = true, good, value, err
    if ahead.sleeper then ahead.sleeper:wake() end
  end, fn)
  if not task then
    turn(ahead.loop)
    turn(ahead.loop, 0)
  end
  return ahead
end

--- Drops what was begun.
function M.drop(ahead)
  stop(ahead.loop, ahead.scope, "nobody waits for it any more")
end

--- Waits for what was begun.
---@return boolean taken  false: it cannot be waited for from here, and is dropped
---@return any value, any err
function M.take(ahead)
  local task = current()
  if (task and task.loop) ~= ahead.home then
    M.drop(ahead)
    return false
  end
  if not ahead.over then ahead.task.parent = running() end -- only now does anybody wait for it
  if task then
    ahead.sleeper = task
    while not ahead.over do task:sleep() end
  else
    drive(ahead.loop, ahead)
  end
  if not ahead.good then error(ahead.value, 0) end
  return true, ahead.value, ahead.err
end

-- ---- for hosts with a loop of their own ------------------------------------------------------------------------

---Runs functions at once under a loop of the host's: its calls are carried by the I/O thread of the process.
---@class oneflow.Gatherer
local Gatherer = {}

local GATHERER = {
  __index = Gatherer, __metatable = false, __name = "oneflow.Gatherer",
  __tostring = function() return "oneflow gatherer" end,
}
local HANDLE = { __metatable = false, __name = "oneflow.Gatherer.Handle" }

families.add("userdata", {
  state = function(value) return open(value, GATHERER) end, text = GATHERER.__tostring,
})

local function loop_of(self, name)
  local loop = open(self, GATHERER)
  if not loop then families.refuse(self, "gatherer", name, "a gatherer") end
  return loop
end

-- Not from one of its own tasks, which would wait for itself.
local function outside(self, name)
  local loop = loop_of(self, name)
  if loop.turning then usage.raise(format("gatherer:%s inside of one of its own functions", name)) end
  return loop
end

local function start_waiting(loop)
  while loop.live < loop.concurrency do
    local entry = loop.waiting[loop.next]
    if not entry then return end
    loop.waiting[loop.next], loop.next = nil, loop.next + 1
    loop.live = loop.live + 1
    spawn(loop, entry.scope, false, entry.done, entry.fn)
  end
end

local function protected_turn(loop, seconds)
  if loop.cut then
    loop.cut = nil
    sweep(loop)
  end
  return turn(loop, seconds)
end

local function host_turn(loop, seconds)
  local good, some = pcall(protected_turn, loop, seconds)
  if not good then
    loop.cut, loop.turning = true, false
    error(some, 0)
  end
  local what = loop.raised
  loop.raised = nil
  if what then error(what[1], 0) end
  return some
end

--- Begins a function, or, with `concurrency` of them under way, lets it wait for its turn.
---@param fn fun(): any, any
---@param on_done fun(value: any, err: any, traceback: string?)?  told what it returned, or `nil, what it raised,
---traceback`; called by `poll`, or by `add` when the function makes no call. Without one, a raise passes on from there
---@return userdata handle  for cancel
function Gatherer:add(fn, on_done)
  local loop = loop_of(self, "add")
  if type(fn) ~= "function" then usage.raise("gatherer:add: a function expected, got " .. type(fn)) end
  if on_done ~= nil and type(on_done) ~= "function" then
    usage.raise("gatherer:add: on_done: a function expected, got " .. type(on_done))
  end
  local scope = { above = loop.scope }
  local function done(good, value, err, trace)
    loop.live = loop.live - 1
    if not good then value, err = nil, value end
    start_waiting(loop)
    local fine, what = true, nil
    if on_done then
      fine, what = pcall(on_done, value, err, trace)
    elseif not good then
      fine, what = false, err
    end
    if not fine then loop.raised = loop.raised or { what } end
  end
  loop.count = loop.count + 1
  loop.waiting[loop.count] = { fn = fn, scope = scope, done = done }
  start_waiting(loop)
  if not loop.turning then host_turn(loop) end
  return seal(scope, HANDLE)
end

--- Cancels a function, or all: no call of theirs begins any more, and those under way end as `cancelled`, but for
--- those on the wire that must not be repeated.
---@param handle userdata?  of add
function Gatherer:cancel(handle)
  local loop = loop_of(self, "cancel")
  if handle == nil then
    stop(loop, loop.scope, "the gatherer was cancelled")
    loop.scope = {} -- of what is added from now on
    return
  end
  local scope = open(handle, HANDLE)
  if not scope then usage.raise("gatherer:cancel: what add returned expected, got " .. type(handle)) end
  stop(loop, scope, "the function was cancelled")
end

--- Goes on with what is done.
---@param seconds number?  waits at most so long for something to be (0: never)
---@return boolean idle  nothing is left
function Gatherer:poll(seconds)
  local loop = outside(self, "poll")
  if seconds ~= nil and type(seconds) ~= "number" then
    usage.raise("gatherer:poll: seconds expected, got " .. type(seconds))
  end
  local deadline = monotonic() + (seconds or 0)
  repeat
    local left = max(0, deadline - monotonic())
  until host_turn(loop, left) or left == 0 or next(loop.tasks) == nil
  return next(loop.tasks) == nil
end

--- Goes on until nothing is left.
function Gatherer:wait()
  local loop = outside(self, "wait")
  while next(loop.tasks) ~= nil do host_turn(loop, LONG) end
end

--- A descriptor that is readable while `poll` has something to do; nil when none can be had.
---@return integer?
function Gatherer:fd() return loop_of(self, "fd").queue:fd() end

--- With `events` and `timeout`, what cqueues.poll asks for.
---@return integer?
function Gatherer:pollfd() return loop_of(self, "pollfd").queue:fd() end

---@return string
function Gatherer:events()
  return loop_of(self, "events") and "r"
end

---@return number? seconds  after which `poll` has something to do whatever the descriptor says
function Gatherer:timeout()
  local loop = loop_of(self, "timeout")
  if loop.first <= loop.last then return 0 end
  if not loop.queue:fd() and next(loop.tasks) ~= nil then return 0.01 end
  return nil
end

--- Makes a gatherer. In a host without a loop of its own, gather and map do the same.
---@param opts { concurrency: integer? }?  functions under way at once (16; 1 to 1000)
---@return oneflow.Gatherer
function M.gatherer(opts)
  opts = read_options("gatherer", opts, { concurrency = OPTIONS.concurrency })
  local loop = new_loop "threaded"
  loop.hosted, loop.scope, loop.live, loop.concurrency = true, {}, 0, opts.concurrency or CONCURRENCY
  loop.waiting, loop.next, loop.count = {}, 1, 0
  return seal(loop, GATHERER)
end

return M

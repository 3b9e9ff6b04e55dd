-- Functions run as tasks: coroutines in which a call waits by yielding to a loop, which resumes each when its answer is
-- there. The waiting of a task may end without a reason, so whoever waits looks again.
--
--   loop    one queue of the core, and the tasks that wait for it. A gather inside a task uses the task's own loop
--   scope   what is stopped together; `above` it stands the scope that it was begun in
--   task    a waiter, see hosts.lua
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local hosts = require "oneflow.hosts"
local orphans = require "oneflow.gather.orphans"

local error, getmetatable, next, pcall, setmetatable, xpcall = error, getmetatable, next, pcall, setmetatable, xpcall
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local status, yield = coroutine.status, coroutine.yield
local close = coroutine.close -- 5.4: runs what is to be closed
local sub = string.sub
local traceback = debug.traceback
local yieldable = core.yieldable
local waiters = hosts.waiters

local M = {}

local LONG = 3600          -- seconds: until something happens
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

function Task:wait(_, client, ticket, number, operation, path, user)
  local loop = self.loop
  self.engine, self.ticket, self.number, self.operation = client.engine, ticket, number, operation
  loop.parked[number] = self
  if loop.calls and not operation.repeatable then
    orphans.hold(loop.calls, number, client, ticket, operation, path, user)
  end
  repeat yield(WAITS) until not self.ticket
end

function Task:forget(number)
  local loop = self.loop
  loop.parked[number], self.ticket = nil, false
  if loop.calls then loop.calls[number] = nil end
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
    calls = false,                     -- of a gatherer: those under way that must not be repeated, see orphans
    -- There from the start, as there may be no memory for them later: is it turning; was a turn cut short by a raise;
    -- what is to be raised from it.
    turning = false, cut = false, raised = false,
  }
end

-- The task whose call is done.
local function unpark(loop, number)
  local parked, calls = loop.parked, loop.calls
  local task = parked[number]
  parked[number] = nil
  if calls then calls[number] = nil end
  return task
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
  local queue, some = loop.queue, loop.first <= loop.last
  if seconds then
    queue:wait(some and 0 or seconds)
    for _ = 1, RESUMES_MOST do
      local number = queue:next()
      if not number then break end
      local task = unpark(loop, number)
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
      if task.ticket then unpark(loop, task.number) end
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

M.stopped, M.stop, M.cancelled = stopped, stop, cancelled
M.raised, M.read_raised = raised, read_raised
M.current, M.spawn = current, spawn
M.new, M.turn, M.sweep, M.drive, M.run = new_loop, turn, sweep, drive, run_loop

return M

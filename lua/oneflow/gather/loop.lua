-- Runs functions as jobs of an event loop, each in a coroutine of its own. A call waits by yielding; the loop resumes
-- the coroutine when the answer has arrived. A wait may end without a reason, so callers check again.
--
--   loop    a queue of the core, and the jobs that wait for it. A gather inside a function uses the function's loop
--   scope   tasks that are stopped together; `above` is the scope in which it was created
--   job     runs functions one after another. `task` is the current one
--   pool    jobs that are counted together: `live` of them; `caller` and `waiter`, the coroutine and the task that
--           wait for them, or false
--   task    one function in its coroutine, and how it ended. It is the waiter of the calls in it, see oneflow.hosts
--
-- A function may belong to an untrusted script, which can keep the coroutine in which it runs, and yield in it, resume
-- or close it at any time. Therefore:
--
--  * a coroutine runs one function and is never reused
--  * no object of the library is passed to resume or yielded. How a function ended is written to its task before its
--    coroutine ends; values that the coroutine yields are ignored
--  * only the loop clears what a task waits for (`waits`): a resume by others has no effect
--  * a task whose coroutine did not end normally is abandoned: no more calls begin in it
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local events = require "oneflow.call.events"
local orphans = require "oneflow.gather.orphans"
local timers = require "oneflow.gather.timers"

local getmetatable, next, pcall = getmetatable, next, pcall
local setmetatable, xpcall = setmetatable, xpcall
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local status, yield = coroutine.status, coroutine.yield
local close = coroutine.close -- 5.4: closes its variables
local format, sub = string.format, string.sub
local max, min = math.max, math.min
local traceback = debug.traceback
local make_room, seal, yieldable = core.make_room, core.seal, core.yieldable

local M = {}

--- The running task; false: none. The running coroutine may be another one than the task's.
M.task = false

local LONG = 3600         -- seconds: no limit
local RESUMES_MAX = 1000  -- in one turn, so that no job starves

-- The value that a call yields; it has no meaning.
local WAITS = seal({}, { __metatable = false, __tostring = function() return "oneflow: a task waits" end })

-- What a task waits for if it waits for no request: to be woken, or only for a time.
local SLEEPS, PAUSES = "sleeps", "pauses"
local NO_REQUEST = { [SLEEPS] = true, [PAUSES] = true }

local RAISED = {} -- the result of a function that raised: the error and its traceback

local function raised(value)
  return setmetatable({ value = value, trace = sub(traceback("", 2), 2) }, RAISED)
end

-- The error of a failed task, and its traceback.
local function read_raised(task)
  local value = task.value
  if getmetatable(value) == RAISED then return value.value, value.trace end
  return value
end

-- ---- scopes ----------------------------------------------------------------------------------------------------

-- Why tasks in a scope must end; nil: they may continue.
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
  local jobs = loop.jobs
  for slot = 1, loop.slots do
    local task = jobs[slot] and jobs[slot].task
    local handle = task and task.waits
    if handle and not NO_REQUEST[handle] and not task.request.repeatable ~= repeatable
      and within(task.scope, scope) then
      task.request.client.engine:cancel(handle)
    end
  end
end

local make_ready

-- Wakes paused tasks, which then notice that they are stopped.
local function end_pauses(loop, scope)
  local jobs = loop.jobs
  for slot = 1, loop.slots do
    local task = jobs[slot] and jobs[slot].task
    if task and task.waits == PAUSES and within(task.scope, scope) then
      make_ready(loop, task.job)
      task.waits = false
    end
  end
end

-- Stops a scope: no more calls begin in it, and pauses end. Requests on the wire that must not be repeated run to their
-- end; others are dropped. Repeatable ones are dropped last, so that none of the first kind is sent in their place.
local function stop(loop, scope, why)
  if scope.stopped then return end
  scope.stopped, loop.stops = why, true
  cancel(loop, scope, false)
  cancel(loop, scope, true)
  end_pauses(loop, scope)
end

local LEFT = { stopped = "the function had ended" } -- the scope of abandoned tasks

-- ---- tasks: functions in their coroutines --------------------------------------------------------------------------

local Task = {}
Task.__index = Task

-- The running task if it can wait here; nil on the main thread and in a coroutine of the caller's.
local function current()
  local task, co = M.task, yieldable()
  return task and task.co == co and task or nil
end

-- Where coroutines cannot be closed, an abandoned one stays suspended.
function Task:gone() return self.scope == LEFT end

-- The body of a task's coroutine.
local function body()
  local task = M.task
  task.good, task.value, task.err = xpcall(task.run, raised, task.job, task)
  task.ended = true
end

local function new_task(loop)
  return setmetatable({
    loop = loop, queue = loop.queue, job = false, co = false, scope = false, run = false, step = false,
    begun = false, ended = false, good = false, value = false, err = false,
    waits = false, number = false, request = false,
    stuck = false, due = false, place = false, group = false, next_free = false, item = false, index = false,
  }, Task)
end

-- Gives a job its next function: `run(job, task)`, and after it, in the loop, `step(job, task)` -> the job's next task
-- | nil. If it raises for lack of memory, nothing has changed. `shallow`: the function normally makes no call.
local function start(job, scope, run, step, item, index, shallow)
  local loop = job.loop
  local task, co = loop.free_tasks or new_task(loop), create(body)
  if make_room and not shallow then make_room(co) end
  loop.free_tasks = task.next_free
  task.job, task.co, task.scope, task.run, task.step = job, co, scope, run, step
  task.begun, task.ended, task.item, task.index = false, false, item, index
  job.task = task
  return task
end

-- Takes the task with this call, which is done, out of the parked ones.
local function unpark(loop, number)
  local parked, calls = loop.parked, loop.calls
  local task = parked[number]
  parked[number] = nil
  if calls then calls[number] = nil end
  return task
end

function Task:admit()
  local why = self.loop.stops and stopped(self.scope)
  if why then return nil, "cancelled", why end
  return true
end

function Task.leave() end

function Task:wait(_, request, handle, number)
  local loop = self.loop
  loop.parked[number] = self -- first, because it may raise for lack of memory
  if loop.calls and not request.repeatable then orphans.hold(loop.calls, number, request, handle) end
  self.request, self.number, self.waits = request, number, handle
  repeat yield(WAITS) until not self.waits
end

function Task:forget(number)
  unpark(self.loop, number)
  if self.number == number then self.waits = false end
end

-- Is this the task's coroutine, or does it wait for a gather in the task?
function Task:within(co)
  local task = self
  repeat
    local pool = task.job.pool
    if task.co == co or pool.caller == co then return true end
    task = pool.waiter
  until not task
  return false
end

-- Sleeps until woken or until a time -> false: nothing can wake it.
function Task:sleep(due)
  self.waits, self.stuck, self.due = SLEEPS, false, due or false
  repeat yield(WAITS) until not self.waits
  self.due = false
  return not self.stuck
end

function Task:pause(seconds)
  local due = clock.monotonic() + seconds
  repeat
    local why = self.loop.stops and stopped(self.scope)
    if why then return nil, "cancelled", why end
    self.waits, self.due = PAUSES, due
    repeat yield(WAITS) until not self.waits
    self.due = false
  until clock.monotonic() >= due
  return true
end

-- ---- jobs ------------------------------------------------------------------------------------------------------

function make_ready(loop, job)
  loop.ready[loop.last + 1] = job
  loop.last = loop.last + 1
end

-- Adds a job, which starts in the next turn. If it raises for lack of memory, nothing has changed.
local function add(loop, job)
  local slot = loop.free[loop.free_last]
  if slot then
    loop.free_last = loop.free_last - 1
  else
    slot = loop.slots + 1
    loop.jobs[slot] = false
    timers.make_room(loop.timers, slot)
    loop.slots = slot
  end
  loop.ready[loop.last + 1] = false -- allocates the slot
  job.loop = loop
  loop.jobs[slot] = job
  job.slot, loop.count = slot, loop.count + 1
  make_ready(loop, job)
end

-- Removes a job that has no more functions.
local function remove(job)
  local loop, slot = job.loop, job.slot
  job.task = nil
  if loop.jobs[slot] ~= job then return end
  loop.jobs[slot], loop.count = false, loop.count - 1
  loop.free[loop.free_last + 1] = slot
  loop.free_last = loop.free_last + 1
end

-- The caller waits for the jobs of the pool; it must not be waited for inside of them.
local function wait_for(pool)
  pool.caller, pool.waiter = running(), M.task
end

local FOREIGN_YIELD = "oneflow: the task yielded by itself: only the library's calls may wait here by yielding; give "
  .. "generators and other schedulers a coroutine of their own"
local CLOSED = "oneflow: the coroutine of the function was closed"
local CANNOT_RESUME = "cannot resume dead coroutine"

local function cancelled(why)
  return errors.new({ operation = "gather" }, { kind = "cancelled", outcome = "not_sent", detail = why,
    retryable = false })
end

-- Reports the result of a call whose coroutine was closed; its request is done. `why` says why it was abandoned; it is
-- used if the answer was taken but its result is unknown, as when a hook of the client yielded.
local function orphaned(task, handle, why)
  local request = task.request
  local info = { operation = request.operation.name }
  if not request.repeatable then info = events.orphaned(request, handle, why) end
  return errors.new({
    operation = info.operation, acting_user = info.acting_user, attempts = 1, mask = request.client.mask,
  }, {
    kind = info.kind or "cancelled", outcome = info.outcome or "unknown", status = info.status,
    request_id = info.request_id, retryable = false,
    detail = "the coroutine that waited for the answer was closed" .. (info.status and not info.kind
      and format("; the service answered with status %d", info.status) or ""),
  })
end

-- Abandons a task whose coroutine cannot continue, or has yielded by itself; its function has failed. -> false: some
-- other code resumed it, and runs the loop from inside of it
local function leave(task, alive, what, handle)
  local loop, co = task.loop, task.co
  local state = status(co)
  if state == "normal" or state == "running" then
    make_ready(loop, task.job)
    return false
  end
  local trace = traceback(co)
  if alive then
    what = state == "dead" and CLOSED or FOREIGN_YIELD
  elseif what == CANNOT_RESUME then
    what = CLOSED
  end
  if handle then
    local good, err = pcall(orphaned, task, handle, what)
    what = good and err or what
  end
  if task.group then
    stop(loop, task.group, "who waited for it is gone")
    what = task.group:left(what, trace)
  end
  task.scope, loop.stops = LEFT, true
  task.good, task.value, task.ended = false, setmetatable({ value = what, trace = trace }, RAISED), true
  if close then close(co) end
  return true
end

-- Runs a job until it waits or ends. `handle`: the request that it waited for.
local function advance(job, handle)
  local loop, task = job.loop, job.task
  while task do
    if task.place then timers.remove(loop.timers, task) end
    if not task.ended then
      local outer = M.task
      M.task, task.begun = task, true
      local alive, what = resume(task.co)
      M.task = outer
      if not task.ended then
        if alive and task.waits then
          if task.due then timers.add(loop.timers, task, task.due) end
          return
        end
        if not leave(task, alive, what, handle) then return end
      end
      handle = nil
    end
    local following = task.step(job, task)
    if task.scope ~= LEFT then -- its coroutine has ended normally, so no call waits with this task
      task.value, task.err, task.waits, task.request = nil, nil, false, false
      task.next_free, loop.free_tasks = loop.free_tasks, task
    end
    task = following
  end
end

-- ---- loops -----------------------------------------------------------------------------------------------------

---@param kind "inline"|"threaded"  of the queue
local function new_loop(kind)
  return {
    queue = core.queue(kind),
    jobs = {}, slots = 0, count = 0,   -- jobs that have not ended, by their slots, and their number
    free = {}, free_last = 0,          -- unused slots
    free_tasks = false,                -- the first unused task; its `next_free` is the next one
    parked = {},                       -- tasks with a running call, by its number
    timers = timers.new(),             -- tasks that wait for a time
    ready = {}, first = 1, last = 0,   -- jobs to continue, in order
    stops = false,                     -- whether any scope was stopped so far
    calls = false,                     -- for a gatherer: running calls that must not be repeated, see orphans
    hosted = false,                    -- for a gatherer: hosted(loop) runs a turn
    -- Created in advance, because there may be no memory for them later: whether a turn is running; whether an error
    -- interrupted a turn, and the error.
    turning = false, cut = false, cut_by = false,
  }
end

local function run_ready(loop)
  local ready = loop.ready
  for _ = 1, RESUMES_MAX do
    local at = loop.first
    if at > loop.last then return end
    local job = ready[at]
    ready[at], loop.first = nil, at + 1
    advance(job)
  end
end

-- Continues a task whose call is done.
local function answered(task)
  local handle = task.waits
  task.waits = false
  advance(task.job, handle)
end

-- Seconds until the first timer; nil: there is none.
local function next_time(loop)
  local list = loop.timers
  if list.count > 0 then return max(0, list.due[1] - clock.monotonic()) end
end

-- Waits until a call is done or a timer is due, for at most `seconds`.
local function wait(loop, seconds)
  if seconds > 0 then seconds = min(seconds, next_time(loop) or seconds) end
  if seconds > 0 and next(loop.parked) == nil then
    clock.sleep(seconds)
    seconds = 0
  end
  loop.queue:wait(seconds)
end

-- Makes the tasks ready whose timers are due -> were there any?
local function wake_due(loop)
  local list, now, some = loop.timers, clock.monotonic(), false
  for _ = 1, RESUMES_MAX do
    if list.count == 0 or list.due[1] > now then break end
    local task = list.tasks[1]
    timers.remove(list, task)
    if NO_REQUEST[task.waits] then
      make_ready(loop, task.job)
      task.waits, some = false, true
    end
  end
  return some
end

-- One turn: waits for at most `seconds` and continues ready jobs -> were there any? Without `seconds` it does not check
-- for answers, and continues ready jobs only.
local function turn(loop, seconds)
  loop.turning = true
  local queue, some = loop.queue, loop.first <= loop.last
  if seconds then
    wait(loop, some and 0 or seconds)
    for _ = 1, RESUMES_MAX do
      local number = queue:next()
      if not number then break end
      local task = unpark(loop, number)
      if task and task.number == number and task.job.task == task then
        some = true
        answered(task)
      end
    end
    if loop.timers.count > 0 then some = wake_due(loop) or some end
  end
  run_ready(loop)
  loop.turning = false
  return some
end

function Task:wake()
  local loop = self.loop
  if self.waits ~= SLEEPS then return end
  make_ready(loop, self.job)
  self.waits = false
  -- The host of that loop waits for its descriptor, which does not become readable for this.
  if loop.hosted and not loop.turning then loop.hosted(loop) end
end

-- Continues a job for which it is not known any more what it waited for.
local function look_after(job)
  local task = job.task
  if not task then return end
  local handle = task.waits
  if NO_REQUEST[handle] then
    task.waits = false
  elseif handle then
    if not task.request.client.engine:done(handle) then return end
    unpark(task.loop, task.number)
    return answered(task)
  end
  local why = not (task.begun or task.ended) and stopped(task.scope)
  if why then task.good, task.value, task.err, task.ended = true, nil, cancelled(why), true end
  advance(job)
end

-- Cleans up after a turn that an error interrupted at any point: done calls may be in no list, and counters may be
-- wrong. Gathers in the functions end for that reason. false: the error was raised inside of one function, and they
-- continue.
local function sweep(loop, reason)
  local jobs, list = loop.jobs, {}
  loop.count, loop.free_last = 0, 0
  timers.clear(loop.timers)
  for slot = 1, loop.slots do
    local job = jobs[slot]
    if job and job.task then
      local group = job.task.group
      list[#list + 1] = job
      job.slot, job.pool.live = slot, 0
      if group then
        group.live = 0
        if reason ~= false then group:give_up(reason, "the gather", "the gather was interrupted") end
      end
    else
      jobs[slot], loop.free_last = false, loop.free_last + 1
      loop.free[loop.free_last] = slot
    end
  end
  loop.count = #list
  for _, job in next, list do job.pool.live = job.pool.live + 1 end
  for _, job in next, list do look_after(job) end
end

-- An error inside of a function may have left wrong counters: the next turn of a gatherer cleans up.
local function distrust(loop)
  if not loop.cut then loop.cut_by, loop.cut = false, true end
end

-- If no call is running and no task pauses, only code that waits for this loop could wake the others.
local function end_sleeps(loop)
  local jobs = loop.jobs
  for slot = 1, loop.slots do
    if jobs[slot] and jobs[slot].task.waits == PAUSES then return end
  end
  for slot = 1, loop.slots do
    local job = jobs[slot]
    if job and job.task.waits == SLEEPS then
      make_ready(loop, job)
      job.task.waits, job.task.stuck = false, true
    end
  end
end

-- Runs turns until `pool` has no more jobs.
local function drive(loop, pool)
  while pool.live > 0 do
    if loop.first > loop.last and next(loop.parked) == nil then end_sleeps(loop) end
    turn(loop, LONG)
  end
end

--- A placeholder for a job's last task: `step(job)` returns its first one.
function M.beginning(step)
  return { ended = true, good = true, scope = LEFT, step = step }
end

M.stopped, M.within, M.stop, M.cancelled = stopped, within, stop, cancelled
M.raised, M.read_raised = raised, read_raised
M.current, M.start = current, start
M.add, M.remove, M.wait_for = add, remove, wait_for
M.new, M.turn, M.sweep, M.drive, M.next_time = new_loop, turn, sweep, drive, next_time
M.distrust = distrust

return M

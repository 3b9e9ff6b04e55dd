-- The gatherer: many calls at once, for hosts with an event loop of their own.
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local families = require "oneflow.object.families"
local loops = require "oneflow.gather.loop"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local orphans = require "oneflow.gather.orphans"
local report = require "oneflow.errors.report"
local usage = require "oneflow.errors.usage"

local error, pcall, type = error, pcall, type
local format = string.format
local max, min = math.max, math.min
local calls, open, seal = core.calls, core.open, core.seal
local thread, yieldable = core.thread, core.yieldable
local cancelled, read_raised = loops.cancelled, loops.read_raised
local stop, stopped = loops.stop, loops.stopped

local M = {}

local LONG = 3600 -- seconds: no limit
local BLIND_SECONDS = 1 / 100 -- between checks, without a descriptor

local UNSTOPPED = {} -- the scope of on_done: it may make calls even if its function was cancelled

---Runs functions concurrently in the host's event loop; the I/O thread of the process carries their calls.
---@class oneflow.Gatherer
local Gatherer = {}

local GATHERER = {
  __index = Gatherer, __metatable = false, __name = "oneflow.Gatherer",
  __tostring = function() return "oneflow gatherer" end,
}

-- Nothing can resume its functions any more.
function GATHERER.__gc(self) orphans.abandon(open(self, GATHERER).calls) end

local HANDLE = { __metatable = false, __name = "oneflow.Gatherer.Handle" }

families.add("userdata", {
  state = function(value) return open(value, GATHERER) end, text = GATHERER.__tostring,
  limited = families.withheld "runs what else the host put into it",
})

local function loop_of(self, name)
  local loop = open(self, GATHERER)
  if not loop then families.refuse(self, "gatherer", name, "a gatherer") end
  return loop
end

local is_turning

-- Must not be called by one of its own tasks, which would wait for itself.
local function outside(self, name)
  local loop = loop_of(self, name)
  if is_turning(loop) then usage.raise(format("gatherer:%s inside of one of its own functions", name)) end
  return loop
end

-- ---- the steps of a function --------------------------------------------------------------------------------------

local start_waiting

-- Keeps an error that no function can get, for poll to raise. A second one before that is reported.
---@param from table  the job that raised, or the loop
local function note_raise(loop, from, where, what)
  if loop.raised then return report.problem(nil, what, where, "gatherer") end
  loop.raised, loop.reason = from, what
end

local function leave(job)
  local loop = job.loop
  loop.live = loop.live - 1
  loops.remove(job)
  start_waiting(loop)
end

local function run_on_done(job)
  yieldable() -- raises if there are no stack slots for what follows
  local on_done, value, err, trace = job.on_done, job.value, job.err, job.trace
  job.reported = true
  return on_done(value, err, trace)
end

local TO_TELL

local function on_done_ended(job, task)
  if not task.good then
    local what = read_raised(task)
    if not job.reported then -- it could not start for lack of memory: tries again in the next turn
      job.task = TO_TELL
      error(what, 0)
    end
    note_raise(job.loop, job, "on_done", what)
  end
  leave(job)
end

TO_TELL = loops.beginning(function(job) return loops.start(job, UNSTOPPED, run_on_done, on_done_ended) end)

local function ended(job, good, value, err, trace)
  if job.on_done then
    job.value, job.err, job.trace = value, err, trace or nil
    return loops.start(job, UNSTOPPED, run_on_done, on_done_ended)
  end
  if not good then note_raise(job.loop, job, "a function", err) end
  leave(job)
end

local function run(job) return job.fn() end

local function ran(job, task)
  if task.good then return ended(job, true, task.value, task.err) end
  return ended(job, false, nil, read_raised(task))
end

local TO_BEGIN = loops.beginning(function(job)
  if job.dropped then return leave(job) end
  local why = stopped(job.scope)
  if why then return ended(job, true, nil, cancelled(why)) end
  return loops.start(job, job.scope, run, ran)
end)

-- A waiting job is added to the loop before it leaves the queue, because an error may be raised in between.
function start_waiting(loop)
  while loop.live < loop.concurrency do
    local job = loop.waiting[loop.next]
    if not job then return end
    if not (job.slot or job.dropped) then
      loops.add(loop, job)
      loop.live = loop.live + 1
    end
    loop.waiting[loop.next], loop.next = nil, loop.next + 1
  end
end

-- ---- turns -------------------------------------------------------------------------------------------------------

local function cut(loop, what)
  loop.cut_by, loop.cut = what, true
  loop.turning = false -- last, because an error may be raised in between
end

local function idle(loop) return loop.count == 0 and not (loop.waiting[loop.next] or loop.cut) end

local function protected_turn(loop, seconds)
  loop.thread = thread()
  loop.turning = true
  if loop.cut then
    loops.sweep(loop, loop.cut_by)
    loop.cut = false
    seconds = seconds and 0 -- there may be nothing to wait for any more
  end
  start_waiting(loop)
  local some = loops.turn(loop, seconds)
  return some -- not a tail call: this function must stay on the stack
end

local function host_turn(loop, seconds)
  local outer = loops.task
  local good, some = pcall(protected_turn, loop, seconds)
  if good then return some end
  loops.task = outer
  cut(loop, some)
  error(some, 0)
end

-- A second error may be raised before the first one was recorded: then the running turn is still on its thread's stack.
function is_turning(loop)
  if not loop.turning then return false end
  if calls(loop.thread, protected_turn) then return true end
  cut(loop, "a turn of the gatherer was interrupted")
  return false
end

local function begin(loop, job)
  loop.waiting[loop.waiting_last + 1] = job
  loop.waiting_last = loop.waiting_last + 1
  if not is_turning(loop) then return host_turn(loop) end
  if not loop.cut then start_waiting(loop) end
end

local function raise_noted(loop)
  local what = loop.reason
  loop.raised, loop.reason = false, false
  error(what, 0)
end

local function poll(loop, seconds)
  local some = host_turn(loop, seconds)
  if loop.raised then raise_noted(loop) end
  return some
end

--- Starts a function, or queues it if `concurrency` functions are running.
---@param fn fun(): any, any
---@param on_done fun(value: any, err: any, traceback: string?)?  gets what the function returned, or `nil, error,
---  traceback` if it raised; called by `poll`, or by `add` if the function makes no call. If it raises, or a function
---  without it raises, `add` or `poll` raises the error after the other on_done were called; of several errors it
---  raises the first, the others go to the log
---@return userdata handle  for cancel
function Gatherer:add(fn, on_done)
  local loop = loop_of(self, "add")
  if type(fn) ~= "function" then usage.raise("gatherer:add: a function expected, got " .. type(fn)) end
  if on_done ~= nil and type(on_done) ~= "function" then
    usage.raise("gatherer:add: on_done: a function expected, got " .. type(on_done))
  end
  local scope = { above = loop.scope }
  local handle = seal(scope, HANDLE)
  local job = { loop = loop, pool = loop, fn = fn, on_done = on_done, scope = scope, task = TO_BEGIN, reported = false }
  local good, what = pcall(begin, loop, job)
  if not good then
    loops.distrust(loop)
    job.dropped = not job.slot
    if job.dropped then error(what, 0) end
    note_raise(loop, loop, "the gatherer", what) -- it has started: poll raises the error, as those of others
  end
  if loop.raised == job and not is_turning(loop) then raise_noted(loop) end
  return handle
end

-- Wakes paused functions. The host waits for the descriptor, which does not become readable for them, so runs a turn.
local function stop_and_go_on(loop, scope, why)
  stop(loop, scope, why)
  if loop.first <= loop.last and not is_turning(loop) then host_turn(loop) end
end

--- Cancels a function, or all: they begin no more calls, and their running calls end as `cancelled`, except those on
--- the wire that must not be repeated. `oneflow.sleep` in them ends as `cancelled`, too.
---@param handle userdata?  returned by add
function Gatherer:cancel(handle)
  local loop = loop_of(self, "cancel")
  if handle == nil then
    local scope = loop.scope
    loop.scope = {} -- for functions that are added from now on
    return stop_and_go_on(loop, scope, "the gatherer was cancelled")
  end
  local scope = open(handle, HANDLE)
  if not scope then usage.raise("gatherer:cancel: a handle returned by add expected, got  " .. type(handle)) end
  stop_and_go_on(loop, scope, "the function was cancelled")
end

--- Continues functions whose calls are done.
---@param seconds number?  maximum time to wait until there is one (0: does not wait)
---@return boolean idle  no function is left
function Gatherer:poll(seconds)
  local loop = outside(self, "poll")
  if seconds ~= nil and type(seconds) ~= "number" then
    usage.raise("gatherer:poll: seconds expected, got " .. type(seconds))
  end
  local deadline = clock.monotonic() + (seconds or 0)
  repeat
    local left = max(0, deadline - clock.monotonic())
  until poll(loop, left) or left == 0 or idle(loop)
  return idle(loop)
end

--- Runs until no function is left.
function Gatherer:wait()
  local loop = outside(self, "wait")
  while not idle(loop) do poll(loop, LONG) end
end

--- A descriptor that is readable while `poll` has something to do; nil if none could be created.
---@return integer?
function Gatherer:fd() return loop_of(self, "fd").queue:fd() end

--- With `events` and `timeout`, the interface that cqueues.poll needs.
---@return integer?
function Gatherer:pollfd() return loop_of(self, "pollfd").queue:fd() end

---@return string
function Gatherer:events()
  return loop_of(self, "events") and "r"
end

--- How long the host may wait for the descriptor, which becomes readable for calls and their time-outs, but not for
--- functions that sleep.
---@return number? seconds  after which `poll` must be called even if the descriptor is not readable; nil: no limit
function Gatherer:timeout()
  local loop = loop_of(self, "timeout")
  if loop.first <= loop.last or loop.raised or not is_turning(loop) and loop.cut then return 0 end
  local seconds = loops.next_time(loop)
  if not (idle(loop) or loop.queue:fd()) then return min(seconds or BLIND_SECONDS, BLIND_SECONDS) end
  return seconds
end

--- Makes a gatherer. Hosts without an event loop of their own use gather and map.
---@param opts { concurrency: integer? }?  functions that run at once (16; 1 to 1000)
---@return oneflow.Gatherer
function M.gatherer(opts)
  opts = options.read(lists.gatherer, opts)
  local loop = loops.new "threaded"
  loop.hosted, loop.scope, loop.concurrency = host_turn, {}, opts.concurrency
  loop.waiting, loop.next, loop.waiting_last, loop.calls = {}, 1, 0, orphans.new()
  -- Created in advance, because there may be no memory for them later: the job whose error is to be raised, and that
  -- error; the thread of the last turn.
  loop.raised, loop.reason, loop.thread = false, false, false
  loop.live, loop.caller, loop.waiter = 0, false, false -- it is also the pool of its functions
  return seal(loop, GATHERER)
end

return M

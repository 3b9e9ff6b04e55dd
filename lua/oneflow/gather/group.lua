-- The functions of one gather or map. Workers take items one after another. There are as many workers as items that may
-- run at once, but they start one by one, each by the previous one, and only one takes items at a time, because the
-- iterator may wait.
--
-- Each of the caller's functions (iterator, function, on_result, progress) runs in a coroutine of its own, because they
-- may come from different people. A worker is a job, see oneflow.gather.loop; its steps run outside of those
-- coroutines. A step that an error interrupted is repeated.
--
-- The group's `room` is where they run. It has
--
--   start(worker, scope, run, step, item, index) -> task | nil, why    gives a worker its next function
--   add(group, worker)      starts a worker, a little later
--   remove(group, worker)   the worker is finished
--   stop(group, why)
local errors = require "oneflow.errors"
local gather_error = require "oneflow.gather.error"
local loops = require "oneflow.gather.loop"
local report = require "oneflow.errors.report"

local rawget, setmetatable = rawget, setmetatable
local cancelled, read_raised, stopped = loops.cancelled, loops.read_raised, loops.stopped

local M = {}

local Group = {}
Group.__index = Group

-- A placeholder for a result or a failure. The table slot is created before the function starts, because there may be
-- no memory for it afterwards.
local PENDING = {}

--- The error for a reason, with the results so far.
---@return oneflow.GatherError
function Group:problem(reason, trace)
  local problem = self.error
  problem.reason, problem.traceback = reason, trace or nil
  return problem
end

--- Marks every pending item as failed.
function Group:trim()
  local results, failures = self.results, self.failures
  for index = 1, results.n + 1 do
    if results[index] == PENDING then results[index] = nil end
  end
  local place = self.failed + 1
  while failures[place] ~= nil do
    failures[place], place = nil, place + 1
  end
  self.places = self.failed
end

--- The same for a group whose caller no longer waits.
---@return oneflow.GatherError
function Group:left(reason, trace)
  self:trim()
  return self:problem(reason, trace)
end

--- Records an error that belongs to no item; it is raised when all items have ended. A second one is reported, because
--- no caller can get it.
---@param where string  what raised it
---@param why string?  the message for calls that are stopped because of it
function Group:give_up(reason, where, why, trace)
  if self.raised then
    if reason ~= self.error.reason then report.problem(nil, reason, where, "gather") end
  else
    self:problem(reason, trace)
    self.raised = true
  end
  self.room.stop(self, why or where .. " raised")
end

-- The same for an error in one of its tasks.
function Group:give_up_for(task, where)
  local reason, trace = read_raised(task)
  self:give_up(reason, where, nil, trace)
end

-- ---- the steps of a worker ---------------------------------------------------------------------------------------

local take_next

-- A worker's next function could not start, for lack of memory or of a thread: everything is stopped.
local function give_up(worker, why)
  worker.group:give_up(why, "the gather", "a function could not begin")
end

local function run_progress(worker)
  local group = worker.group
  return group.progress(worker.done, group.total)
end

local function progress_ended(worker, task)
  if not task.good then worker.group:give_up_for(task, "progress") end
  return take_next(worker)
end

local function tell_progress(worker)
  local group = worker.group
  group.done = group.done + 1
  if group.progress and not group.raised then
    worker.done = group.done
    local task, why = group.room.start(worker, group.outer, run_progress, progress_ended)
    if task then return task end
    give_up(worker, why)
  end
  return take_next(worker)
end

local function run_on_result(worker)
  return worker.group.on_result(worker.index, worker.item, worker.value, worker.err)
end

local function on_result_ended(worker, task)
  local group = worker.group
  if not task.good then
    group.on_result = nil
    group:give_up_for(task, "on_result")
  end
  return tell_progress(worker)
end

-- Runs after the end of an item was recorded.
local function tell(worker, index, item, value, err)
  local group = worker.group
  if group.on_result then
    worker.index, worker.item, worker.value, worker.err = index, item, value, err
    local task, why = group.room.start(worker, group.outer, run_on_result, on_result_ended)
    if task then return task end
    give_up(worker, why)
  end
  return tell_progress(worker)
end

local function new_failure() return { index = 0, item = 0, err = 0, traceback = 0 } end

-- Creates the table slots for an item that starts.
local function reserve(worker, index)
  local group, failures = worker.group, worker.group.failures
  worker.failure = worker.failure or new_failure()
  group.results[index] = PENDING
  for place = group.places + 1, group.failed + group.live do
    failures[place] = PENDING
    group.places = place
  end
end

-- Runs once, even if an error interrupts it.
local function note_failure(worker, index, item, err, trace)
  if worker.noted == index then return end
  local group, failures, failure, known = worker.group, worker.group.failures, worker.failure or new_failure(), false
  worker.failure = failure
  if failure.index == index then
    for i = 1, group.failed do known = known or failures[i] == failure end
  else
    failure.item, failure.err, failure.traceback = item, err, trace or nil
    failure.index = index
  end
  if not known then
    failures[group.failed + 1] = failure
    group.failed = group.failed + 1
  end
  if group.places < group.failed then group.places = group.failed end
  if group.results[index] == PENDING then group.results[index] = nil end
  if group.results.n < index then group.results.n = index end
  if group.stop then group.room.stop(group, "another item of the gather failed") end
  worker.failure, worker.noted = false, index
end

local function ran(worker, task)
  local group, index, value, err = worker.group, task.index, task.value, task.err
  if not task.good then
    local trace
    value, err, trace = nil, read_raised(task)
    note_failure(worker, index, task.item, err, trace)
  elseif value or err == nil then
    err = nil
    group.results[index], worker.noted = value, index
  else
    value = nil
    note_failure(worker, index, task.item, err)
  end
  if group.on_result or group.progress then return tell(worker, index, task.item, value, err) end
  return take_next(worker)
end

local function run_item(worker, task) return worker.group.fn(task.item, task.index) end

-- -> task | nil: it could not start
local function begin(worker, item)
  local group = worker.group
  local index = group.results.n + 1
  if group.live < group.concurrency then M.add_worker(group) end
  reserve(worker, index)
  local task, why = group.room.start(worker, group, run_item, ran, item, index)
  if not task then return give_up(worker, why) end
  group.results.n = index
  return task
end

local function run_take(worker)
  local group = worker.group
  if group.list then return group.list[group.results.n + 1] end -- respects its __index
  return group.take()
end

local function took(worker, task)
  local group, item = worker.group, task.value
  if group.taker == worker then group.taker = nil end
  if not task.good then
    group:give_up_for(task, "the iterator")
  elseif item == nil then
    group.exhausted = true
  else
    local following = not stopped(group) and begin(worker, item)
    if following then return following end
    local index, err = group.results.n + 1, cancelled(stopped(group))
    note_failure(worker, index, item, err)
    return tell(worker, index, item, nil, err)
  end
  return take_next(worker)
end

function take_next(worker)
  local group = worker.group
  if not (group.taker or group.exhausted or group.stopped or (group.above and stopped(group.above))) then
    local list = group.list
    local item = list and rawget(list, group.results.n + 1)
    if item ~= nil then
      local task = begin(worker, item)
      if task then return task end
    elseif list and group.results.n >= group.total then
      group.exhausted = true
    else
      group.taker = worker
      local task, why = group.room.start(worker, group, run_take, took, nil, nil, true)
      if task then return task end
      group.taker = nil
      give_up(worker, why)
    end
  end
  group.live = group.live - 1
  group.room.remove(group, worker)
end

-- ---- the group ---------------------------------------------------------------------------------------------------

local TO_TAKE = loops.beginning(take_next)

function M.add_worker(group)
  group.room.add(group, { pool = group, group = group, task = TO_TAKE, noted = 0, failure = false })
  group.live = group.live + 1
end

--- Marks the item of a worker as failed: it did not end, and its result is unknown.
function Group:lose(worker)
  local task = worker.task
  if not task or not task.index or task.index == worker.noted then return end
  note_failure(worker, task.index, task.item, task.group and task.group:left(self.error.reason) or self.lost)
end

-- The error for items that did not end, made in advance.
local function lost()
  local err = errors.preallocate()
  err.kind, err.operation, err.acting_user, err.status = "cancelled", "gather", nil, nil
  err.detail = "the gather was interrupted"
  return err
end

---@param items table|function  a list, or an iterator
---@param total integer?  length of the list
---@param opts oneflow.GatherOptions
function M.new(room, items, total, fn, opts)
  local results, failures = { n = 0 }, {}
  return setmetatable({
    room = room, take = items, list = total and items, total = total, fn = fn,
    stop = opts.stop, progress = opts.progress, on_result = opts.on_result,
    concurrency = opts.concurrency, live = 0, done = 0, exhausted = false, taker = nil,
    results = results, failures = failures, failed = 0, places = 0, lost = lost(),
    error = gather_error.new(results, failures), raised = false,
    stopped = nil, above = nil,          -- as a scope
    caller = false, waiter = false,      -- as a pool
  }, Group)
end

return M

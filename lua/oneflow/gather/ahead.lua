-- Functions that start before their results are needed, for prefetching.
local hosts = require "oneflow.hosts"
local loops = require "oneflow.gather.loop"

local error = error
local current, stop, turn = loops.current, loops.stop, loops.turn

local M = {}

local function run(job) return job.fn() end

local function ended(job, task)
  local ahead = job.pool
  ahead.good, ahead.value, ahead.err = task.good, task.value, task.err
  if not task.good then ahead.value = loops.read_raised(task) end
  ahead.live = 0
  loops.remove(job)
  if ahead.sleeper then ahead.sleeper:wake() end
end

--- Starts a function whose calls run while the caller does other things.
---@param fn fun(): any, any
---@return table? ahead  for M.take; nil: not possible here
function M.begin(fn)
  local task = current()
  if not hosts.here().own_loops then return nil end
  local loop = task and task.loop or loops.new "inline"
  -- A pool with one job, for which nobody waits yet.
  local ahead = {
    home = task and task.loop, loop = loop, scope = { above = task and task.scope }, live = 1, sleeper = false,
    caller = false, waiter = false, good = false, value = nil, err = nil,
  }
  local job = { loop = loop, pool = ahead, fn = fn }
  loops.start(job, ahead.scope, run, ended)
  loops.add(loop, job)
  if not task then
    turn(loop)
    turn(loop, 0)
  end
  return ahead
end

--- Cancels a started function.
function M.drop(ahead)
  stop(ahead.loop, ahead.scope, "nobody waits for it any more")
end

--- Waits for a started function.
---@return boolean taken  false: this caller cannot wait for it, and it was cancelled
---@return any value, any err
function M.take(ahead)
  local task = current()
  if (task and task.loop) ~= ahead.home then
    M.drop(ahead)
    return false
  end
  if ahead.live > 0 then loops.wait_for(ahead) end
  if task then
    ahead.sleeper = task
    while ahead.live > 0 do task:sleep() end
  else
    loops.drive(ahead.loop, ahead)
  end
  if not ahead.good then error(ahead.value, 0) end
  return true, ahead.value, ahead.err
end

return M

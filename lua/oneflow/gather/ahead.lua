-- Functions that are begun before their results are asked for.
local hosts = require "oneflow.hosts"
local loops = require "oneflow.gather.loop"

local error = error
local running = coroutine.running
local current, drive, new_loop = loops.current, loops.drive, loops.new
local spawn, stop, turn = loops.spawn, loops.stop, loops.turn

local M = {}

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

return M

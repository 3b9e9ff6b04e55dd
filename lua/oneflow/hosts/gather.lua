-- The host of functions that a loop of the library runs (oneflow.gather.loop): their task is the waiter of their calls.
local groups = require "oneflow.gather.group"
local loops = require "oneflow.gather.loop"
local workers = require "oneflow.gather.workers"

local pcall = pcall

local M = { own_loops = true }

function M.detect(co)
  local task = loops.task
  return co and task and task.co == co
end

function M.waiter() return loops.task end

M.pauser = M.waiter

-- The workers of a group are jobs of the loop that runs the task.
local parallel = { room = workers.room }

function parallel.prepare(group)
  local owner = loops.current()
  group.owner, group.loop, group.above, group.outer = owner, owner.loop, owner.scope, owner.scope
  loops.wait_for(group)
end

local function wait(group)
  while group.live > 0 do group.owner:sleep() end
end

function parallel.run(group)
  group.owner.group = group
  groups.add_worker(group)
  wait(group)
  group.owner.group = false
end

function parallel.settle(group, what)
  workers.interrupt(group, what)
  loops.distrust(group.loop)
  repeat until pcall(wait, group)
  group.owner.group = false
end

parallel.lose = parallel.settle -- the loop continues them

M.parallel = parallel

return M

-- The host of scripts, and of any code that may block its thread: a call waits in the core, and a pause stops the
-- thread.
local clock = require "oneflow.base.clock"
local groups = require "oneflow.gather.group"
local loops = require "oneflow.gather.loop"
local workers = require "oneflow.gather.workers"

local M = { own_loops = true }

local waiter = {}

-- Sleeps in slices, because a signal's handler (Ctrl-C) may raise in between.
function waiter.pause(_, seconds)
  local due, left = clock.monotonic() + seconds, seconds
  while left > 0 do
    clock.sleep(left)
    left = due - clock.monotonic()
  end
  return true
end

function M.detect() return true end

function M.waiter() return nil end

function M.pauser() return waiter end

-- A group runs in a loop of its own.
local parallel = { room = workers.room }

function parallel.prepare(group)
  group.loop, group.outer, group.around = loops.new "inline", {}, loops.task
  loops.wait_for(group)
end

function parallel.run(group)
  groups.add_worker(group)
  loops.drive(group.loop, group)
end

function parallel.settle(group, what)
  loops.task = group.around
  workers.interrupt(group, what)
  loops.sweep(group.loop, what)
  loops.drive(group.loop, group)
end

function parallel.lose(group, what) -- requests on the wire continue
  local loop = group.loop
  loops.task = group.around
  workers.interrupt(group, what)
  for slot = 1, loop.slots do -- also those of nested gathers
    local job = loop.jobs[slot]
    if job and job.group then job.group:lose(job) end
  end
end

M.parallel = parallel

return M

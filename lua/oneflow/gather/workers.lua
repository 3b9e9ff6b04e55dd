-- Runs the workers of a group as jobs of a loop: its own loop, or that of the task that gathers.
local loops = require "oneflow.gather.loop"

local room = { start = loops.start }

function room.add(group, worker) loops.add(group.loop, worker) end

function room.remove(group, worker)
  loops.remove(worker)
  if group.live == 0 and group.owner then group.owner:wake() end
end

function room.stop(group, why) loops.stop(group.loop, group, why) end

local function interrupt(group, what) group:give_up(what, "the gather", "the gather was interrupted") end

return { room = room, interrupt = interrupt }

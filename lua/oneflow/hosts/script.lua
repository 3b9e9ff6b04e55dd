-- Scripts, and whatever else has its thread to itself: a call waits in the core, and a pause stops the thread.
local clock = require "oneflow.clock"

local M = { own_loops = true }

local waiter = {}

-- Sleeps in slices: a signal's handler, as a Ctrl-C's, may raise in between.
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

return M

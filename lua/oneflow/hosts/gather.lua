-- Functions that a loop of the library's runs (oneflow.gather.loop): for the calls in there their task is the waiter.
local loops = require "oneflow.gather.loop"

local M = { own_loops = true }

function M.detect(co)
  local task = loops.task
  return co and task and task.co == co
end

function M.waiter() return loops.task end

M.pauser = M.waiter

return M

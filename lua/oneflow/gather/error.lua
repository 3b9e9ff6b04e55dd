-- What gather and map raise: what was raised in them, with what had been done by then.
local errors = require "oneflow.errors"

local setmetatable = setmetatable

local M = {}

---What gather and map raise when their iterator, `progress` or `on_result` raised, a function could not begin, or a
---Ctrl-C came. It prints as the reason.
---@class oneflow.GatherError
---@field reason any  what was raised
---@field traceback string?  where
---@field results table  by index; `n`: how many items were taken
---@field failures oneflow.Failure[]  of items that ended badly, also for the reason that all was stopped
local ERROR = { __metatable = false, __name = "oneflow.GatherError" }

function ERROR.__tostring(err) return errors.printed(err.reason) end

function ERROR.__concat(a, b) return errors.printed(a) .. errors.printed(b) end

--- Made beforehand: there may be no memory for it later.
---@return oneflow.GatherError
function M.new(results, failures)
  return setmetatable({ reason = false, traceback = false, results = results, failures = failures }, ERROR)
end

return M

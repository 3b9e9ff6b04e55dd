-- The error that gather and map raise: its reason, with the results so far.
local errors = require "oneflow.errors"

local setmetatable = setmetatable

local M = {}

---The error that gather and map raise if their iterator, `progress` or `on_result` raised, if a function could not
---start, or on Ctrl-C. It prints as its reason.
---@class oneflow.GatherError
---@field reason any  the error that was raised
---@field traceback string?  of the reason
---@field results table  by index; `n`: how many items were started
---@field failures oneflow.Failure[]  failed items, including those that failed because everything was stopped
local ERROR = { __metatable = false, __name = "oneflow.GatherError" }

function ERROR.__tostring(err) return errors.printed(err.reason) end

function ERROR.__concat(a, b) return errors.printed(a) .. errors.printed(b) end

--- Makes the error in advance, because there may be no memory for it later.
---@return oneflow.GatherError
function M.new(results, failures)
  return setmetatable({ reason = false, traceback = false, results = results, failures = failures }, ERROR)
end

return M

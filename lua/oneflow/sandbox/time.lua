-- The times of the sandbox: as in oneflow.time, but a date alone is accepted as the time at which it begins.
local time = require "oneflow.time"
local M = {}

local find = string.find

--- `2020-06-30T07:15:23+00:00`
M.iso = time.format

--- Seconds since 1970 of a time with offset (`+0000` or `+00:00`, `Z`) or of a date; nil for anything else.
function M.parse(text)
  local parse = find(text, "T", 1, true) and time.parse or time.parse_date
  return (parse(text))
end

return M

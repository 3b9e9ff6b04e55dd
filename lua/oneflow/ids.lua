-- Ids: an integer >= 1, an integral float below 2^53, or 1 to 19 digits. As text they go into paths
-- ("4711", never "4711.0"), as numbers into bodies.
local usage = require "oneflow.usage"

local tonumber, type = tonumber, type
local format, match = string.format, string.match
local floor = math.floor
local math_type = math.type or function() return "float" end -- LuaJIT has floats alone

local M = {}

local EXACT_MAX = 2 ^ 53
local EXPECTED = "an id is an integer from 1, or 1 to 19 digits"

--- The id as digits.
---@param value integer|string  other types raise
---@param what string  for messages: "contract id"
---@return string? digits
---@return string? problem
function M.text(value, what)
  if type(value) == "number" then
    if math_type(value) == "integer" then
      if value < 1 then return nil, EXPECTED end
    elseif value ~= value or value < 1 or value >= EXACT_MAX or value ~= floor(value) then
      return nil, EXPECTED
    end
    return format("%d", value)
  elseif type(value) == "string" then
    if #value > 19 or not match(value, "^[1-9]%d*$") then return nil, EXPECTED end
    return value
  end
  local got = value == nil and "nothing" or type(value)
  usage.raise(format("%s: integer or string of digits expected, got %s", what, got))
end

--- The id as this Lua keeps it best: an exact number, or else its digits.
---@param digits string
---@return integer|string
function M.value(digits)
  local number = tonumber(digits)
  if math_type(number) == "integer" then return number end
  return number < EXACT_MAX and number or digits
end

return M

-- Ids: an integer >= 1, an integral float below 2^53, or 1 to 19 digits. In paths they are text ("4711", never
-- "4711.0"), in bodies numbers.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local usage = require "oneflow.errors.usage"

local tonumber, type = tonumber, type
local find, format, match, sub = string.find, string.format, string.match, string.sub
local floor = math.floor
-- LuaJIT has only floats, even if a compatibility library provides a math.type.
local math_type = math.type and math.type(2 ^ 53) == "float" and math.type or function() return "float" end

local M = { math_type = math_type }

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

local CUSTOM = "c::"

--- Is it "c::" followed by a custom id?
function M.is_custom(value) return type(value) == "string" and sub(value, 1, #CUSTOM) == CUSTOM end

--- An id, or "c::" and a custom id, as a segment of a path. Refuses any value that could be read as several segments,
--- or as a different one, however it is escaped.
---@param value integer|string
---@param what string
---@return string? segment
---@return string? problem
function M.custom(value, what)
  if not M.is_custom(value) then
    local digits, problem = M.text(value, what)
    return digits, problem and problem .. ', or "c::" and a custom id'
  end
  local name = sub(value, #CUSTOM + 1)
  if name == "" then return nil, "the custom id is empty" end
  if name == "." or name == ".." then return nil, "the custom id is " .. name .. ", which a path cannot hold" end
  if #name > 200 then return nil, "the custom id is longer than 200 bytes" end
  if find(name, "[" .. ascii.CONTROL .. "/\\%%]") then
    return nil, "the custom id holds a control byte, '/', '\\' or '%', which a path cannot hold"
  end
  if not core.utf8(name) then return nil, "the custom id is not UTF-8" end
  return CUSTOM .. core.escape(name)
end

--- The id in the form that keeps it exactly in this Lua: a number, or otherwise its digits.
---@param digits string
---@return integer|string
function M.value(digits)
  local number = tonumber(digits)
  if math_type(number) == "integer" then return number end
  return number < EXACT_MAX and number or digits
end

return M

-- Reads the data of an item by names for values deeper in a record. If the item is not loaded, or a list left out that
-- part of its record, reading raises; nil means missing or null.
local acting_user = require "oneflow.client.acting_user"
local core = require "oneflow.core"
local usage = require "oneflow.errors.usage"

local format = string.format
local ipairs, pairs, type = ipairs, pairs, type
local copy, null = core.copy, core.null

local M = {}

--- data._private.name and the like.
---@return any value  nil for missing and for null
---@return boolean? missing
function M.at(data, path)
  local value = data
  for _, name in ipairs(path) do
    if type(value) ~= "table" then return nil, true end
    value = value[name]
    if value == nil or value == null then return nil, value == nil end
  end
  return value
end
local at = M.at

--- The item's data for the library itself. No other code has this table; values given to callers are copies.
function M.loaded(state)
  if state.data == nil then
    usage.raise(format("%s %s is not loaded: use :get()", state.type.name, acting_user.label(state.id) or "?"))
  end
  return state.data
end
local loaded = M.loaded

-- The error for an accessor whose value was not sent.
local function left_out(state, name)
  local item = format("%s %s", state.type.name, state.id or "?")
  if state.partial then
    usage.raise(format("%s comes from a list, which left out what `%s` is read from: use :get()", item, name))
  end
  usage.raise(format("%s: the service did not send what `%s` is read from; the acting user may not see it", item, name))
end
M.left_out = left_out

local function holds(data, conditions)
  for name, wanted in pairs(conditions or {}) do
    if data[name] ~= wanted then return false end
  end
  return true
end

--- A field of an item, from the endpoint table's `accessors`.
function M.field(name, path)
  return function(state)
    local data = loaded(state)
    if not holds(data, path.when) then return nil end
    local value, missing = at(data, path)
    if value == nil and missing and path.otherwise then value, missing = at(data, path.otherwise) end
    if value == nil and missing and state.partial then left_out(state, name) end
    return copy(value)
  end
end

return M

-- Refuses fields whose `type` is not in the registry (oneflow.values), or lacks a part that the field needs: when the
-- table is loaded, not in the first call that uses such a field.
local values = require "oneflow.values"

local error, ipairs, pairs, tostring, type = error, ipairs, pairs, tostring, type
local format = string.format

local PARTS = {
  body = { "check", "takes", "called", "lua", "words" },
  filter = { "filter", "lua", "words" },
  item = { "lua", "words" }, -- of a filter's list
  sandbox = { "takes", "called" }, -- of a control, of a seed
}

-- Parts that a list or an object gets from its items.
local OF_ITEMS = { check = true, lua = true, words = true }

-- By role, the fields that were checked: operations share many.
local seen = { body = {}, filter = {}, item = {}, sandbox = {} }

local look

local function look_at(field, role, path)
  if seen[role][field] then return end
  seen[role][field] = true
  local kind = values[field.type]
  if not kind then error(format("%s: there is no value type %s", path, tostring(field.type)), 0) end
  for _, part in ipairs(PARTS[role]) do
    if not kind[part] and not (kind.walked and OF_ITEMS[part]) then
      error(format("%s: the value type %s has no %s", path, field.type, part), 0)
    end
  end
  if kind.walked and not field.fields and not field.of then
    error(format("%s: nothing says what is in this %s", path, field.type), 0)
  end
  if field.fields then look(field.fields, role, path) end
  if type(field.of) == "table" then
    look_at(field.of, role, path .. "[]")
  elseif field.of then
    look_at({ type = field.of }, "item", path .. "[]")
  end
end

--- Raises if a field is wrong.
---@param fields table<string, table>?  name -> field
---@param role "body"|"filter"|"sandbox"  what the fields belong to; those of a query count as a body's
---@param path string  for the message
function look(fields, role, path)
  for name, field in pairs(fields or {}) do look_at(field, role, path .. "." .. name) end
end

return look

-- Reads a table of options according to a list, which is data: see oneflow.options.lists. An unknown name or a wrong
-- type raises. The result is a copy with the defaults filled in, so later changes of the caller's table have no effect.
local usage = require "oneflow.errors.usage"

local next, pairs, type = next, pairs, type
local floor, format = math.floor, string.format

local M = {}

local bad_type = usage.expected

-- By the type of an option: function(path, value, option) -> the value to keep.
local TYPES = {}

function TYPES.any(_, value) return value end

local function of_lua(path, value, option)
  if type(value) ~= option.type then bad_type(path, option.type, value) end
  return value
end
TYPES.boolean, TYPES.string, TYPES["function"], TYPES.table = of_lua, of_lua, of_lua, of_lua

--- Seconds: above 0 and at most 3600, if the option has no range of its own.
function TYPES.seconds(path, value, option)
  if type(value) ~= "number" then bad_type(path, "number of seconds", value) end
  if option.from then
    if value >= option.from and value <= option.to then return value end
    usage.raise(format("%s: seconds from %d to %d expected", path, option.from, option.to))
  end
  if value ~= value or value <= 0 then usage.raise(path .. ": seconds above 0 expected") end
  if value > 3600 then usage.raise(path .. ": more than 3600: seconds, not milliseconds") end
  return value
end

function TYPES.integer(path, value, option)
  if type(value) ~= "number" then bad_type(path, "integer", value) end
  if value ~= floor(value) or value < option.from or value > option.to then
    usage.raise(format("%s: integer from %d to %d expected", path, option.from, option.to))
  end
  return value
end

--- true or false, or a list of paths; see oneflow.values.lifted.
function TYPES.paths(path, value)
  if type(value) == "boolean" then return value end
  if type(value) ~= "table" then bad_type(path, "boolean or list of paths", value) end
  local copy, length = {}, usage.rawlen(value)
  for key, name in next, value do
    if type(key) ~= "number" or key < 1 or key > length or key ~= floor(key) then
      bad_type(path, "boolean or list of paths", value)
    end
    if type(name) ~= "string" then bad_type(format("%s[%d]", path, key), "path", name) end
    copy[key] = name
  end
  return copy
end

--- A table with its own list of options, or `false` where that has a meaning.
function TYPES.list(path, value, option)
  if value == false and option.or_false then return false end
  return M.read(option.list, value, path, path .. ".")
end

local NONE = {} -- results for missing tables are never written to

--- Prepares a list for `read`. Its fields:
---
---   options   by name: { type =, default =, from =, to =, list =, check = function(path, value) }, or a type's name
---   where     whose options they are; messages begin with it
---   expected  what messages say if it is not a table
---   required  true if the table is required
---   fields    true if messages call them fields
---   refusal   function(name) -> a special message for an unknown name
function M.list(list)
  local options = {}
  for name, option in pairs(list.options) do
    if type(option) == "string" then option = { type = option } end
    option.read = TYPES[option.type]
    options[name] = option
    if option.default ~= nil then
      list.defaults = list.defaults or {}
      list.defaults[name] = option.default
    end
  end
  list.options = options
  list.nothing = not (list.required or list.defaults) and NONE
  return list
end

local function refuse(list, where, name)
  local message = list.refusal and list.refusal(name)
  if message then usage.raise(message) end
  if list.fields then usage.no_field(where, name, list.options) end
  usage.raise(format("%sunknown option %s%s", where and where .. ": " or "", usage.show(name),
    usage.hint(name, usage.names(list.options))))
end

--- A copy of the given options, with defaults for missing ones.
---@param list table  made by M.list
---@param given table?
---@param where string?  instead of the list's
---@param before string?  a prefix for the names in messages
---@return table
function M.read(list, given, where, before)
  if given == nil and list.nothing then return list.nothing end
  where = where or list.where
  local defaults = list.defaults
  if given == nil and not list.required then given = NONE end
  if type(given) ~= "table" then bad_type(where or "options", list.expected or "a table of options", given) end
  local copy, options = {}, list.options
  for name, value in next, given do
    local option = options[name]
    if not option then refuse(list, where, name) end
    local path = before and before .. name or name
    copy[name] = option.read(path, value, option)
    if option.check then option.check(path, value) end
  end
  if defaults then
    for name, value in next, defaults do
      if copy[name] == nil then copy[name] = value end
    end
  end
  return copy
end

return M

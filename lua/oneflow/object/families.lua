-- The families of objects that the library returns: how they are recognised, their names in messages, and what an
-- untrusted script gets instead. A method is a function that can be taken out of its object and called on anything: it
-- accepts objects of its own family and kind only.
local usage = require "oneflow.errors.usage"

local format, type = string.format, type

local M = {}

local by_type = { userdata = {}, table = {}, ["function"] = {} }

--- Adds a family: { state = function(value) -> its state | nil, text = function(value) -> its name in messages, limited
--- = function(value, state) -> what oneflow.limited gives to a script | nil, why nothing }. Without `limited` scripts
--- get the value itself.
---@param lua_type "userdata"|"table"|"function"
---@param family table
function M.add(lua_type, family)
  local list = by_type[lua_type]
  list[#list + 1] = family
end

--- The family of a value, and its state; nil for values that are not the library's.
---@return table? family, any state
function M.of(value)
  local list = by_type[type(value)]
  for i = 1, list and #list or 0 do
    local state = list[i].state(value)
    if state then return list[i], state end
  end
end

--- A value as oneflow.limited gives it to a script; other values are unchanged.
---@return any value, string? why_not
function M.limited(value)
  local family, state = M.of(value)
  if not family or not family.limited then return value end
  return family.limited(value, state)
end

--- Adds a family whose objects limited scripts do not get.
function M.withheld(why)
  return function() return nil, why end
end

--- Marks a function of the library that limited scripts do not get.
function M.withhold(fn, name, why)
  M.add("function", {
    state = function(value) return value == fn end, text = function() return name end, limited = M.withheld(why),
  })
end

--- The name of a value in messages.
---@return string
function M.describe(value)
  local family = M.of(value)
  return family and family.text(value) or type(value)
end

--- Raises that a method was called on an object of another kind, or, if the value is no object, with a dot instead of a
--- colon.
---@param self any
---@param owner string  "contract"
---@param name string  the method
---@param expected string  "a contract"
function M.refuse(self, owner, name, expected)
  local family = M.of(self)
  if not family then usage.raise(format("call with a colon: %s:%s(...)", owner, name)) end
  usage.raise(format("%s:%s: %s expected, got %s", owner, name, expected, family.text(self)))
end

return M

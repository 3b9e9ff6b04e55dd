-- Arguments against the endpoint table. Wrong names and Lua types raise; wrong values are collected, each with its
-- path, so that the caller hears of all of them at once. What comes back is a copy: a table that the caller changes
-- later, or that answers differently when asked twice, changes nothing.
local core = require "oneflow.core"
local cross_field = require "oneflow.cross_field"
local CALL = require("oneflow.options.lists").call
local read_options = require("oneflow.options").read
local usage = require "oneflow.usage"
local values = require "oneflow.values"

local ipairs, next, pairs, type = ipairs, next, pairs, type
local format = string.format
local floor = math.floor

local M = {}

local bad_type = usage.expected

--- A call's options, copied.
---@param opts table?
---@return table
function M.options(opts) return read_options(CALL, opts) end

-- ---- payloads ------------------------------------------------------------------------------------------------

local function note(problems, path, message)
  for _, problem in ipairs(problems) do
    if problem.path == path then
      problem.messages[#problem.messages + 1] = message
      return
    end
  end
  problems[#problems + 1] = { path = path, messages = { message } }
end
M.note = note

local function unknown_name(path, name, fields)
  if path == "body" and CALL.options[name] then
    usage.raise(format("%s is an option, not a field: pass it in the table after the payload", usage.show(name)))
  end
  usage.no_field(path, name, fields)
end

--- A value of a type without fields of its own, as it is sent.
local function checked(field, value, path, problems)
  local problem
  value, problem = values[field.type].check(field, value, path)
  if problem then note(problems, path, problem) end
  return value
end
M.value = checked

local read

-- What holds fields of its own.
local walked = {}

function walked.list(field, value, path, problems, unchecked)
  if type(value) ~= "table" then bad_type(path, "list", value) end
  local copy, length = {}, usage.rawlen(value)
  for key in next, value do
    if type(key) ~= "number" or key < 1 or key > length or key ~= floor(key) then
      if type(key) == "string" then usage.raise(format("%s: a list expected, got named fields", path)) end
      note(problems, path, "is a list with holes or with keys that are no positions")
      return value
    end
  end
  for i = 1, length do copy[i] = read(field.of, value[i], format("%s[%d]", path, i), problems, unchecked) end
  if not unchecked then
    if field.max and length > field.max then
      note(problems, path, format("has more than %d items", field.max))
    elseif field.min and length < field.min then
      note(problems, path, format("has fewer than %d items", field.min))
    end
    cross_field.list(field, copy, path, problems, note)
  end
  return core.array(copy)
end

function walked.object(field, value, path, problems, unchecked)
  if type(value) ~= "table" then bad_type(path, "table", value) end
  local copy = {}
  for name, item in next, value do
    local known = field.fields[name]
    if not known then
      if not unchecked then unknown_name(path, name, field.fields) end
      copy[name] = item
    else
      copy[name] = read(known, item, path .. "." .. name, problems, unchecked)
    end
  end
  if not unchecked then
    for name, known in pairs(field.fields) do
      if known.required and copy[name] == nil then note(problems, path .. "." .. name, "is required") end
    end
    cross_field.object(field, copy, path, problems, note)
  end
  return copy
end

-- `unchecked` looks at no value, but still writes lists as lists.
function read(field, value, path, problems, unchecked)
  if value == core.null then
    if not field.nullable and not unchecked then note(problems, path, "must not be null") end
    return value
  end
  local walk = walked[field.type]
  if unchecked and not (walk and type(value) == "table") then return value end
  if walk then return walk(field, value, path, problems, unchecked) end
  return checked(field, value, path, problems)
end

--- A payload against the table's fields.
---@param operation table  body, rules, totals
---@param body table?
---@param problems oneflow.Problem[]  grows
---@param unchecked boolean?
---@return table copy
function M.body(operation, body, problems, unchecked)
  local field, rules = { fields = operation.body }, operation.rules
  if rules then
    field.requires, field.forbids = rules.requires, rules.forbids
  end
  local copy = walked.object(field, body == nil and {} or body, "body", problems, unchecked)
  if not unchecked then
    cross_field.totals(operation, copy, problems, note)
  end
  return copy
end

return M

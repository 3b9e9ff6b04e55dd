-- Checks arguments against the endpoint table. Wrong names and Lua types raise; wrong values are collected, each with
-- its path, so that the caller gets all of them at once. The result is a copy, so a table that changes later, or that
-- returns different values when read twice, has no effect.
local core = require "oneflow.core"
local cross_field = require "oneflow.values.cross_field"
local equal = require "oneflow.values.equal"
local errors = require "oneflow.errors"
local lifted = require "oneflow.values.lifted"
local CALL = require("oneflow.options.lists").call
local read_options = require("oneflow.options.reader").read
local rows = require "oneflow.values.rows"
local usage = require "oneflow.errors.usage"
local values = require "oneflow.values"

local ipairs, next, pairs, tonumber, type = ipairs, next, pairs, tonumber, type
local find, format, gmatch = string.find, string.format, string.gmatch
local floor = math.floor

local M = {}

local NOTHING = {}

local bad_type = usage.expected

--- A call's options, copied.
---@param opts table?
---@return table
function M.options(opts) return read_options(CALL, opts) end

-- ---- payloads ------------------------------------------------------------------------------------------------

--- Adds what is wrong at a path.
---@return oneflow.Problem
function M.note(problems, path, message)
  for _, problem in ipairs(problems) do
    if problem.path == path then
      problem.messages[#problem.messages + 1] = message
      return problem
    end
  end
  local problem = { path = path, messages = { message } }
  problems[#problems + 1] = problem
  return problem
end

--- The same of what the option `unchecked` lets pass: the error says so.
function M.note_value(problems, path, message) errors.liftable(M.note(problems, path, message)) end
local note = M.note_value

-- The state of reading a payload: `unchecked`; `body`, the payload; `held`, what the handle has of the item that is
-- written, or nil; and the result `left_out`, the path of a read-only name.

-- What the handle has at a path of the payload; in lists the item with the same id.
local function held_at(how, path)
  local given, held = how.body, how.held
  for name, index in gmatch(path .. ".", "([^.%[%]]*)%[?(%d*)%]?%.") do
    if name ~= "body" then
      if type(held) ~= "table" then return nil end
      given, held = given[name], held[name]
    end
    if index ~= "" then
      given = rows(given)[tonumber(index)]
      local id, found = given.id, nil
      for _, item in ipairs(rows(held) or NOTHING) do
        if type(item) == "table" and id ~= nil and item.id == id then found = item end
      end
      held = found
    end
  end
  return held
end

-- Handles a name that is not a field. What was read can be written back: read-only names are left out, and so are names
-- with the same value as in the handle. Any other name raises.
local function no_field(field, name, item, path, how)
  local only = field.read_only and field.read_only[name]
  if only == nil or (only ~= true and only ~= item) then
    local held = how.held and type(name) == "string" and held_at(how, path)
    if type(held) ~= "table" or held[name] == nil or not equal(held[name], item) then
      if path == "body" and CALL.options[name] then
        usage.raise(format("%s is an option, not a field: pass it in the table after the payload", usage.show(name)))
      elseif only ~= nil or (type(held) == "table" and held[name] ~= nil) then
        usage.raise(format("%s.%s is read, and not changed here", path, name))
      end
      usage.no_field(path, name, field.fields, type(name) == "string" and path .. "." .. name or nil)
    end
  end
  how.left_out = path .. "." .. name
end

local function unchecked_at(how, path)
  local unchecked = how.unchecked
  if not unchecked or unchecked == true then return unchecked end
  return lifted(unchecked, path)
end

--- Checks a value of a type without fields -> the value to send.
local function checked(field, value, path, problems)
  local problem
  value, problem = values[field.type].check(field, value, path)
  if problem then note(problems, path, problem) end
  return value
end
M.value = checked

local read

-- Checks an object or a list.
local walked = {}

function walked.list(field, value, path, problems, how)
  if type(value) ~= "table" then bad_type(path, "list", value) end
  local items, count = rows(value)
  if items and items ~= value then -- as it was read; what was not read must not be deleted
    if count and not unchecked_at(how, path) then
      note(problems, path, format("holds %d of %d items", #items, count))
    end
    value = items
  end
  local copy, length = {}, usage.rawlen(value)
  for key in next, value do
    if type(key) ~= "number" or key < 1 or key > length or key ~= floor(key) then
      if type(key) == "string" then usage.raise(format("%s: a list expected, got named fields", path)) end
      M.note(problems, path, "is a list with holes or with keys that are not positions")
      return value
    end
  end
  for i = 1, length do
    copy[i] = read(field.of, value[i], format("%s[%d]", path, i), problems, how)
    if copy[i] == nil then copy[i] = {} end
  end
  if not unchecked_at(how, path) then
    if field.max and length > field.max then
      note(problems, path, format("has more than %d items", field.max))
    elseif field.min and length < field.min then
      note(problems, path, format("has fewer than %d items", field.min))
    end
    cross_field.list(field, copy, path, problems, note)
  end
  return core.array(copy)
end

-- nil: everything in it was read-only
function walked.object(field, value, path, problems, how)
  if type(value) ~= "table" then bad_type(path, "table", value) end
  local copy, unchecked, left_out = {}, unchecked_at(how, path), false
  for name, item in next, value do
    local known = field.fields[name]
    if known then
      copy[name] = read(known, item, path .. "." .. name, problems, how)
      left_out = left_out or copy[name] == nil
    elseif unchecked or how.unchecked and type(name) == "string" and unchecked_at(how, path .. "." .. name) then
      copy[name] = item
    else
      no_field(field, name, item, path, how)
      left_out = true
    end
  end
  if left_out and next(copy) == nil then return nil end
  if not unchecked then
    for name, known in pairs(field.fields) do
      if known.required and copy[name] == nil then note(problems, path .. "." .. name, "is required") end
    end
    cross_field.object(field, copy, path, problems, note)
  end
  return copy
end

-- `unchecked` checks no values, but still writes lists as lists.
function read(field, value, path, problems, how)
  local unchecked = unchecked_at(how, path)
  if value == core.null then
    if not field.nullable and not unchecked then note(problems, path, "must not be null") end
    return value
  end
  local walk = walked[field.type]
  if unchecked and not (walk and type(value) == "table") then return value end
  if walk then return walk(field, value, path, problems, how) end
  return checked(field, value, path, problems)
end

-- Takes away what was found where nothing is to be checked: of what fields demand of each other.
local function lift(problems, unchecked)
  local kept = 0
  for i = 1, #problems do
    local problem = problems[i]
    problems[i] = nil
    if not (find(problem.path, "^body") and lifted(unchecked, problem.path)) then
      kept = kept + 1
      problems[kept] = problem
    end
  end
end

--- Checks a payload against the fields of the table.
---@param operation table  body, rules, totals, read_only
---@param body table?
---@param problems oneflow.Problem[]  new problems are appended
---@param unchecked boolean|string[]|nil
---@param held table?  what the handle has of the item that is written
---@return table copy
function M.body(operation, body, problems, unchecked, held)
  local field, rules = { fields = operation.body, read_only = operation.read_only }, operation.rules
  if rules then
    field.requires, field.forbids = rules.requires, rules.forbids
  end
  if body == nil then body = NOTHING end
  local how = { unchecked = unchecked, body = body, held = held }
  local copy = walked.object(field, body, "body", problems, how)
  if copy == nil then usage.raise(format("nothing in the body can be changed: %s is only read", how.left_out)) end
  if unchecked ~= true then
    cross_field.totals(operation, copy, problems, note)
    if unchecked then lift(problems, unchecked) end
  end
  return copy
end

return M

-- Checks external values (request bodies, seed files) against fields in the form of the endpoint table. Finds all
-- problems at once, each under the path of the value: `parties[0].name`, with lists counted from 0 as in JSON.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local cross_field = require "oneflow.values.cross_field"
local values = require "oneflow.values"
local M = {}

local type, pairs, tostring = type, pairs, tostring
local format, gsub, len = string.format, string.gsub, string.len
local concat, sort = table.concat, table.sort
local setmetatable = setmetatable
local null = core.null

local function note(problems, path, message)
  local key = path == "" and "body" or path
  problems[key] = problems[key] or {}
  problems[key][#problems[key] + 1] = message
end

-- By problems, while they are found: whether something was taken of which no page says that the service takes it.
local doubted = setmetatable({}, { __mode = "k" })

local function doubt(problems) doubted[problems] = true end

local function with_doubts(problems) return problems, doubted[problems] or false end

-- The service's words for broken cross-field rules: "is needed", after a path that may be empty.
local function note_cross_field(problems, path, message)
  note(problems, (gsub(path, "^%.", "")), "It " .. message .. ".")
end

local function below(path, name)
  return path == "" and name or path .. "." .. name
end

-- What `min` and `max` count, by the type of the value.
local function size(value)
  if type(value) == "number" then return value, "be" end
  if type(value) == "string" then return len(value), "have a length of" end
  if values.list.takes(value) then return #value, "have a number of items of" end
end

local function within(value, field, path, problems)
  local n, verb = size(value)
  if not n then return end
  if field.min and n < field.min then
    note(problems, path, format("Must %s at least %d.", verb, field.min))
  end
  if field.max and n > field.max then
    note(problems, path, format("Must %s at most %d.", verb, field.max))
  end
end

local function one_of(value, field, path, problems)
  for _, allowed in pairs(field.enum) do
    if value == allowed then return end
  end
  if field.open then return doubt(problems) end
  note(problems, path, "Must be one of: " .. concat(field.enum, ", ") .. ".")
end

local check

local function check_fields(value, fields, path, problems, strict)
  for name, field in pairs(fields) do
    local item = value[name]
    if item == nil then
      if field.required then note(problems, below(path, name), "Required field is missing.") end
    else
      check(item, field, below(path, name), problems, strict)
    end
  end
  if strict then
    for name in pairs(value) do
      if not fields[name] then note(problems, below(path, tostring(name)), "Unknown field.") end
    end
  end
end

function check(value, field, path, problems, strict)
  if value == null then
    if not field.nullable then note(problems, path, "May not be null.") end
    if field.nullable == "?" then doubt(problems) end
    return
  end
  local kind = values[field.type]
  if not kind.takes(value) then return note(problems, path, "Must be " .. kind.called .. ".") end
  within(value, field, path, problems)
  if field.enum then one_of(value, field, path, problems) end
  if field.fields then
    check_fields(value, field.fields, path, problems, strict)
    cross_field.object(field, value, path, problems, note_cross_field, doubt)
  end
  if field.of then
    for i = 1, #value do check(value[i], field.of, format("%s[%d]", path, i - 1), problems, strict) end
    cross_field.list(field, value, path, problems, note_cross_field)
  end
end

--- Checks an object against its fields.
---@param value any
---@param fields table name -> field, as in the endpoint table
---@param strict? boolean unknown fields are problems too
---@return table problems path -> list of messages; empty if there are none
function M.object(value, fields, strict)
  local problems = {}
  check(value, { type = "object", fields = fields }, "", problems, strict)
  return problems
end

--- Checks the body of an operation against the endpoint table: its fields and the cross-field rules.
---@return table problems as those of `object`
---@return boolean assumed whether something was taken of which no page says that the service takes it
function M.body(operation, body)
  local field = { type = "object" }
  for name, rule in pairs(operation.rules or {}) do field[name] = rule end
  field.fields = operation.body
  local problems = {}
  check(body, field, "", problems)
  cross_field.totals(operation, body, problems, function(_, path, message)
    note(problems, (gsub(path, "^body%.", "")), message .. ".")
  end)
  return with_doubts(problems)
end

--- Whether what is already an object fits some cross-field rules.
---@return table problems, boolean assumed as those of `body`
function M.cross_field(rules, object)
  local problems = {}
  cross_field.object(rules, object, "", problems, note_cross_field, doubt)
  return with_doubts(problems)
end

--- Adds a problem to the list.
M.note = note

--- The problems as lines for people, in a fixed order.
function M.lines(problems)
  local lines = {}
  for path, messages in pairs(problems) do
    for _, message in pairs(messages) do lines[#lines + 1] = path .. ": " .. message end
  end
  sort(lines, ascii.before)
  return lines
end

--- A string of 1 to 15 digits as a number: every such id is exact in every Lua.
M.id = values.id.parameter

return M

-- Values from outside (request bodies, seed files) against fields written as the endpoint table
-- writes them. Every problem is found at once, each under the path of the value:
-- `parties[0].name`, lists counted from 0 as JSON people do.
local ascii = require "oneflow.ascii"
local core = require "oneflow.core"
local couplings = require "oneflow.couplings"
local time = require "oneflow.sandbox.time"
local M = {}

local type, pairs, next, tostring, getmetatable = type, pairs, next, tostring, getmetatable
local floor = math.floor
local format, gsub, match, find, len = string.format, string.gsub, string.match, string.find, string.len
local concat, sort = table.concat, table.sort
local null = core.null

local function is_integer(value)
  return type(value) == "number" and value == floor(value) and value > -2^53 and value < 2^53
end

-- An empty table may be either; one that the decoder marked is a list.
local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil or getmetatable(value) ~= nil)
end

local function is_object(value)
  return type(value) == "table" and #value == 0
end

local function matches(pattern)
  return function(value) return type(value) == "string" and find(value, pattern) ~= nil end
end

-- Of the right form, and a day and hour that there are.
local function time_like(pattern)
  local fits = matches(pattern)
  return function(value) return fits(value) and time.parse(value) ~= nil end
end

local KINDS = {
  any = { "a value", function() return true end },
  any_object = { "an object", is_object },
  boolean = { "true or false", function(value) return type(value) == "boolean" end },
  country = { "a country code, SE", matches("^[A-Z]?[A-Z]?$") },
  date = { "a date, YYYY-MM-DD", time_like("^%d%d%d%d%-%d%d%-%d%d$") },
  decimal = { "a decimal string", matches("^%-?%d+%.?%d*$") },
  email = { "an e-mail address", matches("^[^@ \t-\r]+@[^@ \t-\r]+$") },
  file = { "a file", is_object },
  id = { "an id", function(value) return is_integer(value) and value >= 1 end },
  integer = { "an integer", is_integer },
  list = { "a list", is_list },
  number_text = { "an integer or a decimal string", function(value)
    return is_integer(value) or (type(value) == "string" and find(value, "^%-?%d+%.?%d*$") ~= nil)
  end },
  number = { "a number", function(value) return type(value) == "number" and value - value == 0 end },
  object = { "an object", is_object },
  phone = { "a phone number, +46700000001", matches("^%+%d+$") },
  scalar = { "a name or an id", function(value) return type(value) == "string" or is_integer(value) end },
  string = { "a string", function(value) return type(value) == "string" end },
  time = { "a time, 2020-06-30T07:15:23+00:00",
           time_like("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[+-]%d%d:?%d%d$") },
  url = { "an https address", function(value) -- or, in the sandbox, one of this machine
    return type(value) == "string"
      and (find(value, "^https://.") or find(value, "^http://127%.") or find(value, "^http://localhost")) ~= nil
  end },
}

local function note(problems, path, message)
  local key = path == "" and "body" or path
  problems[key] = problems[key] or {}
  problems[key][#problems[key] + 1] = message
end

-- How the couplings of the endpoint table put it: "is needed", below a path that may be empty.
local function note_coupling(problems, path, message)
  note(problems, (gsub(path, "^%.", "")), "It " .. message .. ".")
end

local function below(path, name)
  return path == "" and name or path .. "." .. name
end

-- What `min` and `max` count depends on what the value is.
local function size(value)
  if type(value) == "number" then return value, "be" end
  if type(value) == "string" then return len(value), "have a length of" end
  if is_list(value) then return #value, "have a number of items of" end
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
    return
  end
  local kind = KINDS[field.type]
  if not kind[2](value) then
    return note(problems, path, "Must be " .. kind[1] .. ".")
  end
  within(value, field, path, problems)
  if field.enum then one_of(value, field, path, problems) end
  if field.fields then
    check_fields(value, field.fields, path, problems, strict)
    couplings.object(field, value, path, problems, note_coupling)
  end
  if field.of then
    for i = 1, #value do check(value[i], field.of, format("%s[%d]", path, i - 1), problems, strict) end
    couplings.list(field, value, path, problems, note_coupling)
  end
end

--- Checks an object against its fields.
---@param value any
---@param fields table name -> field, as in the endpoint table
---@param strict? boolean unknown fields are problems too
---@return table problems path -> list of messages; empty when all is well
function M.object(value, fields, strict)
  local problems = {}
  check(value, { type = "object", fields = fields }, "", problems, strict)
  return problems
end

--- Checks the body of an operation, as the endpoint table has it: fields, and what they say about each other.
---@return table problems as those of `object`
function M.body(operation, body)
  local field = { type = "object" }
  for name, rule in pairs(operation.rules or {}) do field[name] = rule end
  field.fields = operation.body
  local problems = {}
  check(body, field, "", problems)
  couplings.totals(operation, body, problems, function(_, path, message)
    note(problems, (gsub(path, "^body%.", "")), message .. ".")
  end)
  return problems
end

--- Whether what is already an object fits the couplings of some rules.
---@return table problems as those of `object`
function M.couplings(rules, object)
  local problems = {}
  couplings.object(rules, object, "", problems, note_coupling)
  return problems
end

--- Adds a problem to those that were found.
M.note = note

--- The problems as lines, in a steady order, for a person.
function M.lines(problems)
  local lines = {}
  for path, messages in pairs(problems) do
    for _, message in pairs(messages) do lines[#lines + 1] = path .. ": " .. message end
  end
  sort(lines, ascii.before)
  return lines
end

--- A string of 1 to 15 digits as a number: every such id is exact in every Lua.
function M.id(text)
  if type(text) == "string" and len(text) <= 15 and match(text, "^[1-9]%d*$") then
    return floor(tonumber(text))
  end
end

return M

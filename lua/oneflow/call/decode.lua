-- Checks that an answer belongs to its request. A 2xx status alone does not prove that a request was applied, so the
-- answer is compared with what the endpoint table says of its operation (`answers`, `undone`). Fields that the service
-- did not send are not compared; an id as digits equals the integer.
local api = require "oneflow.api"
local core = require "oneflow.core"
local ids = require "oneflow.values.ids"
local rows = require "oneflow.values.rows"

local format, match = string.format, string.match
local ipairs, next, pairs, tonumber, type = ipairs, next, pairs, tonumber, type
local decode, is_custom, null = core.decode, ids.is_custom, core.null

local M = {}

-- The digits of an id; nil if the value is not one.
local function digits(value)
  local form = type(value)
  if form ~= "number" and form ~= "string" then return nil end
  return (ids.text(value, "id"))
end

--- The id of a record, in the form that keeps it exactly in this Lua; nil if there is none, or it cannot be an id.
---@param fields string[]  where it may be: the first field that has an id is used
---@return integer|string? id
function M.id_of(record, fields)
  for _, field in ipairs(fields) do
    local text = digits(record[field])
    if text then return ids.value(text) end
  end
end

-- ---- what came instead -----------------------------------------------------------------------------------------

local SAID = { "detail", "title", "message", "error" }

-- What an object says about itself, as errors do. Complete, because a truncated text cannot be searched for the token.
local function said(value)
  for _, field in ipairs(SAID) do
    local text = value[field]
    if type(text) == "string" and text ~= "" then return ": " .. text end
  end
  return ""
end

local function no_id(expects, value, what)
  for _, field in ipairs(expects.id_fields) do
    local id = value[field]
    if id ~= nil and id ~= null then
      return format("what was returned for %s has no id, but a %s that cannot be one", what, type(id))
    end
  end
  return format("an object without an id was returned for %s%s", what, said(value))
end

-- ---- the rules -------------------------------------------------------------------------------------------------

-- Compares the custom id in the path with the one in the answer, wherever that is.
local function other_custom_id(expects, value, asked)
  for _, place in ipairs(expects.custom_ids) do
    local custom = value
    for _, name in ipairs(place) do custom = type(custom) == "table" and custom[name] or nil end
    if custom ~= nil and custom ~= null then
      local text = type(custom) == "string" and custom or digits(custom)
      local segment = text and ids.custom("c::" .. text, "custom id")
      if segment ~= asked then
        return format("%s %s was returned for %s %s", expects.thing, segment or "of another form", expects.thing, asked)
      end
    end
  end
end

-- The first id of a record, and whether it is the requested one, wherever that is.
local function find_id(expects, value, asked)
  local first
  for _, field in ipairs(expects.id_fields) do
    local text = digits(value[field])
    if text and text == asked then return text, true end
    first = first or text
  end
  return first, false
end

local EXACT_DIGITS = 15 -- numbers of every Lua are exact up to these

local RULES = {}

function RULES.same(expects, value, asked)
  local first = value[expects.id_fields[1]]
  -- The usual case, handled without creating a string.
  if first ~= nil and asked and #asked <= EXACT_DIGITS and first == tonumber(asked) then return nil end
  local came, found = find_id(expects, value, asked)
  local thing = asked and expects.thing .. " " .. asked or "the " .. expects.thing
  if not came then return no_id(expects, value, thing) end
  if is_custom(asked) then return other_custom_id(expects, value, asked) end
  if asked and not found then return format("%s %s was returned for %s", expects.thing, came, thing) end
end

function RULES.new(expects, value, asked)
  local came, found = find_id(expects, value, asked)
  if found then return format("%s %s itself was returned for a new %s", expects.thing, came, expects.thing) end
  if not came then return no_id(expects, value, "a new " .. expects.thing) end
end

local function holds(value)
  if type(value) == "table" then return next(value) ~= nil end
  return value ~= nil and value ~= null and value ~= false and value ~= ""
end

-- For answers of which it is only known that they must not describe an error or another item than the deleted one.
function RULES.any(expects, value, asked)
  local came, found = find_id(expects, value, asked)
  if asked and came and not found then
    return format("%s %s was returned for %s %s", expects.thing, came, expects.thing, asked)
  end
  local status = value.status
  if holds(value.error) or holds(value.errors) or holds(value.error_code)
    or (type(status) == "number" and status >= 400 and status < 600) then
    return "an object that describes an error was returned" .. said(value)
  end
end

-- What was not done, according to the answer.
local function undone_of(expects, value)
  for field, wrong in pairs(expects.undone) do
    if value[field] == wrong then return format("its %s is still %s", field, wrong) end
  end
end

--- Checks an answer -> what is wrong with it.
---@param expects table  fields of an operation, see oneflow.api
---@param path string  of the request
---@param value table  the object in the answer
---@return string? message  nil: nothing is wrong
---@return boolean? undone  the answer belongs to the request, and says that it was not done
local function mismatch(expects, path, value)
  local asked = expects.own and match(path, expects.own)
  local message = RULES[expects.answers](expects, value, asked)
  if message or not expects.undone then return message end
  message = undone_of(expects, value)
  if message then return format("%s %s was returned, and %s", expects.thing, asked, message), true end
end

-- ---- reading ---------------------------------------------------------------------------------------------------

--- Decodes a 2xx answer that is not a file.
---@param operation table
---@param path string
---@param text string
---@return any value  nil if it does not answer the request
---@return oneflow.Kind? kind, string? message, boolean? undone  see `mismatch`
function M.read(operation, path, text)
  local returns, expects = operation.returns, operation.expects
  local thing = expects and expects.answers ~= "any"
  if text == "" and (returns == "nothing" or (returns == nil and not thing)) then return true end
  local value, kind, message = decode(text)
  if value == nil then return nil, kind, message end
  local object = kind == "object"
  if operation.pages or operation.bare then
    if rows(value, operation.rows) then return value end
    return nil, "decode", "a list expected, in `data` or bare"
  end
  if not object and (thing or (returns ~= nil and returns ~= "nothing")) then
    return nil, "decode", "an object expected"
  end
  if expects and object then
    local wrong, undone = mismatch(expects, path, value)
    if wrong then return nil, "mismatch", wrong, undone end
  end
  if returns == "nothing" then return true end -- so it is not a login page
  return value
end

-- ---- paths that are written by hand ----------------------------------------------------------------------------

-- Does the path name the item as the library would? Otherwise two different ids may still name the same item.
local function plain(expects, path)
  local asked = expects.own and match(path, expects.own)
  if not asked or digits(asked) then return true end
  return expects.custom_ids and is_custom(asked) and ids.custom(asked, "id") == asked
end

--- What the answer to a request must be, if the endpoint table has the path.
---@param method string
---@param path string
---@param query table?  with a query the answer may be something else, such as a file's bytes
---@return table? expects  fields of an operation
function M.expected(method, path, query)
  if method == "GET" and query and next(query) ~= nil then return nil end
  for _, operation in pairs(api.operations) do
    if operation.method == method and match(path, operation.pattern) then
      local expects = operation.expects
      return expects and plain(expects, path) and expects or nil
    end
  end
end

return M

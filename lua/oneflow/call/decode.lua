-- Whose answer is it? A 2xx alone does not say that a thing was done: an answer is read here, and held against what the
-- endpoint table says of its operation (`answers`, `undone`). What the service did not send is not compared; digits
-- equal the integer.
local api = require "oneflow.api"
local core = require "oneflow.core"
local ids = require "oneflow.values.ids"
local rows = require "oneflow.values.rows"

local format, match = string.format, string.match
local ipairs, next, pairs, tonumber, type = ipairs, next, pairs, tonumber, type
local decode, is_custom, null = core.decode, ids.is_custom, core.null

local M = {}

-- The digits of an id; nil for what is none.
local function digits(value)
  local form = type(value)
  if form ~= "number" and form ~= "string" then return nil end
  return (ids.text(value, "id"))
end

--- The id of a record, as this Lua keeps it best; nil for none, and for what cannot be one.
---@param fields string[]  where it may be: the first that holds an id counts
---@return integer|string? id
function M.id_of(record, fields)
  for _, field in ipairs(fields) do
    local text = digits(record[field])
    if text then return ids.value(text) end
  end
end

-- ---- what came instead -----------------------------------------------------------------------------------------

local SAID = { "detail", "title", "message", "error" }

-- What an object says of itself, as errors do: whole, since what is cut first cannot be searched for the token.
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
      return format("what came for %s has no id, but a %s that cannot be one", what, type(id))
    end
  end
  return format("an object without an id came for %s%s", what, said(value))
end

-- ---- the rules -------------------------------------------------------------------------------------------------

-- The custom id of the path against what was sent, wherever that is.
local function other_custom_id(expects, value, asked)
  for _, place in ipairs(expects.custom_ids) do
    local custom = value
    for _, name in ipairs(place) do custom = type(custom) == "table" and custom[name] or nil end
    if custom ~= nil and custom ~= null then
      local text = type(custom) == "string" and custom or digits(custom)
      local segment = text and ids.custom("c::" .. text, "custom id")
      if segment ~= asked then
        return format("%s %s came for %s %s", expects.thing, segment or "of another form", expects.thing, asked)
      end
    end
  end
end

-- The first id that a record has; and whether it has the one that was asked for, wherever that is.
local function find_id(expects, value, asked)
  local first
  for _, field in ipairs(expects.id_fields) do
    local text = digits(value[field])
    if text and text == asked then return text, true end
    first = first or text
  end
  return first, false
end

local EXACT_DIGITS = 15 -- that every Lua's numbers hold

local RULES = {}

function RULES.same(expects, value, asked)
  local first = value[expects.id_fields[1]]
  -- Nearly always so, and no text is to be made of it.
  if first ~= nil and asked and #asked <= EXACT_DIGITS and first == tonumber(asked) then return nil end
  local came, found = find_id(expects, value, asked)
  local thing = asked and expects.thing .. " " .. asked or "the " .. expects.thing
  if not came then return no_id(expects, value, thing) end
  if is_custom(asked) then return other_custom_id(expects, value, asked) end
  if asked and not found then return format("%s %s came for %s", expects.thing, came, thing) end
end

function RULES.new(expects, value, asked)
  local came, found = find_id(expects, value, asked)
  if found then return format("%s %s itself came for a new %s", expects.thing, came, expects.thing) end
  if not came then return no_id(expects, value, "a new " .. expects.thing) end
end

local function holds(value)
  if type(value) == "table" then return next(value) ~= nil end
  return value ~= nil and value ~= null and value ~= false and value ~= ""
end

-- Nothing is known of a good answer but that it does not call itself an error, and is of no other thing than what was
-- deleted.
function RULES.any(expects, value, asked)
  local came, found = find_id(expects, value, asked)
  if asked and came and not found then
    return format("%s %s came for %s %s", expects.thing, came, expects.thing, asked)
  end
  local status = value.status
  if holds(value.error) or holds(value.errors) or holds(value.error_code)
    or (type(status) == "number" and status >= 400 and status < 600) then
    return "an object that tells of an error came" .. said(value)
  end
end

-- What the answer says was not done.
local function undone_of(expects, value)
  for field, wrong in pairs(expects.undone) do
    if value[field] == wrong then return format("its %s is still %s", field, wrong) end
  end
end

--- What is wrong with an answer.
---@param expects table  of an operation, see oneflow.api
---@param path string  that was asked for
---@param value table  the answer's object
---@return string? message  nil: nothing
---@return boolean? undone  it is what was asked for, and says that it was not done
local function mismatch(expects, path, value)
  local asked = expects.own and match(path, expects.own)
  local message = RULES[expects.answers](expects, value, asked)
  if message or not expects.undone then return message end
  message = undone_of(expects, value)
  if message then return format("%s %s came, and %s", expects.thing, asked, message), true end
end

-- ---- reading ---------------------------------------------------------------------------------------------------

--- Reads a 2xx answer that is no file.
---@param operation table
---@param path string
---@param text string
---@return any value  nil when it is not what was asked for
---@return oneflow.Kind? kind, string? message, boolean? undone  see `mismatch`
function M.read(operation, path, text)
  local returns, expects = operation.returns, operation.expects
  local thing = expects and expects.answers ~= "any"
  if text == "" and (returns == "nothing" or (returns == nil and not thing)) then return true end
  local value, kind, message = decode(text)
  if value == nil then return nil, kind, message end
  local object = kind == "object"
  if operation.pages or operation.bare then
    if rows(value, operation.rows) and not (object and next(value) == nil) then return value end
    return nil, "decode", "a list expected, in `data` or bare"
  end
  if not object and (thing or (returns ~= nil and returns ~= "nothing")) then
    return nil, "decode", "an object expected"
  end
  if expects and object then
    local wrong, undone = mismatch(expects, path, value)
    if wrong then return nil, "mismatch", wrong, undone end
  end
  if returns == "nothing" then return true end -- and no login page
  return value
end

-- ---- paths that are written by hand ----------------------------------------------------------------------------

-- Is the thing named as the library would name it? Otherwise ids that differ may still be the same thing's.
local function plain(expects, path)
  local asked = expects.own and match(path, expects.own)
  if not asked or digits(asked) then return true end
  return expects.custom_ids and is_custom(asked) and ids.custom(asked, "id") == asked
end

--- What the answer to a request must be, where the endpoint table knows it.
---@param method string
---@param path string
---@param query table?  what is asked for with a query may be something else: a file's bytes
---@return table? expects  of an operation
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

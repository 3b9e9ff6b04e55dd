-- Arguments against the endpoint table. Wrong names and Lua types raise; wrong values are collected, each with its
-- path, so that the caller hears of all of them at once. What comes back is a copy: a table that the caller changes
-- later, or that answers differently when asked twice, changes nothing.
local ascii = require "oneflow.ascii"
local core = require "oneflow.core"
local couplings = require "oneflow.couplings"
local ids = require "oneflow.ids"
local lists = require "oneflow.options.lists"
local OFFSET_MAX = require("oneflow.list.page").OFFSET_MAX
local options = require "oneflow.options"
local usage = require "oneflow.usage"
local values = require "oneflow.values"

local ipairs, next, pairs, tostring, type = ipairs, next, pairs, tostring, type
local concat, sort = table.concat, table.sort
local format, gmatch, sub = string.format, string.gmatch, string.sub
local floor = math.floor

local M = {}

local rawlen = rawlen or function(t) return #t end -- LuaJIT's # asks no metamethod of a table

local bad_type = usage.expected

--- A call's options, copied.
---@param opts table?
---@return table
function M.options(opts) return options.read(lists.call, opts) end

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
  if path == "body" and lists.call.options[name] then
    usage.raise(format("%s is an option, not a field: pass it in the table after the payload", usage.show(name)))
  end
  usage.no_field(path, name, fields)
end

local function in_list(list, value)
  for _, candidate in ipairs(list) do if candidate == value then return true end end
  return false
end

-- Text, in bodies, paths and queries alike.
local function text_only(path, text, problems)
  if not core.utf8(text) then note(problems, path, "is not UTF-8") end
  return text
end

-- A value of a type without fields of its own.
local function checked(field, value, path, problems)
  local problem
  value, problem = values[field.type].check(field, value, path)
  if problem then note(problems, path, problem) end
  return value
end

local read

-- What holds fields of its own.
local walked = {}

function walked.list(field, value, path, problems, unchecked)
  if type(value) ~= "table" then bad_type(path, "list", value) end
  local copy, length = {}, rawlen(value)
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
    couplings.list(field, copy, path, problems, note)
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
    couplings.object(field, copy, path, problems, note)
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
    couplings.totals(operation, copy, problems, note)
  end
  return copy
end

-- ---- lists: filter, sort, limit, offset ------------------------------------------------------------------------

local SCALARS = { string = true, number = true, boolean = true }

-- A string, number or boolean as it stands in a query or a header.
local function scalar_text(path, value, problems)
  if not SCALARS[type(value)] then bad_type(path, "string, number or boolean", value) end
  local text = tostring(value)
  if type(value) == "number" and ids.math_type(value) == "float" then
    if value ~= value or value - value ~= 0 then
      note(problems, path, "is not a finite number")
    elseif value == floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
      text = format("%d", value)
    else
      text = core.encode(value)
    end
  end
  return text_only(path, text, problems)
end

local function read_filters(operation, given, pairs_out, problems, unchecked)
  if type(given) ~= "table" then bad_type("filter", "table", given) end
  local names = {}
  for name in next, given do
    if type(name) ~= "string" then usage.raise("filter: named filters expected") end
    names[#names + 1] = name
  end
  sort(names, ascii.before)
  for _, name in ipairs(names) do
    local filter, value, path = operation.filters and operation.filters[name], given[name], "filter." .. name
    if not filter and not unchecked then
      usage.raise(format("%s has no filter %s%s", operation.name, usage.show(name),
        usage.hint(name, usage.names(operation.filters or {}))))
    end
    local text
    if not filter or (unchecked and type(value) == "string") then
      if type(value) ~= "string" then bad_type(path, "string", value) end
      text = value
    else
      text = values[filter.type].filter(filter, value, path, unchecked and {} or problems, note)
      if filter.max and #text > filter.max and not unchecked then
        note(problems, path, format("is longer than %d bytes", filter.max))
      end
    end
    pairs_out[#pairs_out + 1] = { "filter[" .. name .. "]", text_only(path, text, problems) }
  end
end

local function read_sort(operation, given, problems, unchecked)
  if type(given) == "table" then
    for i = 1, rawlen(given) do
      if type(given[i]) ~= "string" then bad_type(format("sort[%d]", i), "string", given[i]) end
    end
    given = concat(given, ",")
  end
  if type(given) ~= "string" then bad_type("sort", "string", given) end
  if unchecked then return given end
  for column in gmatch(given .. ",", "([^,]*),") do
    local name = sub(column, 1, 1) == "-" and sub(column, 2) or column
    if not in_list(operation.sort or {}, name) then
      note(problems, "sort", format("cannot sort by %s%s", usage.show(name), usage.hint(name, operation.sort or {})))
    end
  end
  return given
end

-- `unchecked` lets through what the pages can still be counted with.
local function bounded(name, value, from, to, problems, unchecked)
  if type(value) ~= "number" then bad_type(name, "integer", value) end
  if unchecked then from, to = 0, 2 ^ 53 end
  if value ~= floor(value) or value < from or value > to then
    note(problems, name, format("is not an integer from %d to %d", from, to))
    return nil
  end
  return value
end

-- The operation's own parameters, beside those of every list.
local function read_parameters(operation, given, out, problems, unchecked)
  local fields = operation.query or {}
  for _, name in ipairs(usage.names(fields)) do
    local field, value = fields[name], given[name]
    if value ~= nil then
      if not unchecked then value = checked(field, value, name, problems) end
      out[#out + 1] = { name, scalar_text(name, value, problems) }
    elseif field.required and not unchecked then
      note(problems, name, "is required")
    end
  end
end

local READERS = {
  filter = function(operation, value, out, _, problems, unchecked)
    read_filters(operation, value, out, problems, unchecked)
  end,
  sort = function(operation, value, out, _, problems, unchecked)
    out[#out + 1] = { "sort", read_sort(operation, value, problems, unchecked) }
  end,
  limit = function(_, value, _, position, problems, unchecked)
    position.limit = bounded("limit", value, 1, 100, problems, unchecked)
  end,
  offset = function(_, value, _, position, problems, unchecked)
    position.offset = bounded("offset", value, 0, OFFSET_MAX, problems, unchecked)
  end,
}
local READ_IN_ORDER = { "filter", "sort", "limit", "offset" }

-- What a list's query may hold: a list that comes whole has no pages, and nothing to sort or filter.
local function query_names(operation)
  local names = {}
  for name in pairs(operation.query or {}) do names[name] = true end
  if operation.pages then
    for _, name in ipairs(READ_IN_ORDER) do names[name] = true end
  end
  return names
end

--- A list's query, `{ filter =, sort =, limit =, offset = }` and the operation's own parameters: all but limit and
--- offset as name and value pairs.
---@return string[][] pairs, { limit: integer?, offset: integer? } position
function M.list_query(operation, query, problems, unchecked)
  local out, position = {}, {}
  if query == nil then query = {} end
  if type(query) ~= "table" then bad_type("query", "table", query) end
  local given, others, known = {}, {}, query_names(operation)
  for name, value in next, query do
    if known[name] then
      given[name] = value
    elseif unchecked and type(name) == "string" then
      others[name] = value
    else
      if lists.walk.options[name] then
        usage.raise(format("%s is an option: pass it in the table after the query", usage.show(name)))
      end
      local hint = usage.hint(name, usage.names(known))
      if operation.filters and operation.filters[name] then
        hint = format("; did you mean filter = { %s = ... }?", name)
      end
      usage.raise(format("%s: unknown name %s in the query%s", operation.name, usage.show(name), hint))
    end
  end
  read_parameters(operation, given, out, problems, unchecked)
  for _, name in ipairs(READ_IN_ORDER) do
    if given[name] ~= nil and known[name] then
      READERS[name](operation, given[name], out, position, problems, unchecked)
    end
  end
  if next(others) ~= nil then
    for _, pair in ipairs(M.pairs("query", others, problems)) do out[#out + 1] = pair end
  end
  return out, position
end

-- ---- free requests ---------------------------------------------------------------------------------------------

--- A map of names to scalars as pairs, in the order of the names.
---@return string[][]
function M.pairs(path, map, problems)
  local out = {}
  if map == nil then return out end
  if type(map) ~= "table" then bad_type(path, "table", map) end
  for name, value in next, map do
    if type(name) ~= "string" then usage.raise(path .. ": named values expected") end
    out[#out + 1] = { name, scalar_text(path .. "." .. name, value, problems) }
  end
  sort(out, function(a, b) return ascii.before(a[1], b[1]) end)
  return out
end

return M

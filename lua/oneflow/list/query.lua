-- The query of a list, and the query and headers of a free request, as pairs of name and value. As in
-- oneflow.values.check, wrong names and Lua types raise, and wrong values are collected.
local ascii = require "oneflow.base.ascii"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local ids = require "oneflow.values.ids"
local lifted = require "oneflow.values.lifted"
local lists = require "oneflow.options.lists"
local OFFSET_MAX = require("oneflow.list.page").OFFSET_MAX
local usage = require "oneflow.errors.usage"
local values = require "oneflow.values"

local ipairs, next, pairs, tostring, type = ipairs, next, pairs, tostring, type
local concat, sort = table.concat, table.sort
local format, gmatch, sub = string.format, string.gmatch, string.sub
local floor = math.floor
local expected, note = usage.expected, check.note_value

local M = {}

-- Checks text, in bodies, paths and queries.
local function text_only(path, text, problems)
  if not core.utf8(text) then check.note(problems, path, "is not UTF-8") end
  return text
end

local SCALARS = { string = true, number = true, boolean = true }

-- A string, number or boolean as it is written in a query or a header.
local function scalar_text(path, value, problems)
  if not SCALARS[type(value)] then expected(path, "string, number or boolean", value) end
  local text = tostring(value)
  if type(value) == "number" and ids.math_type(value) == "float" then
    if value ~= value or value - value ~= 0 then
      check.note(problems, path, "is not a finite number")
    elseif value == floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
      text = format("%d", value)
    else
      text = core.encode(value)
    end
  end
  return text_only(path, text, problems)
end

-- A filter of which nothing is known: text, or a list as the service writes lists.
local function unknown_filter(path, value, problems)
  if type(value) == "string" then return value end
  if type(value) ~= "table" then value = { value } end
  local items = {}
  for i = 1, usage.rawlen(value) do items[i] = scalar_text(format("%s[%d]", path, i), value[i], problems) end
  if #items == 0 then expected(path, "string or list", value) end
  return concat(items, ",")
end

local function read_filters(operation, given, pairs_out, problems, unchecked)
  if type(given) ~= "table" then expected("filter", "table", given) end
  local names = {}
  for name in next, given do
    if type(name) ~= "string" then usage.raise("filter: named filters expected") end
    names[#names + 1] = name
  end
  sort(names, ascii.before)
  for _, name in ipairs(names) do
    local filter, value, path = operation.filters and operation.filters[name], given[name], "filter." .. name
    local free = lifted(unchecked, path)
    if not filter and not free then
      usage.raise(format("%s has no filter %s%s", operation.name, usage.show(name),
        usage.hint(name, usage.names(operation.filters or {}), path)))
    end
    local text
    if not filter then
      text = unknown_filter(path, value, problems)
    elseif free and type(value) == "string" then
      text = value
    else
      text = values[filter.type].filter(filter, value, path, free and {} or problems, note)
      if filter.max and #text > filter.max and not free then
        note(problems, path, format("is longer than %d bytes", filter.max))
      end
    end
    pairs_out[#pairs_out + 1] = { "filter[" .. name .. "]", text_only(path, text, problems) }
  end
end

local function read_sort(operation, given, problems, unchecked)
  if type(given) == "table" then
    for i = 1, usage.rawlen(given) do
      if type(given[i]) ~= "string" then expected(format("sort[%d]", i), "string", given[i]) end
    end
    given = concat(given, ",")
  end
  if type(given) ~= "string" then expected("sort", "string", given) end
  if lifted(unchecked, "sort") then return given end
  for column in gmatch(given .. ",", "([^,]*),") do
    local name = sub(column, 1, 1) == "-" and sub(column, 2) or column
    if not usage.among(operation.sort or {}, name) then
      note(problems, "sort", format("cannot sort by %s%s", usage.show(name), usage.hint(name, operation.sort or {})))
    end
  end
  return given
end

-- With `unchecked`, accepts values with which pages can still be counted.
local function bounded(name, value, from, to, problems, unchecked)
  if type(value) ~= "number" then expected(name, "integer", value) end
  if lifted(unchecked, name) then from, to = 0, 2 ^ 53 end
  if value ~= floor(value) or value < from or value > to then
    note(problems, name, format("is not an integer from %d to %d", from, to))
    return nil
  end
  return value
end

-- The operation's own parameters, in addition to those of every list.
local function read_parameters(operation, given, out, problems, unchecked)
  local fields = operation.query or {}
  for _, name in ipairs(usage.names(fields)) do
    local field, value = fields[name], given[name]
    if value ~= nil then
      if not lifted(unchecked, name) then value = check.value(field, value, name, problems) end
      out[#out + 1] = { name, scalar_text(name, value, problems) }
    elseif field.required and not lifted(unchecked, name) then
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

-- The names that a list's query may have: a list without pages has nothing to sort or filter.
local function query_names(operation)
  local names = {}
  for name in pairs(operation.query or {}) do names[name] = true end
  if operation.pages then
    for _, name in ipairs(READ_IN_ORDER) do names[name] = true end
  end
  return names
end

--- The query of a list, `{ filter =, sort =, limit =, offset = }` and the operation's own parameters: all but limit and
--- offset as pairs of name and value.
---@return string[][] pairs, { limit: integer?, offset: integer? } position
function M.read(operation, query, problems, unchecked)
  local out, position = {}, {}
  if query == nil then query = {} end
  if type(query) ~= "table" then expected("query", "table", query) end
  local given, others, known = {}, {}, query_names(operation)
  for name, value in next, query do
    if known[name] then
      given[name] = value
    elseif type(name) == "string" and lifted(unchecked, name) then
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

--- A map from names to scalars as pairs, sorted by name.
---@return string[][]
function M.pairs(path, map, problems)
  local out = {}
  if map == nil then return out end
  if type(map) ~= "table" then expected(path, "table", map) end
  for name, value in next, map do
    if type(name) ~= "string" then usage.raise(path .. ": named values expected") end
    out[#out + 1] = { name, scalar_text(path .. "." .. name, value, problems) }
  end
  sort(out, function(a, b) return ascii.before(a[1], b[1]) end)
  return out
end

return M

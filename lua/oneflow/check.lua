-- Arguments against the endpoint table. Wrong names and Lua types raise; wrong values are collected, each with its
-- path, so that the caller hears of all of them at once. What comes back is a copy: a table that the caller changes
-- later, or that answers differently when asked twice, changes nothing.
local ascii = require "oneflow.ascii"
local core = require "oneflow.core"
local couplings = require "oneflow.couplings"
local ids = require "oneflow.ids"
local OFFSET_MAX = require("oneflow.list.page").OFFSET_MAX
local times = require "oneflow.time"
local usage = require "oneflow.usage"

local ipairs, next, pairs, tostring, type = ipairs, next, pairs, tostring, type
local concat, sort = table.concat, table.sort
local find, format, gmatch, match, sub = string.find, string.format, string.gmatch, string.match, string.sub
local floor = math.floor

local M = {}

local rawlen = rawlen or function(t) return #t end -- LuaJIT's # asks no metamethod of a table

-- Options of every call. `kind` is checked by the functions of `options` below.
local OPTIONS = {
  as = "any", timeout = "seconds", attempt_timeout = "seconds", retry = "retry", decode = "boolean",
  unchecked = "boolean", blocking = "boolean",
}
local EACH_OPTIONS = { page_size = "page_size", max = "count", prefetch = "boolean" }

local function bad_type(path, expected, value)
  usage.raise(format("%s: %s expected, got %s", path, expected, type(value)))
end

--- Seconds, above 0 and at most 3600.
function M.seconds(path, value)
  if type(value) ~= "number" then bad_type(path, "number of seconds", value) end
  if value ~= value or value <= 0 then usage.raise(path .. ": seconds above 0 expected") end
  if value > 3600 then usage.raise(path .. ": more than 3600: seconds, not milliseconds") end
end

local function whole(path, value, from, to)
  if type(value) ~= "number" then bad_type(path, "integer", value) end
  if value ~= floor(value) or value < from or value > to then
    usage.raise(format("%s: integer from %d to %d expected", path, from, to))
  end
end
M.whole = whole

--- Is it the name of an option of every call?
function M.is_option(name) return OPTIONS[name] ~= nil end

local option_kinds = {
  any = function() end,
  boolean = function(path, value) if type(value) ~= "boolean" then bad_type(path, "boolean", value) end end,
  seconds = M.seconds,
  page_size = function(path, value) whole(path, value, 1, 100) end,
  count = function(path, value) whole(path, value, 1, 2 ^ 53) end,
}

--- `false`, or `{ attempts = n }`.
function option_kinds.retry(path, value)
  if value == false then return end
  if type(value) ~= "table" then bad_type(path, "false or { attempts = n }", value) end
  for name, attempts in next, value do
    if name ~= "attempts" then usage.raise(format("%s: unknown name %s", path, usage.show(name))) end
    whole(path .. ".attempts", attempts, 1, 10)
  end
end
M.retry = option_kinds.retry

local NONE = {} -- nobody writes into options

--- A call's options, copied.
---@param opts table?
---@param more table<string, string>?  options beyond those of every call
---@return table
function M.options(opts, more)
  if opts == nil then return NONE end
  if type(opts) ~= "table" then bad_type("options", "table", opts) end
  local copy = {}
  for name, value in next, opts do
    local kind = OPTIONS[name] or (more and more[name])
    if not kind then
      local known = usage.names(OPTIONS)
      for extra in pairs(more or {}) do known[#known + 1] = extra end
      usage.raise(format("unknown option %s%s", usage.show(name), usage.hint(name, known)))
    end
    option_kinds[kind](name, value)
    copy[name] = value
  end
  return copy
end

--- The options of each and pages.
function M.each_options(opts) return M.options(opts, EACH_OPTIONS) end

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
  if path == "body" and OPTIONS[name] then
    usage.raise(format("%s is an option, not a field: pass it in the table after the payload", usage.show(name)))
  end
  usage.raise(format("%s has no field %s%s", path, usage.show(name), usage.hint(name, usage.names(fields))))
end

local function in_list(list, value)
  for _, candidate in ipairs(list) do if candidate == value then return true end end
  return false
end

-- Characters rather than bytes: continuation bytes do not count.
local function characters(text)
  local count = 0
  for _ in gmatch(text, "[^\128-\191]") do count = count + 1 end
  return count
end

-- Text, in bodies, paths and queries alike.
local function text_only(path, text, problems)
  if not core.utf8(text) then note(problems, path, "is not UTF-8") end
  return text
end

local read

local types = {}

function types.any(_, value) return value end

function types.any_object(field, value, path)
  if type(value) ~= "table" then bad_type(path, "table", value) end
  return types.any(field, value)
end

function types.boolean(_, value, path)
  if type(value) ~= "boolean" then bad_type(path, "boolean", value) end
  return value
end

function types.string(field, value, path, problems)
  if type(value) ~= "string" then bad_type(path, "string", value) end
  local length = characters(value)
  if field.enum and not in_list(field.enum, value) then
    note(problems, path, "is none of " .. concat(field.enum, ", ") .. usage.hint(value, field.enum))
  elseif field.min and length < field.min then
    note(problems, path, format("is shorter than %d characters", field.min))
  elseif field.max and length > field.max then
    note(problems, path, format("is longer than %d characters", field.max))
  else
    text_only(path, value, problems)
  end
  return value
end

function types.id(_, value, path, problems)
  local digits, problem = ids.text(value, path)
  if not digits then
    note(problems, path, problem)
    return value
  end
  local id = ids.value(digits)
  if type(id) == "string" then note(problems, path, "is too large to be sent exactly") end
  return id
end

function types.integer(field, value, path, problems)
  if type(value) ~= "number" then bad_type(path, "integer", value) end
  if value ~= floor(value) or (field.min and value < field.min) or (field.max and value > field.max) then
    local from, to = tostring(field.min or "-"), tostring(field.max or "-")
    note(problems, path, format("is not an integer from %s to %s", from, to))
  end
  return value
end

local DECIMAL = { "^%-?%d+$", "^%-?%d+%.%d+$" }

local function is_decimal(text) return match(text, DECIMAL[1]) or match(text, DECIMAL[2]) end

function types.decimal(_, value, path, problems)
  if type(value) ~= "string" then bad_type(path, 'decimal string such as "500.10"', value) end
  if not is_decimal(value) then note(problems, path, 'is not a decimal such as "500.10"') end
  return value
end

--- A decimal string, or an integer: quantities and percentages.
function types.number_text(_, value, path, problems)
  if type(value) ~= "string" and type(value) ~= "number" then
    bad_type(path, "integer or decimal string", value)
  end
  if type(value) == "number" and value ~= floor(value) then
    note(problems, path, 'is a float: write "2.5", which is exact')
  elseif type(value) == "string" and not is_decimal(value) then
    note(problems, path, 'is not a decimal such as "2.5"')
  end
  return value
end

--- An id, or a name.
function types.scalar(field, value, path, problems)
  if type(value) == "string" then return text_only(path, value, problems) end
  return types.id(field, value, path, problems)
end

-- A byte of an address; one of an e-mail's two parts.
local VISIBLE, NAME = "[^ " .. ascii.CONTROL .. "]", "[^@ " .. ascii.CONTROL .. "]"

-- Strings of a form: what is expected of the caller, patterns of which one must match, what to say otherwise.
local FORMS = {
  date = { "date string", { "^%d%d%d%d%-[01]%d%-[0-3]%d$" }, "is not a date such as 2026-12-31" },
  time = {
    "time string", { "^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-6]%d[+-]%d%d:?%d%d$",
                     "^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-6]%dZ$" },
    "is not a time such as 2026-06-30T07:15:23+00:00",
  },
  email = { "string", { "^" .. NAME .. "+@" .. NAME .. "+$" }, "is not an e-mail address" },
  phone = {
    "string", { "^%+[1-9]%d%d%d%d%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?$" },
    "is not a phone number such as +46700000001",
  },
  country = { "string", { "^[A-Z][A-Z]$", "^$" }, "is not a country code such as SE" },
  url = { "string", { "^https://" .. VISIBLE .. "+$", "^http://127%.%d+%.%d+%.%d+:?%d*/" .. VISIBLE .. "*$",
                      "^http://localhost:?%d*/" .. VISIBLE .. "*$" },
    "is not an https address (http for this machine alone)" },
}

-- Seconds since 1970 as the service writes times; "" and a note when they are none.
local function seconds_text(seconds, path, problems)
  local text, err = times.format(seconds)
  if not text then note(problems, path, err.problems[1].messages[1]) end
  return text or ""
end

for name, form in pairs(FORMS) do
  types[name] = function(field, value, path, problems)
    if type(value) ~= "string" then bad_type(path, form[1], value) end
    local good = false
    for _, pattern in ipairs(form[2]) do good = good or match(value, pattern) ~= nil end
    if not good then
      note(problems, path, form[3])
    elseif field.max and characters(value) > field.max then
      note(problems, path, format("is longer than %d characters", field.max))
    else
      text_only(path, value, problems)
    end
    return value
  end
end

local time_text = types.time

function types.time(field, value, path, problems)
  if type(value) == "number" then return seconds_text(value, path, problems) end
  return time_text(field, value, path, problems)
end

function types.list(field, value, path, problems, unchecked)
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

function types.object(field, value, path, problems, unchecked)
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

local CONTAINERS = { list = true, object = true }

-- `unchecked` looks at no value, but still writes lists as lists.
function read(field, value, path, problems, unchecked)
  if value == core.null then
    if not field.nullable and not unchecked then note(problems, path, "must not be null") end
    return value
  end
  if unchecked and not (CONTAINERS[field.type] and type(value) == "table") then return value end
  return types[field.type](field, value, path, problems, unchecked)
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
  local copy = types.object(field, body == nil and {} or body, "body", problems, unchecked)
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

local filters = {}

function filters.string(_, value, path)
  if type(value) ~= "string" then bad_type(path, "string", value) end
  return value
end

function filters.list(filter, value, path, problems)
  if type(value) == "string" or (filter.of == "id" and type(value) == "number") then value = { value } end
  if type(value) ~= "table" then bad_type(path, "list", value) end
  local items = {}
  for i = 1, rawlen(value) do
    local item = value[i]
    if filter.of == "id" then
      local digits, problem = ids.text(item, format("%s[%d]", path, i))
      if not digits then note(problems, format("%s[%d]", path, i), problem) end
      item = digits or ""
    end
    if type(item) ~= "string" then bad_type(format("%s[%d]", path, i), "string", item) end
    if filter.enum and not in_list(filter.enum, item) then
      note(problems, path, format("%s is none of %s%s", usage.show(item), concat(filter.enum, ", "),
        usage.hint(item, filter.enum)))
    elseif find(item, ",", 1, true) then
      note(problems, path, "holds an item with a comma")
    end
    items[i] = item
  end
  if #items == 0 then note(problems, path, "is empty: leave it out to filter by nothing") end
  return concat(items, ",")
end

function filters.time_range(_, value, path, problems)
  if type(value) ~= "table" then bad_type(path, "{ from =, to = }", value) end
  local ends = { from = "", to = "" }
  for name, time in next, value do
    if not ends[name] then unknown_name(path, name, ends) end
    if type(time) == "number" then time = seconds_text(time, path .. "." .. name, problems) end
    if type(time) ~= "string" then bad_type(path .. "." .. name, "time string or seconds since 1970", time) end
    if time ~= "" and not match(time, "^%d%d%d%d%-%d%d%-%d%d[%dT:+%-Z.]*$") then
      note(problems, path .. "." .. name, "is not a time such as 2026-06-30T07:15:23+00:00")
    end
    ends[name] = time
  end
  return ends.from .. "|" .. ends.to
end

function filters.custom_id_value(_, value, path, problems)
  if type(value) ~= "table" then bad_type(path, "{ custom_id = value }", value) end
  local custom_id, wanted = next(value)
  if type(custom_id) ~= "string" or type(wanted) ~= "string" or next(value, custom_id) ~= nil then
    usage.raise(path .. ": one { custom_id = value } of strings expected")
  end
  if wanted == "" then note(problems, path, "needs a value") end
  return custom_id .. ":" .. wanted
end

--- true, false, or "any", which the service wants as nothing.
function filters.flag(_, value, path, problems)
  if type(value) ~= "boolean" and type(value) ~= "string" then bad_type(path, 'true, false or "any"', value) end
  if type(value) == "boolean" then return tostring(value) end
  if value ~= "any" then note(problems, path, 'is none of true, false, "any"') end
  return ""
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
      text = filters[filter.type](filter, value, path, unchecked and {} or problems)
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
      if not unchecked then value = types[field.type](field, value, name, problems) end
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
      if OPTIONS[name] or EACH_OPTIONS[name] then
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

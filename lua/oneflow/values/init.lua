-- The registry of value types: the possible `type` of a field in the endpoint table (oneflow.api), of a control, or of
-- a seed of the sandbox. A type is an entry here; its parts are
--
--   check(field, value, path) -> value, problem    checks the caller's value for a body or parameter -> the value to
--                         send, and what is wrong; a wrong Lua type raises
--   filter(field, value, path, problems, note) -> text    the same for a list's filter, which is sent as text
--   takes(value)          does the service accept it? The sandbox answers for the service, with "Must be <called>."
--   called                see takes
--   read(text) -> value | nil, message    an argument of the command line; if missing, the text is the value
--   parameter(text) -> value | nil        a parameter of a query as the service reads it; if missing, the text
--   lua, words            for the annotations, and for the reference
--   text                  its values are text written by people; see `nullable` in oneflow.api
--
-- Body fields need check, takes, called, lua and words; filters need filter, lua and words; controls and seeds need
-- takes and called. A list or an object of a body is checked and described by its contents, which the callers visit
-- (`walked`).
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local ids = require "oneflow.values.ids"
local times = require "oneflow.time"
local usage = require "oneflow.errors.usage"

local getmetatable, ipairs, next, tonumber, tostring, type = getmetatable, ipairs, next, tonumber, tostring, type
local concat = table.concat
local find, format, gmatch, match = string.find, string.format, string.gmatch, string.match
local floor = math.floor
local expected = usage.expected

local types = {}

-- ---- what several types share ----------------------------------------------------------------------------------

-- Counts characters, not bytes: continuation bytes are skipped.
local function characters(text)
  local count = 0
  for _ in gmatch(text, "[^\128-\191]") do count = count + 1 end
  return count
end

local function utf8_problem(text)
  if not core.utf8(text) then return "is not UTF-8" end
end

local function text_problem(field, text)
  if field.min and characters(text) < field.min then return format("is shorter than %d characters", field.min) end
  if field.max and characters(text) > field.max then return format("is longer than %d characters", field.max) end
  return utf8_problem(text)
end

-- Makes a check for text of a certain form: what is expected of the caller, the message if no pattern matches, the
-- patterns.
local function formed(what, problem, ...)
  local patterns = { ... }
  return function(field, value, path)
    if type(value) ~= "string" then expected(path, what, value) end
    for _, pattern in ipairs(patterns) do
      if match(value, pattern) then return value, text_problem(field, value) end
    end
    return value, problem
  end
end

-- Makes a check of the Lua type only.
local function of_type(lua_type)
  return function(_, value, path)
    if type(value) ~= lua_type then expected(path, lua_type, value) end
    return value
  end
end

local function is(lua_type)
  return function(value) return type(value) == lua_type end
end

local function matches(pattern)
  return function(value) return type(value) == "string" and find(value, pattern) ~= nil end
end

local function is_integer(value)
  return type(value) == "number" and value == floor(value) and value > -2^53 and value < 2^53
end

local function is_object(value) return type(value) == "table" and #value == 0 end

local function read_number(text) return tonumber(text), "not a number: " .. text end

local function read_json(text)
  local value = core.decode(text)
  return type(value) == "table" and value or nil, "not a JSON object"
end

-- Seconds since 1970 in the service's form; "" and what is wrong if they are not valid.
local function seconds_text(seconds)
  local text, err = times.format(seconds)
  if text then return text end
  return "", err.problems[1].messages[1]
end

-- ---- any, true or false, text ------------------------------------------------------------------------------------

types.any = {
  check = function(_, value) return value end,
  takes = function() return true end, called = "a value", lua = "any", words = "any value",
}

types.any_object = {
  check = of_type "table", takes = is_object, called = "an object", read = read_json, lua = "table", words = "object",
}

types.file = { check = of_type "table", takes = is_object, called = "a file", lua = "table", words = "file" }

types.boolean = {
  check = of_type "boolean", takes = is "boolean", called = "true or false", lua = "boolean", words = "boolean",
}

--- true, false, or "any", for which the service expects no parameter.
types.flag = {
  filter = function(_, value, path, problems, note)
    if type(value) ~= "boolean" and type(value) ~= "string" then expected(path, 'true, false or "any"', value) end
    if type(value) == "boolean" then return tostring(value) end
    if value ~= "any" then note(problems, path, 'is none of true, false, "any"') end
    return ""
  end,
  lua = 'boolean|"any"', words = '`true`, `false` or `"any"`',
}

types.string = {
  check = function(field, value, path)
    if type(value) ~= "string" then expected(path, "string", value) end
    if field.enum and not field.open and not usage.among(field.enum, value) then
      return value, "is none of " .. concat(field.enum, ", ") .. usage.hint(value, field.enum)
    end
    return value, text_problem(field, value)
  end,
  filter = function(_, value, path)
    if type(value) ~= "string" then expected(path, "string", value) end
    return value
  end,
  takes = is "string", text = true, called = "a string", lua = "string", words = "string",
}

-- Patterns for a byte of an address, and of the two parts of an e-mail address.
local VISIBLE, NAME = "[^ " .. ascii.CONTROL .. "]", "[^@ " .. ascii.CONTROL .. "]"

types.country = {
  check = formed("string", "is not a country code such as SE", "^[A-Z][A-Z]$", "^$"),
  takes = matches "^[A-Z]?[A-Z]?$", called = "a country code, SE", text = true,
  lua = "string", words = "country code, `SE`",
}

-- "" means no address and no number, as the service writes it.
local function or_none(takes)
  return function(value) return value == "" or takes(value) end
end

types.email = {
  check = formed("string", "is not an e-mail address", "^" .. NAME .. "+@" .. NAME .. "+$", "^$"),
  takes = or_none(matches "^[^@ \t-\r]+@[^@ \t-\r]+$"), called = "an e-mail address", text = true,
  lua = "string", words = "e-mail address",
}

types.phone = {
  check = formed("string", "is not a phone number such as +46700000001",
    "^%+[1-9]%d%d%d%d%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?$", "^$"),
  takes = or_none(matches "^%+%d+$"), called = "a phone number, +46700000001", text = true,
  lua = "string", words = "phone number, `+46700000001`",
}

types.url = {
  check = formed("string", "is not an https address (http for this machine alone)", "^https://" .. VISIBLE .. "+$",
    "^http://127%.%d+%.%d+%.%d+:?%d*/" .. VISIBLE .. "*$", "^http://localhost:?%d*/" .. VISIBLE .. "*$"),
  takes = function(value) -- or, in the sandbox, an address on this machine
    return type(value) == "string"
      and (find(value, "^https://.") or find(value, "^http://127%.") or find(value, "^http://localhost")) ~= nil
  end,
  called = "an https address", lua = "string", words = "https address",
}

-- ---- ids and numbers -------------------------------------------------------------------------------------------

types.id = {
  check = function(_, value, path)
    local digits, problem = ids.text(value, path)
    if not digits then return value, problem end
    local id = ids.value(digits)
    return id, type(id) == "string" and "is too large to be sent exactly" or nil
  end,
  takes = function(value) return is_integer(value) and value >= 1 end, called = "an id", read = read_number,
  -- 1 to 15 digits: such an id is exact in every Lua.
  parameter = function(text)
    if type(text) == "string" and #text <= 15 and match(text, "^[1-9]%d*$") then return floor(tonumber(text)) end
  end,
  lua = "integer|string", words = "id",
}

--- An id, or a name.
types.scalar = {
  check = function(field, value, path)
    if type(value) == "string" then return value, utf8_problem(value) end
    return types.id.check(field, value, path)
  end,
  takes = function(value) return type(value) == "string" or is_integer(value) end, called = "a name or an id",
  lua = "string|integer", words = "name or id",
}

types.integer = {
  check = function(field, value, path)
    if type(value) ~= "number" then expected(path, "integer", value) end
    if value ~= floor(value) or (field.min and value < field.min) or (field.max and value > field.max) then
      local from, to = tostring(field.min or "-"), tostring(field.max or "-")
      return value, format("is not an integer from %s to %s", from, to)
    end
    return value
  end,
  takes = is_integer, called = "an integer", read = read_number, lua = "integer", words = "integer",
}

types.number = { -- for controls only
  takes = function(value) return type(value) == "number" and value - value == 0 end, called = "a number",
  read = read_number,
}

local function is_decimal(text) return match(text, "^%-?%d+$") or match(text, "^%-?%d+%.%d+$") end

local takes_decimal = matches "^%-?%d+%.?%d*$"

types.decimal = {
  check = function(_, value, path)
    if type(value) ~= "string" then expected(path, 'decimal string such as "500.10"', value) end
    return value, not is_decimal(value) and 'is not a decimal such as "500.10"' or nil
  end,
  takes = takes_decimal, called = "a decimal string", lua = "string", words = 'decimal string, `"500.10"`',
}

--- A decimal string, or an integer: quantities and percentages.
types.number_text = {
  check = function(_, value, path)
    if type(value) == "number" then
      return value, value ~= floor(value) and 'is a float: write "2.5", which is exact' or nil
    end
    if type(value) ~= "string" then expected(path, "integer or decimal string", value) end
    return value, not is_decimal(value) and 'is not a decimal such as "2.5"' or nil
  end,
  takes = function(value) return is_integer(value) or takes_decimal(value) end,
  called = "an integer or a decimal string", lua = "integer|string", words = "integer or decimal string",
}

-- ---- dates and times -------------------------------------------------------------------------------------------

types.date = {
  check = formed("date string", "is not a date such as 2026-12-31", "^%d%d%d%d%-[01]%d%-[0-3]%d$"),
  takes = function(value) return type(value) == "string" and times.parse_date(value) ~= nil end,
  called = "a date, YYYY-MM-DD", lua = "string", words = "date, `2026-12-31`",
}

local NO_TIME = "is not a time such as 2026-06-30T07:15:23+00:00"
local time_text = formed("time string", NO_TIME,
  "^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-6]%d[+-]%d%d:?%d%d$",
  "^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-6]%dZ$")
local time_like = matches "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[+-]%d%d:?%d%d$"

types.time = {
  check = function(field, value, path)
    if type(value) == "number" then return seconds_text(value) end
    return time_text(field, value, path)
  end,
  takes = function(value) return time_like(value) and times.parse(value) ~= nil end, -- an existing day and hour
  called = "a time, 2020-06-30T07:15:23+00:00",
  lua = "string|integer", words = "time, `2026-06-30T07:15:23+00:00` or seconds since 1970",
}

types.time_range = {
  filter = function(_, value, path, problems, note)
    if type(value) ~= "table" then expected(path, "{ from =, to = }", value) end
    local ends = { from = "", to = "" }
    for name, time in next, value do
      if not ends[name] then usage.no_field(path, name, ends) end
      local at, problem = path .. "." .. name, nil
      if type(time) == "number" then time, problem = seconds_text(time) end
      if type(time) ~= "string" then expected(at, "time string or seconds since 1970", time) end
      if time ~= "" and not match(time, "^%d%d%d%d%-%d%d%-%d%d[%dT:+%-Z.]*$") then problem = NO_TIME end
      if problem then note(problems, at, problem) end
      ends[name] = time
    end
    return ends.from .. "|" .. ends.to
  end,
  lua = "{ from: (string|integer)?, to: (string|integer)? }",
  words = "`{ from =, to = }`, times or seconds since 1970",
}

-- ---- what holds others -----------------------------------------------------------------------------------------

types.custom_id_value = {
  filter = function(_, value, path, problems, note)
    if type(value) ~= "table" then expected(path, "{ custom_id = value }", value) end
    local custom_id, wanted = next(value)
    if type(custom_id) ~= "string" or type(wanted) ~= "string" or next(value, custom_id) ~= nil then
      usage.raise(path .. ": one { custom_id = value } of strings expected")
    end
    if wanted == "" then note(problems, path, "needs a value") end
    return custom_id .. ":" .. wanted
  end,
  lua = "table<string, string>", words = "`{ custom_id = value }`",
}

types.object = { walked = true, takes = is_object, called = "an object" }

types.list = {
  walked = true,
  filter = function(filter, value, path, problems, note)
    if type(value) == "string" or (filter.of == "id" and type(value) == "number") then value = { value } end
    if type(value) ~= "table" then expected(path, "list", value) end
    local items = {}
    for i = 1, usage.rawlen(value) do
      local item = value[i]
      if filter.of == "id" then
        local digits, problem = ids.text(item, format("%s[%d]", path, i))
        if not digits then note(problems, format("%s[%d]", path, i), problem) end
        item = digits or ""
      end
      if type(item) ~= "string" then expected(format("%s[%d]", path, i), "string", item) end
      if filter.enum and not filter.open and not usage.among(filter.enum, item) then
        note(problems, path, format("%s is none of %s%s", usage.show(item), concat(filter.enum, ", "),
          usage.hint(item, filter.enum)))
      elseif find(item, ",", 1, true) then
        note(problems, path, "holds an item with a comma")
      end
      items[i] = item
    end
    if #items == 0 then note(problems, path, "is empty: leave it out to filter by nothing") end
    return concat(items, ",")
  end,
  -- An empty table may be either; a table marked by the decoder is a list.
  takes = function(value)
    return type(value) == "table" and (#value > 0 or next(value) == nil or getmetatable(value) ~= nil)
  end,
  called = "a list", read = read_json,
}

return types

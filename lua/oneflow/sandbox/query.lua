-- Query strings: parameters, and the three parameters of lists: `filter[...]`, `sort`, and `limit` with `offset`.
-- Refuses with 400 what the service refuses.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local time = require "oneflow.sandbox.time"
local types = require "oneflow.values"
local M = {}

local ipairs, next, pairs, tonumber = ipairs, next, pairs, tonumber
local char = string.char
local format, gmatch, gsub, match, sub = string.format, string.gmatch, string.gsub, string.match, string.sub
local concat, sort = table.concat, table.sort
local max = math.max

local MAX_LIMIT, MAX_OFFSET = 100, 19900

local function refuse(name, message, assumed)
  answer.refuse(400, { problems = { [name] = { message } }, assumed = assumed })
end

--- Resolves the escapes of a path or a query.
function M.unescape(text)
  return (gsub(text, "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end))
end

local function unescape(text)
  return M.unescape((gsub(text, "+", " ")))
end

--- A query string as name -> value, and the pairs as they came, for the links of a page.
function M.parse(text)
  local values, raw = {}, {}
  for piece in gmatch(text or "", "[^&]+") do
    local name, value = match(piece, "^([^=]*)=?(.*)$")
    name, value = unescape(name), unescape(value)
    if values[name] then
      refuse(name, "May be given only once.", sub(name, 1, 7) ~= "filter[")
    end
    values[name] = value
    raw[#raw + 1] = { name = name, text = piece }
  end
  return { values = values, raw = raw }
end

local function number(query, name, default, least, most)
  local text = query.values[name]
  if text == nil then return default end
  local value = match(text, "^%d+$") and tonumber(text)
  if not value or value < least or value > most then
    refuse(name, format("Must be an integer from %d to %d.", least, most))
  end
  return value
end

--- The parameters that an operation has of its own, by the endpoint table's `query`.
---@return table name -> value
function M.parameters(query, fields)
  local values, problems = {}, {}
  for name, field in pairs(fields) do
    local text, kind = query.values[name], types[field.type]
    values[name] = text
    if text and kind.parameter then
      values[name] = kind.parameter(text)
      if values[name] == nil then check.note(problems, name, "Must be " .. kind.called .. ".") end
    end
    if not text and field.required then check.note(problems, name, "Required parameter is missing.") end
  end
  if next(problems) then answer.refuse(400, { problems = problems }) end
  return values
end

--- Splits "a,b" into its parts.
function M.parts(text)
  local list = {}
  for part in gmatch(text, "[^,]+") do list[#list + 1] = part end
  return list
end

-- One end of a range in the form of the records' times; false if it is not a time, nil for an open end.
local function range_end(text)
  if text == "" then return nil end
  local seconds = time.parse(text)
  return seconds and time.iso(seconds) or false
end

--- A predicate for `from|to` over a column of times; nil and a message for what is no range.
function M.range(value, column)
  local from_text, to_text = match(value, "^([^|]*)|([^|]*)$")
  local from, to
  if from_text then from, to = range_end(from_text), range_end(to_text) end
  if not from_text or from == false or to == false then return nil, "Must be a range, from|to." end
  return function(record)
    local at = record[column]
    return at ~= nil and (not from or at >= from) and (not to or at <= to)
  end
end

--- A predicate for one of several ids, "1,2"; nil and a message for what is no list of ids.
function M.ids(value, id_of)
  local wanted = {}
  for _, part in ipairs(M.parts(value)) do
    local id = check.id(part)
    if not id then return nil, "Must be a list of ids." end
    wanted[id] = true
  end
  return function(record) return wanted[id_of(record)] end
end

--- The filters of a query as a list of predicates, by the table `makers`: name -> function(value, field)
--- -> predicate | nil, message, assumed.
---@param fields table|nil the endpoint table's `filters`
function M.filters(query, fields, makers)
  local predicates = {}
  for name, value in pairs(query.values) do
    local key = match(name, "^filter%[(.*)%]$")
    if key then
      local field = fields and fields[key]
      if not field or not makers[key] then refuse(name, "Unknown filter.", true) end
      if value == "" and field.type ~= "flag" then refuse(name, "May not be empty.", true) end
      if field.max and #value > field.max then
        refuse(name, format("Must have a length of at most %d.", field.max))
      end
      local predicate, message, assumed = makers[key](value, field)
      if not predicate then refuse(name, message, assumed) end
      predicates[#predicates + 1] = predicate
    end
  end
  return predicates
end

local function less(a, b)
  if type(a) == "string" then return ascii.before(a, b) end
  return a < b
end

-- Empty strings sort first, as strings do; nil sorts last in either direction.
local function before(keys, a, b)
  for _, key in ipairs(keys) do
    local left, right = a[key.column], b[key.column]
    if left ~= right then
      if left == nil then return false end
      if right == nil then return true end
      if key.descending then left, right = right, left end
      return less(left, right)
    end
  end
  return a.id < b.id
end

--- Sorts records in place by `sort=a,-b`; without it they stay in the order of their ids.
---@param columns string[]|nil the endpoint table's `sort`
function M.sort(query, records, columns)
  local text = query.values.sort
  if not text then return end
  local known, keys = {}, {}
  for _, column in ipairs(columns or {}) do known[column] = true end
  for _, part in ipairs(M.parts(text)) do
    local minus, column = match(part, "^(%-?)(.*)$")
    if not known[column] then refuse("sort", format("Unknown column: %s.", column), true) end
    keys[#keys + 1] = { column = column, descending = minus == "-" }
  end
  sort(records, function(a, b) return before(keys, a, b) end)
end

--- One page of records in the service's envelope.
---@param url string of the list
---@param shape fun(record: table): table
function M.page(query, url, records, shape)
  local limit = number(query, "limit", MAX_LIMIT, 1, MAX_LIMIT)
  local offset = number(query, "offset", 0, 0, MAX_OFFSET)
  local kept = {}
  for _, pair in ipairs(query.raw) do
    if pair.name ~= "limit" and pair.name ~= "offset" then kept[#kept + 1] = pair.text .. "&" end
  end
  local function link(at)
    return { href = at and format("%s?%slimit=%d&offset=%d", url, concat(kept), limit, at) or core.null }
  end
  local following = offset + limit
  local data = core.array{}
  for i = offset + 1, following do
    if not records[i] then break end
    data[#data + 1] = shape(records[i])
  end
  return {
    _links = {
      self = link(offset),
      -- Beyond the largest offset there is no address.
      next = link(following < #records and following <= MAX_OFFSET and following or nil),
      previous = link(offset > 0 and max(0, offset - limit) or nil),
    },
    count = #records,
    data = data,
  }
end

--- All records in the same envelope.
function M.whole(url, records, shape)
  local data = core.array{}
  for i, record in ipairs(records) do data[i] = shape(record) end
  return {
    _links = { self = { href = url .. "?limit=all" }, next = { href = core.null }, previous = { href = core.null } },
    count = #records, data = data,
  }
end

return M

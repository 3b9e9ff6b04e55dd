-- Query strings: parameters, and the three things that a list takes: `filter[...]`, `sort`, and
-- `limit` with `offset`. Refuses with 400 what the service refuses.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local M = {}

local ipairs, pairs, tonumber = ipairs, pairs, tonumber
local char = string.char
local format, gmatch, gsub, match, sub = string.format, string.gmatch, string.gsub, string.match, string.sub
local concat, sort = table.concat, table.sort
local max = math.max

local MAX_LIMIT, MAX_OFFSET = 100, 19900

local function refuse(name, message, assumed)
  answer.refuse(400, { problems = { [name] = { message } }, assumed = assumed })
end

local function unescape(text)
  local spaced = gsub(text, "+", " ")
  return (gsub(spaced, "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end))
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

--- Splits "a,b" into its parts.
function M.parts(text)
  local list = {}
  for part in gmatch(text, "[^,]+") do list[#list + 1] = part end
  return list
end

--- The filters of a query as a list of predicates, by the table `makers`: name -> function(value, field)
--- -> predicate | nil, message.
---@param fields table|nil the endpoint table's `filters`
function M.filters(query, fields, makers)
  local predicates = {}
  for name, value in pairs(query.values) do
    local key = match(name, "^filter%[(.*)%]$")
    if key then
      local field = fields and fields[key]
      if not field then refuse(name, "Unknown filter.", true) end
      if value == "" then refuse(name, "May not be empty.", true) end
      if field.max and #value > field.max then
        refuse(name, format("Must have a length of at most %d.", field.max))
      end
      local predicate, message = makers[key](value, field)
      if not predicate then refuse(name, message) end
      predicates[#predicates + 1] = predicate
    end
  end
  return predicates
end

-- Empty strings come first by being strings; nil comes last whatever the direction.
local function before(keys, a, b)
  for _, key in ipairs(keys) do
    local left, right = a[key.column], b[key.column]
    if left ~= right then
      if left == nil then return false end
      if right == nil then return true end
      if key.descending then return left > right end
      return left < right
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
---@param shape fun(record: table): table
function M.page(query, base_url, path, records, shape)
  local limit = number(query, "limit", MAX_LIMIT, 1, MAX_LIMIT)
  local offset = number(query, "offset", 0, 0, MAX_OFFSET)
  local kept = {}
  for _, pair in ipairs(query.raw) do
    if pair.name ~= "limit" and pair.name ~= "offset" then kept[#kept + 1] = pair.text .. "&" end
  end
  local function link(at)
    return { href = at and format("%s%s?%slimit=%d&offset=%d", base_url, path, concat(kept), limit, at)
      or core.null }
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
      -- Beyond the largest offset there is no address to give.
      next = link(following < #records and following <= MAX_OFFSET and following or nil),
      previous = link(offset > 0 and max(0, offset - limit) or nil),
    },
    count = #records,
    data = data,
  }
end

return M

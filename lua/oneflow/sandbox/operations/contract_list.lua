-- The list of contracts. What a query matches is kept until a contract of the account changes, so that walking many
-- thousands by the page costs a page each.
local ascii = require "oneflow.base.ascii"
local access = require "oneflow.sandbox.access"
local parties = require "oneflow.sandbox.parties"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local store = require "oneflow.sandbox.store"
local M = {}

local ipairs, pairs = ipairs, pairs
local find, format, match = string.find, string.format, string.match
local lower = ascii.lower
local concat = table.concat

local KEPT_LISTS = 16

local function contains(text, word)
  return find(lower(text), word, 1, true) ~= nil
end

local FILTERS = {
  states = function(value, field)
    local wanted, known = {}, {}
    for _, state in ipairs(field.enum) do known[state] = true end
    for _, state in ipairs(query.parts(value)) do
      if not known[state] then return nil, format("Unknown state: %s.", state), field.open end
      wanted[state] = true
    end
    return function(record) return wanted[record.state] end
  end,
  name = function(value)
    local word = lower(value)
    return function(record) return contains(record.name, word) end
  end,
  query = function(value)
    local word = lower(value)
    return function(record)
      if contains(record.name, word) then return true end
      for _, party in ipairs(record.parties) do
        if party.name and contains(party.name, word) then return true end
      end
      for person in parties.people(record) do
        if contains(person.name, word) or contains(person.email, word) then return true end
      end
      return false
    end
  end,
  published_time = function(value) return query.range(value, "published_time") end,
  created_time = function(value) return query.range(value, "created_time") end,
  data_field_match = function(value)
    local custom_id, wanted = match(value, "^([^:]+):(.+)$")
    if not custom_id then return nil, "Must be custom_id:value." end
    return function(record)
      if record.values[custom_id] then return record.values[custom_id] == wanted end
      for _, field in ipairs(record.fields) do
        if field.custom_id == custom_id then return field.value == wanted end
      end
      return false
    end
  end,
}

-- No page says how name and query are compared (here: substring, ignoring case); nor for filters that the table marks
-- so.
local ASSUMED = { name = true, query = true }

local function matching(call, asked)
  local operation, assumed = call.operation, false
  local makers = {}
  for name, maker in pairs(FILTERS) do
    makers[name] = function(value, field)
      assumed = assumed or ASSUMED[name] or field.confidence == "?"
      return maker(value, field)
    end
  end
  local predicates = query.filters(asked, operation.filters, makers)
  local records, actor = {}, call.actor
  for record in store.contracts(actor.account) do
    local wanted = access.side(actor, record) ~= nil
    for i = 1, #predicates do wanted = wanted and predicates[i](record) end
    if wanted then records[#records + 1] = record end
  end
  query.sort(asked, records, operation.sort)
  return { records = records, assumed = assumed }
end

-- Everything that determines the contents of a list: the actor, and the query without the page.
local function key_of(call, asked)
  local key = { format("%d", call.actor.user and call.actor.user.id or 0) }
  for _, pair in ipairs(asked.raw) do
    if pair.name ~= "limit" and pair.name ~= "offset" then key[#key + 1] = pair.text end
  end
  return concat(key, "&")
end

local function list_for(call, asked)
  local account, key = call.actor.account, key_of(call, asked)
  local lists = account.lists
  if lists.version ~= account.version or (lists.count >= KEPT_LISTS and not lists.by_key[key]) then
    lists = { version = account.version, by_key = {}, count = 0 }
    account.lists = lists
  end
  local list = lists.by_key[key]
  if not list then
    list = matching(call, asked)
    lists.by_key[key], lists.count = list, lists.count + 1
  end
  return list
end

M["contract.list"] = function(call)
  local asked = query.parse(call.query)
  local list = list_for(call, asked)
  call.assumed = call.assumed or list.assumed
  return query.page(asked, call.base_url .. call.path, list.records, function(record)
    local ownerside = access.side(call.actor, record) == "owner"
    return shapes.contract_item({ base_url = call.base_url, actor = call.actor, ownerside = ownerside }, record)
  end)
end

return M

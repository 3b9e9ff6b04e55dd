-- The structure of collections and items: their types, made from the endpoint table.
--
-- A place is the client, or an item below it: contract, contract -> party, contract -> party -> participant. The ids in
-- an operation's path decide its places: an operation of a collection belongs where exactly these ids are known, one of
-- an item where at least these are; of two with the same verb the one with more ids.
--
-- The type of an item: { name, resource, metatable, id_name, methods, fields, collections, items, records (the types
-- below it, by resource), missing (verb -> the ids it lacks here), up (the type above) }.
local api = require "oneflow.api"
local accessors = require "oneflow.object.accessors"
local core = require "oneflow.core"
local kinds = require "oneflow.object.kinds"
local run = require "oneflow.object.run"
local searches = require "oneflow.object.searches"
local usage = require "oneflow.errors.usage"

local format = string.format
local concat = table.concat
local ipairs, next, pairs, require, select, type = ipairs, next, pairs, require, select, type
local copy, seal = core.copy, core.seal
local COLLECTION, ITEM = kinds.collection, kinds.item

local M = {}

local CLIENT_NAME = "client"

-- The names of the ids that are known at a place.
local function known_at(place)
  local known, count = {}, 0
  while place do
    if place.id_name then known[place.id_name], count = true, count + 1 end
    place = place.up
  end
  return known, count
end

-- How many of the operation's ids are known, and the unknown ones.
local function ids_of(operation, known)
  local count, unknown = 0, {}
  for _, id in ipairs(operation.ids) do
    if known[id] then count = count + 1 else unknown[#unknown + 1] = id end
  end
  return count, unknown
end

-- ---- members ---------------------------------------------------------------------------------------------------

-- The method that makes a handle of an item by its id, without I/O. `parent_of(self, name)` -> the scope and the item
-- above.
local function naming(kind, parent_of)
  local resource = kind.resource
  return function(self, id, ...)
    local scope, up = parent_of(self, resource.item)
    if resource.singleton then
      if id ~= nil then usage.raise(format("there is one %s: :%s() takes no id", resource.item, resource.item)) end
      return run.new_item(kind, scope, up)
    end
    local text
    id, text = run.id_argument(kind, up, id)
    if select("#", ...) > 0 then
      usage.raise(format("%s takes an id; options go to its methods", resource.item))
    end
    return seal({ type = kind, scope = scope, up = up, id = id, text = text }, ITEM)
  end
end

local function item_methods(kind)
  local best = {} -- verb -> { operation, ids }
  local known = known_at(kind)
  for _, operation in ipairs(kind.resource.operations) do
    if operation.on == "item" then
      local count, unknown = ids_of(operation, known)
      local verb = operation.verb
      if #unknown > 0 then
        kind.missing[verb] = format("%s needs the %s: name it through %s:%s(id)", operation.name, concat(unknown, ", "),
          kind.up and kind.up.name or CLIENT_NAME, unknown[1])
      elseif not best[verb] or count > #best[verb].ids then
        best[verb] = operation
      end
    end
  end
  for verb, operation in pairs(best) do
    kind.missing[verb] = nil
    if operation.download then kind.methods.download = run.download_method(operation, kind) end
    kind.methods[verb] = run.method {
      operation = operation, on = kind,
      kind = operation.returns == kind.resource.name and kind or M.root.records[operation.returns],
      root = operation.returns ~= kind.resource.name,
    }
  end
end

local function item_members(kind)
  local resource = kind.resource
  item_methods(kind)
  for method, search in pairs(searches[resource.name] or {}) do
    kind.methods[method] = function(self, ...)
      return search(kinds.state_of(self, kind, method), ...)
    end
  end
  function kind.methods.at(self, ...)
    local state = kinds.state_of(self, kind, "at")
    local path = { ... }
    for i = 1, select("#", ...) do
      if type(path[i]) ~= "string" and type(path[i]) ~= "number" then
        usage.raise("at: names and positions expected, got " .. type(path[i]))
      end
    end
    return copy((accessors.at(accessors.loaded(state), path)))
  end
  function kind.fields.id(state) return state.id end
  function kind.fields.ids(state)
    local all = {}
    while state do
      all[state.type.id_name], state = state.id, state.up
    end
    return all
  end
  function kind.fields.data(state) return copy(accessors.loaded(state)) end
  function kind.fields.meta(state)
    accessors.loaded(state)
    return copy(state.meta)
  end
  for field, path in pairs(resource.accessors or {}) do kind.fields[field] = accessors.field(field, path) end
end

-- ---- collections -----------------------------------------------------------------------------------------------

-- Methods of collections that make several calls. Each gets the collection itself.
local COMPOUND = {
  webhooks = {
    ensure = function(...) return require("oneflow.webhook.subscriptions").ensure(...) end,
  },
}

-- The collection of a resource at a place; nil if none of its operations belongs there.
local function collection_type(resource, place)
  local known, count = known_at(place)
  local kind = {
    name = resource.collection, owner = place.name or CLIENT_NAME, methods = {}, metatable = COLLECTION,
    up = place.resource and place or nil,
  }
  for _, operation in ipairs(resource.operations) do
    local found, unknown = ids_of(operation, known)
    local takes_id = #unknown == 1 and unknown[1] == resource.name
    if operation.on == "collection" and found == count and (#unknown == 0 or takes_id) then
      local record = place.records[operation.returns]
      local binding = {
        operation = operation, on = kind, takes_id = takes_id,
        kind = record or M.root.records[operation.returns], root = not record,
      }
      kind.methods[operation.verb] = run.method(binding)
      if operation.verb == "list" then kind.methods.each, kind.methods.pages = run.walks(binding) end
    end
  end
  for method, compound in pairs(COMPOUND[resource.collection] or {}) do
    kind.methods[method] = function(self, ...)
      kinds.state_of(self, kind, method)
      return compound(self, ...)
    end
  end
  return next(kind.methods) and kind or nil
end

local function stands_below(resource, place)
  if not resource.parents then return place.resource == nil end
  for _, parent in ipairs(resource.parents) do
    if place.resource and place.resource.name == parent then return true end
  end
  return false
end

-- Creates a place without its members. All places are created first, because a collection's method may return items of
-- another place.
local function grow(place)
  for _, resource in ipairs(api.resources) do
    if stands_below(resource, place) and (resource.item or resource.record) then
      local kind = {
        name = resource.item or resource.record, resource = resource, metatable = ITEM,
        up = place.resource and place or nil,
        id_name = resource.item or resource.record,
        methods = {}, fields = {}, collections = {}, items = {}, records = {}, missing = {},
      }
      place.records[resource.name] = kind
      grow(kind)
    end
  end
end

local function furnish(place, parent_of)
  for _, kind in pairs(place.records) do
    item_members(kind)
    if kind.resource.item then place.items[kind.resource.item] = naming(kind, parent_of) end
    furnish(kind, function(self, name)
      local state = kinds.state_of(self, kind, name)
      return state.scope, state
    end)
  end
  for _, resource in ipairs(api.resources) do
    if resource.collection and stands_below(resource, place) then
      place.collections[resource.collection] = collection_type(resource, place)
    end
  end
end

--- The client as a place: the members that client and user share.
M.root = { collections = {}, items = {}, records = {} }

grow(M.root)
furnish(M.root, kinds.scope_of)

return M

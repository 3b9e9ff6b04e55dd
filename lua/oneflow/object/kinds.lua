-- The four kinds of objects: client, user, collection, item. Each has a metatable; sealing with it makes an object of
-- the kind, and only `core.open` with it returns the state.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local families = require "oneflow.object.families"
local usage = require "oneflow.errors.usage"

local concat = table.concat
local find, format, sub = string.find, string.format, string.sub
local ipairs, next = ipairs, next
local open, seal = core.open, core.seal

local KINDS = { "client", "user", "collection", "item" }

local M = { client = {}, user = {}, collection = {}, item = {} }

--- The scope for a limited script: one user's, and without access to local files.
---@param scope table  { client =, user =, no_paths = }
---@return table? scope, string? why_not
function M.limited_scope(scope)
  if not scope.user then
    return nil, 'is not one user\'s: give client:user("anna@example.com"), or what was reached through it'
  end
  return scope.no_paths and scope or { client = scope.client, user = scope.user, no_paths = true }
end

-- Collections and items have a scope; clients and users are scopes.
local function limited(metatable)
  return function(object, state)
    local scope, why = M.limited_scope(state.scope or state)
    if not scope then return nil, why end
    if scope == (state.scope or state) then return object end
    if not state.scope then return seal(scope, metatable) end
    local copy = {}
    for name, field in next, state do copy[name] = field end
    copy.scope = scope
    return seal(copy, metatable)
  end
end

for _, kind in ipairs(KINDS) do
  local metatable = M[kind]
  metatable.__metatable = false
  metatable.__name = "oneflow." .. ascii.upper(sub(kind, 1, 1)) .. sub(kind, 2)
  function metatable.__newindex() usage.raise(format("a %s cannot be changed", kind)) end
  families.add("userdata", {
    state = function(value) return open(value, metatable) end,
    text = function(value) return metatable.__tostring(value) end, -- set by oneflow.object
    limited = limited(metatable),
  })
end

local function article(name) return (find(name, "^[aeiou]") and "an " or "a ") .. name end

--- "participant 3 of party 2 of contract 1"
function M.named(state)
  local names = {}
  while state do
    names[#names + 1] = state.id == nil and state.type.name or format("%s %s", state.type.name, state.id)
    state = state.up
  end
  return concat(names, " of ")
end

-- A kind in the form that messages use: "a party of a contract".
local function expected(kind)
  local collection = kind.metatable == M.collection
  local words = { collection and "the collection " .. kind.name or article(kind.name) }
  local place = kind.up
  while place do
    words[#words + 1] = article(place.name)
    place = place.up
  end
  return concat(words, " of ")
end

--- The state of `self`. A method accepts only objects of its own kind: of one resource at one place, so it never
--- addresses anything else than the object at hand.
---@param self any  as given by the caller
---@param kind table  from oneflow.object.tree
---@param name string  the method
function M.state_of(self, kind, name)
  local state = open(self, kind.metatable)
  if state and state.type == kind then return state end
  families.refuse(self, kind.name, name, expected(kind))
end

--- The scope of a client or a user: { client =, user = (of a user) }.
function M.scope_of(self, name)
  local scope = open(self, M.user) or open(self, M.client)
  if not scope then families.refuse(self, "client", name, "a client or a user") end
  return scope
end

return M

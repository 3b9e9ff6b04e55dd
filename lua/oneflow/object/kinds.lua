-- The four kinds of objects: client, view, collection, item. One metatable each; sealing with it is what makes an
-- object one of ours, and only `core.open` with it sees the state behind.
local core = require "oneflow.core"
local usage = require "oneflow.usage"

local format, sub, upper = string.format, string.sub, string.upper
local pairs = pairs
local open = core.open

local M = { client = {}, view = {}, collection = {}, item = {} }

for kind, metatable in pairs(M) do
  metatable.__metatable = false
  metatable.__name = "oneflow." .. upper(sub(kind, 1, 1)) .. sub(kind, 2)
  function metatable.__newindex() usage.raise(format("a %s cannot be changed", kind)) end
end

--- The state behind `self`, or a lesson in colons.
function M.state_of(self, metatable, owner, name)
  local state = open(self, metatable)
  if not state then usage.raise(format("call with a colon: %s:%s(...)", owner, name)) end
  return state
end

--- The scope behind a client or a view: { client =, user = (of a view) }.
function M.scope_of(self, name)
  local scope = open(self, M.view) or open(self, M.client)
  if not scope then usage.raise(format("call with a colon: client:%s(...)", name)) end
  return scope
end

return M

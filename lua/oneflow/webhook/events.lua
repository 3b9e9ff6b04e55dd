-- The known event types of webhooks, and how certain each is: "ms" is in the service's own connector, "code" was seen
-- by a program that receives webhooks. Unknown types are passed on.
local ascii = require "oneflow.base.ascii"
local usage = require "oneflow.errors.usage"

local ipairs, setmetatable = ipairs, setmetatable
local gsub = string.gsub
local sort = table.sort

local M = {}

local CONFIDENCE = {
  ["contract:publish"] = "ms", ["contract:sign"] = "ms", ["contract:delete"] = "ms", ["contract:decline"] = "ms",
  ["contract:signing_period_expire"] = "ms", ["contract:signing_period_revive"] = "ms",
  ["contract:signature_reset"] = "ms",
  ["participant:first_visit"] = "ms", ["participant:sign"] = "ms", ["participant:create"] = "ms",
  ["participant:decline"] = "ms", ["participant:delete"] = "ms",
  ["data_field:update"] = "ms",

  ["contract:create"] = "code", ["contract:content_update"] = "code",
  ["contract:lifecycle_state:start"] = "code", ["contract:lifecycle_state:end"] = "code",
  ["contract:lifecycle_state:terminate"] = "code", ["contract:lifecycle_state:cancel"] = "code",
  ["contract:lifecycle_state:new_period"] = "code",
  ["participant:update"] = "code", ["participant:delivery_failure"] = "code", ["participant:delegate"] = "code",
  ["participant:publish"] = "code", ["participant:signature_reset"] = "code",
  ["party:create"] = "code", ["party:update"] = "code", ["party:delete"] = "code",
  ["product:create"] = "code", ["product:update"] = "code", ["product:delete"] = "code",
  ["comment:create"] = "code",
}

--- Every known type, sorted.
---@type string[]
M.types = usage.names(CONFIDENCE)

--- Type -> "ms" or "code"; nil for an unknown type.
M.confidence = CONFIDENCE

local names, known = {}, {}
for _, event_type in ipairs(M.types) do
  local name = gsub(ascii.upper(event_type), ":", "_")
  names[name], known[#known + 1] = event_type, name
end
sort(known, ascii.before)

--- The types as constants: `CONTRACT_SIGN` is "contract:sign". An unknown name raises an error that suggests the
--- nearest one.
---@type table<string, string>
M.constants = setmetatable({}, {
  __metatable = false,
  __index = function(_, name)
    return names[name] or usage.raise("webhook.events has no " .. usage.show(name) .. usage.hint(name, known))
  end,
  __newindex = function() usage.raise("webhook.events cannot be changed") end,
})

--- Raises an error that suggests the nearest type, unless the type is known.
---@param where string  for the message
function M.must_know(where, event_type)
  if not CONFIDENCE[event_type] then
    usage.raise(where .. ": no event type " .. usage.show(event_type) .. usage.hint(event_type, M.types))
  end
end

return M

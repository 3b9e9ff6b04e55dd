-- Webhooks: reading, verifying and receiving the calls that the service makes to a callback URL.
local delivery = require "oneflow.webhook.delivery"
local events = require "oneflow.webhook.events"
local lists = require "oneflow.options.lists"
local receiver = require "oneflow.webhook.receiver"
local signature = require "oneflow.webhook.signature"
local store = require "oneflow.webhook.store"

---@class oneflow.webhook
local M = {}

M.receiver = receiver.new
M.sign = signature.sign
M.verify = signature.verify
M.memory = store.memory
M.shared = store.shared

--- The known event types as constants: `webhook.events.CONTRACT_SIGN` is "contract:sign".
M.events = events.constants

--- The same types as a sorted list.
M.event_types = events.types

--- Reads a body without checking its signature: for logs and tools. To receive calls, make a receiver.
---@param body string  other types raise
---@return oneflow.Delivery? delivery  its `verified` is false
---@return oneflow.Error? err  limit (over 1 MiB), decode (no JSON), validation (another shape, the legacy format)
function M.parse(body)
  local fields, err = delivery.read(body, lists.receiver.options.max_body.default)
  if not fields then return nil, err end
  return delivery.new(fields, false)
end

return M

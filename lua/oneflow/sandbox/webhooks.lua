-- The sandbox's webhooks: the subscriptions, and the deliveries to make. Uses no sockets: in nginx
-- oneflow.sandbox.deliver sends the deliveries; elsewhere they wait to be read.
--
-- A webhook is a record in `account.webhooks` by its id, with the fields of the service. A delivery is { callback_id,
-- webhook_id, callback_url, body = the text to post, state = "waiting" | "delivered" | "failed", attempts = { { status
-- = | problem = } } }.
local core = require "oneflow.core"
local journal = require "oneflow.sandbox.journal"
local random = require "oneflow.sandbox.random"
local signature = require "oneflow.webhook.signature"
local time = require "oneflow.sandbox.time"
local M = {}

local ipairs, pairs, type = ipairs, pairs, type
local assert, tostring = assert, tostring
local sort = table.sort
local array, null = core.array, core.null

-- Seconds between the tries; after the last the service gives up.
local WAITS = { 1, 5, 10, 30, 60, 300, 600, 1800, 3600 }

local FIELDS = { "callback_url", "sign_key", "filters", "template_group_id", "configuration", "integration_process_id" }

-- ---- subscriptions ---------------------------------------------------------------------------------------------

local function webhooks_of(account)
  account.webhooks = account.webhooks or {}
  return account.webhooks
end

--- Sets the fields from a checked body; missing ones are null.
function M.update(webhook, body)
  for _, name in ipairs(FIELDS) do
    local value = body[name]
    if value == nil then value = name == "filters" and array{} or null end
    webhook[name] = value
  end
  return webhook
end

--- Adds a webhook from the body of `webhook.create`.
function M.subscribe(store, account, body)
  local webhook = M.update({ id = store:next_id() }, body)
  webhooks_of(account)[webhook.id] = webhook
  return webhook
end

--- All of them, oldest first.
function M.list(account)
  local list = array{}
  for _, webhook in pairs(webhooks_of(account)) do list[#list + 1] = webhook end
  sort(list, function(a, b) return a.id < b.id end)
  return list
end

function M.find(account, id) return webhooks_of(account)[id] end

function M.remove(account, id) webhooks_of(account)[id] = nil end

-- ---- what happened ---------------------------------------------------------------------------------------------

local function holds(values, wanted)
  for _, value in ipairs(values) do
    if tostring(value) == tostring(wanted) then return true end
  end
  return false
end

-- No page says how filters combine: here all rules of a filter must match, and of several filters one.
local RULES = {
  EVENT_TYPE = function(values, _, event_type) return holds(values, event_type) end,
  WORKSPACE = function(values, contract) return holds(values, contract.workspace_id) end,
}

local function passes(filter, contract, event_type)
  for _, rule in ipairs(filter.filter_rules or {}) do
    if not RULES[rule.type](rule.values, contract, event_type) then return false end
  end
  return true
end

local function wants(webhook, contract, event_type)
  local group = webhook.template_group_id
  local template = contract.account.templates[contract.template_id]
  if group ~= null and group ~= nil and tostring(group) ~= tostring(template and template.template_type_id) then
    return false
  end
  local filters = webhook.filters
  if type(filters) ~= "table" or #filters == 0 then return true end
  for _, filter in ipairs(filters) do
    if passes(filter, contract, event_type) then return true end
  end
  return false
end

local function queue(store, webhook, contract, events)
  local callback_id = core.sha1(random.text(40))
  local body = { callback_id = callback_id, contract = { id = contract.id }, events = array(events) }
  if type(webhook.sign_key) == "string" then body.signature = signature.sign(callback_id, webhook.sign_key) end
  local delivery = {
    callback_id = callback_id, webhook_id = webhook.id, callback_url = webhook.callback_url,
    body = assert(core.encode(body)), state = "waiting", attempts = array{},
  }
  store.deliveries = store.deliveries or journal.new()
  store.deliveries:add(delivery)
  store.outbox = store.outbox or {}
  store.outbox[#store.outbox + 1] = delivery
end

--- Creates the deliveries for the webhooks of the contract's account: one for each webhook, with the events that it
--- wants.
---@param contract table its record; the contract may be removed already
---@param events table event types, or events as { id, type, created_time }
function M.emit(store, contract, events)
  for i, event in ipairs(events) do
    if type(event) == "string" then
      events[i] = { id = store:next_id(), type = event, created_time = time.iso(store.clock()) }
    end
  end
  for _, webhook in ipairs(M.list(contract.account)) do
    local wanted = {}
    for _, event in ipairs(events) do
      if wants(webhook, contract, event.type) then
        wanted[#wanted + 1] = { id = event.id, type = event.type, created_time = event.created_time }
      end
    end
    if wanted[1] then queue(store, webhook, contract, wanted) end
  end
end

-- ---- deliveries ------------------------------------------------------------------------------------------------

--- All deliveries, oldest first.
function M.deliveries(store)
  return array(store.deliveries and store.deliveries:list() or {})
end

--- Takes the waiting deliveries, for the caller to send.
function M.take(store)
  local taken = store.outbox or {}
  store.outbox = nil
  return taken
end

--- Records the result of one try. Any answer except 200 is a failure.
---@param status integer|nil of the answer
---@param problem string|nil why there was none
---@return number|nil seconds until the next try; nil when there is none
function M.attempted(store, delivery, status, problem)
  local attempts = delivery.attempts
  attempts[#attempts + 1] = { status = status, problem = problem }
  if status == 200 then
    delivery.state = "delivered"
    return nil
  end
  local wait = WAITS[#attempts]
  if not wait then
    delivery.state = "failed"
    return nil
  end
  return wait * (store.retry_scale or 1)
end

return M

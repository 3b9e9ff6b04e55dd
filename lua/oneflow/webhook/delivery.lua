-- The body that the service posts to a callback URL, checked: text in, delivery out. Does not use a sign key.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local events = require "oneflow.webhook.events"
local families = require "oneflow.object.families"
local ids = require "oneflow.values.ids"
local kinds = require "oneflow.object.kinds"
local usage = require "oneflow.errors.usage"

local ipairs, next, type = ipairs, next, type
local find, format = string.find, string.format
local copy, null, open, seal = core.copy, core.null, core.open, core.seal

local M = {}

---An event in a delivery. Unknown types are passed on.
---@class oneflow.WebhookEvent
---@field type string  "contract:sign"
---@field id integer|string?
---@field created_time string?  see oneflow.time

---The content of a webhook call: one or several events of one contract. **Only a hint**: the signature covers only the
---callback id, not the body, so anybody who saw one call can make another that verifies. Fetch the contract before
---acting on it.
---@class oneflow.Delivery
---@field callback_id string  the same in every repetition of the call
---@field contract_id integer|string
---@field events oneflow.WebhookEvent[]  a copy
---@field verified boolean  whether the signature was right; false where unsigned calls are accepted
---@field data table  the decoded body, a copy
local Delivery = {}

-- The state of a delivery: its fields; no other code has this table.
local FIELDS = { callback_id = true, contract_id = true, events = true, verified = true, data = true }

local DELIVERY = { __name = "oneflow.Delivery", __metatable = false }

function DELIVERY.__newindex() usage.raise("a delivery cannot be changed") end

function DELIVERY.__index(self, name)
  if FIELDS[name] then return copy(open(self, DELIVERY)[name]) end
  if Delivery[name] then return Delivery[name] end
  local known = usage.names(FIELDS)
  known[#known + 1], known[#known + 2] = "contract", "has"
  usage.raise(format("a delivery has no %s%s; what it says of the contract is its id: fetch the rest with "
    .. "delivery:contract(user):get()", usage.show(name), usage.hint(name, known)))
end

function DELIVERY.__tostring(self)
  local state = open(self, DELIVERY)
  return format("oneflow delivery %s of contract %s", state.callback_id, state.contract_id)
end

families.add("userdata", {
  state = function(value) return open(value, DELIVERY) end, text = DELIVERY.__tostring,
})

local function state_of(self, name)
  return open(self, DELIVERY) or families.refuse(self, "delivery", name, "a delivery")
end

--- A handle of the contract, for fetching it: `delivery:contract(user):get()`.
---@param user oneflow.User|oneflow.Client
---@return oneflow.Item contract  not loaded
function Delivery:contract(user)
  local state = state_of(self, "contract")
  if not (open(user, kinds.user) or open(user, kinds.client)) then
    usage.raise("delivery:contract: a user or a client expected, got " .. families.describe(user))
  end
  return user:contract(state.contract_id)
end

--- Does it contain an event of this type? An unknown type raises an error that suggests the nearest one: search
--- `events` for such.
---@param event_type string  "contract:sign", or webhook.events.CONTRACT_SIGN
---@return boolean
function Delivery:has(event_type)
  local state = state_of(self, "has")
  events.must_know("delivery:has", event_type)
  for _, event in ipairs(state.events) do
    if event.type == event_type then return true end
  end
  return false
end

local LEGACY = "is in the legacy format (agreement_id, numbers for event types), which is not read here: make the "
  .. "webhook again through API v1, which sends callback_id, contract and events"

-- Fields that integrations look for first, and where they are.
local ELSEWHERE = {
  event_type = "is in events[].type", type = "is in events[].type", event = "is events, a list",
  contract_id = "is in contract.id", id = "is in contract.id, and in events[].id",
  data = "is not sent: of the contract the service sends only contract.id",
  payload = "is not sent: of the contract the service sends only contract.id",
}

local function legacy(body)
  if body.agreement_id ~= nil or body.agreement ~= nil then return true end
  if type(body.events) == "table" then
    for _, event in ipairs(body.events) do
      if type(event) == "table" and type(event.type) == "number" then return true end
    end
  end
  return false
end

local function is_id(value)
  return (type(value) == "number" or type(value) == "string") and ids.text(value, "id") ~= nil
end

local CHECKS = {
  callback_id = function(value, note)
    if type(value) ~= "string" then return note("", "is not a string") end
    if #value == 0 or #value > 255 or find(value, "[" .. ascii.CONTROL .. "]") then
      note("", "is not of 1 to 255 bytes without control characters")
    end
  end,
  contract = function(value, note)
    if type(value) ~= "table" then return note("", "is not an object") end
    if not is_id(value.id) then note(".id", value.id == nil and "is missing" or "is not an id") end
  end,
  events = function(value, note)
    if type(value) ~= "table" or (#value == 0 and next(value) ~= nil) then return note("", "is not a list") end
    for i, event in ipairs(value) do
      local path = format("[%d]", i)
      if type(event) ~= "table" then
        note(path, "is not an object")
      elseif type(event.type) ~= "string" then
        note(path .. ".type", event.type == nil and "is missing" or "is not a string")
      end
    end
  end,
}

local NAMES = usage.names(CHECKS)

-- All problems of a body.
local function problems_of(body)
  if legacy(body) then return errors.problem("body", LEGACY) end
  local problems = {}
  for _, name in ipairs(NAMES) do
    local function note(below, message)
      problems[#problems + 1] = { path = "body." .. name .. below, messages = { message } }
    end
    if body[name] == nil then note("", "is missing") else CHECKS[name](body[name], note) end
  end
  if problems[1] then
    for _, name in ipairs(usage.names(ELSEWHERE)) do
      if body[name] ~= nil then
        problems[#problems + 1] = { path = "body." .. name, messages = { ELSEWHERE[name] } }
      end
    end
  end
  return problems
end

--- The error for a refused webhook call.
---@param kind oneflow.Kind
---@return oneflow.Error
function M.refusal(kind, fields)
  fields.kind, fields.outcome, fields.retryable = kind, "not_sent", false
  return errors.new({ operation = "webhook" }, fields)
end

--- Reads the body of a webhook call.
---@param text string
---@param max_body integer  bytes
---@return { callback_id: string, contract_id: integer|string, events: oneflow.WebhookEvent[], data: table }? fields
---@return any signature_or_err  the signature in the body, nil for none; or the error
function M.read(text, max_body)
  if type(text) ~= "string" then usage.raise("webhook: the body is a string, got " .. type(text)) end
  if #text > max_body then
    return nil, M.refusal("limit", { detail = format("a body of %d bytes, over %d", #text, max_body) })
  end
  local body, kind, message = core.decode(text)
  if body == nil then return nil, M.refusal(kind, { detail = message }) end
  if kind ~= "object" then
    return nil, M.refusal("validation", { problems = errors.problem("body", "is not one JSON object") })
  end
  local problems = problems_of(body)
  if problems[1] then return nil, M.refusal("validation", { problems = problems }) end
  local signature = body.signature
  if signature == null then signature = nil end
  return {
    callback_id = body.callback_id, contract_id = body.contract.id, events = body.events, data = body,
  }, signature
end

--- The delivery object for such fields.
---@return oneflow.Delivery
function M.new(fields, verified)
  fields.verified = verified
  return seal(fields, DELIVERY)
end

return M

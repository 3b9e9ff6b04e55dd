-- Contracts, one by one. A handler gets the call: { emulator, store, base_url, path, actor, ids, query, body,
-- operation }, and gives the body of a 200 (or what answer.raw made); whatever else comes out, it refuses. One that
-- sets `call.assumed` says that its rule is on no page of the service; of an operation on none it is set before.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local equal = require "oneflow.values.equal"
local guard = require "oneflow.sandbox.guard"
local parties = require "oneflow.sandbox.parties"
local people = require "oneflow.sandbox.people"
local products = require "oneflow.sandbox.products"
local signing = require "oneflow.sandbox.signing"
local store = require "oneflow.sandbox.store"
local M = {}

local ipairs, next, pairs = ipairs, next, pairs
local format = string.format
local null = core.null
local refuse, refuse_problems, refuse_value = answer.refuse, answer.refuse_problems, answer.refuse_value

M["contract.get"] = function(call)
  local record, viewer = guard.contract(call)
  return guard.shape(call, record, viewer)
end

-- The ids of the body's tags; refuses one that is not there.
local function tag_ids(call, tags)
  local ids, bad = call.store:tag_ids(call.actor.account, tags)
  return ids or refuse_value(format("tags[%d]", bad - 1), "No such tag.", true)
end

-- Refuses a folder that is not in the workspace.
local function check_folder(call, id, workspace_id)
  if id == nil or id == null then return end
  local folder = call.actor.account.folders[id] or refuse(404)
  if folder.workspace_id ~= workspace_id then
    refuse_value("folder_id", "The folder is not in the workspace.", true)
  end
end

-- Create -------------------------------------------------------------------------------------------------------

local function check_data_fields(body, template, problems)
  local known = {}
  for _, field in ipairs(store.fields_of(template)) do known[field.custom_id] = true end
  for i, field in ipairs(body.data_fields or {}) do
    if not known[field.custom_id] then
      check.note(problems, format("data_fields[%d].custom_id", i - 1), "The template has no such data field.")
    end
  end
end

local function check_products(body, template, problems)
  for i, group in ipairs(body.product_groups or {}) do
    if not products.meant(template, group) then
      check.note(problems, format("product_groups[%d]", i - 1), "The template has no such product table.")
    end
  end
end

local function check_people(body)
  local entries = { { path = "my_party.", party = body.my_party or {}, mine = true } }
  for i, party in ipairs(body.parties or {}) do
    entries[i + 1] = { path = format("parties[%d].", i - 1), party = party }
  end
  people.check(nil, entries)
end

local function shared_with(template, workspace_id)
  for _, id in ipairs(template.workspaces) do
    if id == workspace_id then return true end
  end
  return false
end

M["contract.create"] = function(call)
  local account, body = call.actor.account, guard.body(call)
  check_people(body)
  guard.workspace(call, body.workspace_id, "create",
    "The user has no permission to create a contract in the workspace.")
  local template = account.templates[body.template_id] or refuse(404)
  if not template.active then refuse(403, { detail = "The template is not active.", assumed = true }) end
  if not shared_with(template, body.workspace_id) then
    refuse_value("template_id", "The template does not belong to the workspace.", true)
  end
  local problems = {}
  check_data_fields(body, template, problems)
  check_products(body, template, problems)
  refuse_problems(problems, true)
  check_folder(call, body.folder_id, body.workspace_id)

  local record = call.store:add_contract(account, body, { tags = tag_ids(call, body.tags or {}) })
  record.creator = call.actor.user
  call.store:happen(record, "contract:create", guard.actor_of(call, record))
  return guard.shape(call, record, { base_url = call.base_url, actor = call.actor, ownerside = true })
end

-- Update -------------------------------------------------------------------------------------------------------

-- Each step must name a different participant of the contract.
local function check_sign_order(record, order)
  local seen, problems = {}, {}
  for i, step in ipairs(order) do
    local path = format("sign_order[%d].participant_id", i - 1)
    if not parties.person(record, step.participant_id) then
      check.note(problems, path, "The contract has no such participant.")
    elseif seen[step.participant_id] then
      check.note(problems, path, "The participant is named twice.")
    end
    seen[step.participant_id] = true
  end
  refuse_problems(problems, true)
  if record.state == "signed" or record.state == "declined" then refuse(409, { assumed = true }) end
end

local function sign_order(order)
  if order == null then return core.array{} end
  local list = core.array{}
  for i, step in ipairs(order) do list[i] = { participant_id = step.participant_id, order = step.order } end
  return list
end

M["contract.update"] = function(call)
  local record, viewer = guard.contract_to(call, "update")
  local body = guard.body(call)
  local private = body._private or {}
  -- A field with its present value is not a change, in any state.
  local period, order = private.signing_period_expiration, body.sign_order
  if equal(period, record.signing_period) then period = nil end
  if equal(order, record.sign_order) then order = nil end
  if period then signing.check_period(record, period) end
  if order and order ~= null then check_sign_order(record, order) end
  local tags = body.tags and tag_ids(call, body.tags)

  -- Nothing is refused from here on: a call changes everything that it names, or nothing.
  if next(body) == nil then return guard.shape(call, record, viewer) end
  if private.name then record.name = private.name end
  if private.value then
    local value = private.value
    record.value = value ~= null and { amount = value.amount, currency = value.currency } or nil
  end
  local actor = guard.actor_of(call, record)
  if period then signing.set_period(call.store, record, period, actor) end
  if tags then record.tags = tags end
  if order then record.sign_order = sign_order(order) end
  call.store:changed(record)
  call.store:happen(record, "contract:content_update", actor)
  return guard.shape(call, record, viewer)
end

-- Delete, publish and the rest ---------------------------------------------------------------------------------

M["contract.delete"] = function(call)
  local record, hidden = guard.visible(call)
  if not record then
    if hidden then refuse(404, { assumed = true }) end
    return {}
  end
  guard.contract_to(call, "delete")
  call.store:happen(record, "contract:delete", guard.actor_of(call, record))
  call.store:remove_contract(record)
  return {}
end

M["contract.publish"] = function(call)
  local record, viewer = guard.contract_to(call, "publish")
  guard.body(call)
  if record.account.plan == "free" then refuse(402) end
  signing.publish(call.store, record, guard.actor_of(call, record))
  return guard.shape(call, record, viewer)
end

-- The body of `contract.create` that makes a contract like this one.
local function as_body(record)
  local body = {
    template_id = record.template_id, name = record.name, value = record.value, data_fields = {}, parties = {},
    my_party = nil,
  }
  for custom_id, value in pairs(record.values) do
    body.data_fields[#body.data_fields + 1] = { custom_id = custom_id, value = value }
  end
  for i, party in ipairs(record.parties) do
    local source = {
      type = party.type, name = party.name, country_code = party.country_code,
      identification_number = party.identification_number, participants = {},
      _private_ownerside = { custom_id = party.custom_id },
    }
    for p, person in ipairs(party.people) do
      source.participants[p] = {
        name = person.name, email = person.email, phone_number = person.phone_number, title = person.title,
        identification_number = person.identification_number, delivery_channel = person.delivery_channel,
        signatory = person.signatory, organizer = person.organizer, sign_method = person.sign_method,
        two_step_authentication_method = person.two_step_authentication_method,
        _permissions = { ["contract:update"] = person.may_update },
        _private_ownerside = { custom_id = person.custom_id },
      }
    end
    if i == 1 then body.my_party = source else body.parties[i - 1] = source end
  end
  return body
end

M["contract.copy"] = function(call)
  local record, viewer = guard.contract(call)
  local asked = guard.body(call)
  guard.workspace(call, asked.workspace_id, "create")
  check_folder(call, asked.folder_id, asked.workspace_id)
  local body = as_body(record)
  body.workspace_id, body.folder_id, body.name = asked.workspace_id, asked.folder_id, asked.name or body.name
  local copy = call.store:add_contract(call.actor.account, body, { tags = record.tags })
  copy.fields = record.fields
  copy.product_groups = products.copies(call.store, record)
  call.store:happen(copy, "contract:create", guard.actor_of(call, copy))
  return guard.shape(call, copy, viewer)
end

M["contract.move"] = function(call)
  local record, viewer = guard.contract_to(call, "update")
  local body = guard.body(call)
  guard.workspace(call, body.workspace_id, "create")
  check_folder(call, body.folder_id, body.workspace_id)
  record.workspace_id = body.workspace_id
  record.folder_id = body.folder_id ~= null and body.folder_id or nil
  call.store:changed(record)
  return guard.shape(call, record, viewer)
end

M["contract.decline"] = function(call)
  local record, viewer = guard.contract_to(call, "update")
  local actor = guard.actor_of(call, record)
  local person = actor.participant and actor.participant.signatory and actor.participant or nil
  local good, why = signing.decline(call.store, record, person, actor.party)
  if not good then refuse(409, { detail = why, assumed = true }) end
  return guard.shape(call, record, viewer)
end

M["contract.mark_as_signed"] = function(call)
  local record, viewer = guard.open_contract(call)
  signing.mark_as_signed(call.store, record)
  return guard.shape(call, record, viewer)
end

return M

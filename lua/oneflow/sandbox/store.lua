-- The sandbox's data: accounts with their users, workspaces, templates, tags and contracts, as compact records; usual
-- values are in metatables, because there may be many thousands. shapes.lua makes the service's JSON of a record.
--
-- Lists and values of a contract are replaced, never changed in place: records share the empty ones.
local core = require "oneflow.core"
local events = require "oneflow.sandbox.events"
local parties = require "oneflow.sandbox.parties"
local products = require "oneflow.sandbox.products"
local signing = require "oneflow.sandbox.signing"
local time = require "oneflow.sandbox.time"
local M = {}
M.__index = M

local ipairs, pairs, type = ipairs, pairs, type
local setmetatable = setmetatable
local sort = table.sort
local null = core.null

local Contract = { __index = {
  state = "draft", signing_period = { type = "days_after_publish", expire_days_after_publish = 30 },
  tags = {}, sign_order = core.array{}, values = {}, value_times = {}, attachments = {}, comments = {}, reminders = {},
} }

local function given(value)
  if value ~= null then return value end
end

function M:next_id()
  self.last_id = self.last_id + 1
  return self.last_id
end

--- The time now, as the service writes it.
function M:now()
  return time.iso(self.clock())
end

--- Marks a contract as changed at this time; lists of contracts are computed again.
function M:changed(record)
  record.updated_time = self:now()
  record.account.version = record.account.version + 1
  return record.updated_time
end

--- The records of a map, sorted by id.
function M.sorted(map)
  local list = {}
  for _, record in pairs(map) do list[#list + 1] = record end
  sort(list, function(a, b) return a.id < b.id end)
  return list
end

-- The tag with this name; creates it if there is none.
local function tag_named(self, account, name)
  for _, tag in pairs(account.tags) do
    if tag.name == name then return tag end
  end
  local tag = { id = self:next_id(), name = name }
  account.tags[tag.id] = tag
  return tag
end

--- The ids of tags given as {id} or {name}; nil and the index of a tag that the account does not have. A new name
--- creates a tag.
function M:tag_ids(account, tags)
  for i, tag in ipairs(tags) do
    if tag.id and not account.tags[tag.id] or not (tag.id or tag.name) then return nil, i end
  end
  local ids, taken = {}, {}
  for _, tag in ipairs(tags) do
    local id = tag.id or tag_named(self, account, tag.name).id
    if not taken[id] then ids[#ids + 1] = id end
    taken[id] = true
  end
  return ids
end

-- Contracts ----------------------------------------------------------------------------------------------------

--- The data fields of a template: those of its type.
function M.fields_of(template)
  return template.template_type and template.template_type.data_fields or template.data_fields
end

--- The value of a contract's data field.
function M.value_of(record, field)
  return record.values[field.custom_id] or field.value or ""
end

-- The past of a contract that is created in a later state. A pending one can still be signed.
local function age(self, record, state)
  if state == "draft" then return end
  record.state = state
  record.published_time = record.published_time or record.created_time
  signing.reach(record, "success")
  signing.set_expiry(record)
  if state == "pending" and record.expiry_time <= self:now() then
    record.signing_period, record.expiry_time = { type = "never" }, nil
  end
  for person in parties.people(record) do
    if person.signatory and state == "signed" then
      person.sign_state, person.sign_state_updated_time = "signed", record.state_updated_time
    end
  end
end

--- Adds a contract from the body of `contract.create`; `past` has the fields that such a body does not have: id, state,
--- times, tags as a list of ids, lifecycle.
function M:add_contract(account, body, past)
  past = past or {}
  local template = account.templates[body.template_id]
  local now = past.created_time or self:now()
  local changed = past.state_updated_time or past.published_time or now
  local record = setmetatable({
    id = past.id or self:next_id(),
    account = account, workspace_id = body.workspace_id, template_id = body.template_id, fields = M.fields_of(template),
    name = given(body.name) or template.name, value = given(body.value), folder_id = given(body.folder_id),
    created_time = now, state_updated_time = changed, updated_time = changed, published_time = past.published_time,
    tags = past.tags, lifecycle_settings = past.lifecycle_settings, lifecycle_state = past.lifecycle_state,
    parties = {},
  }, Contract)
  if record.value then record.value = { amount = record.value.amount, currency = record.value.currency } end
  if type(body.data_fields) == "table" and #body.data_fields > 0 then
    record.values = {}
    for _, field in ipairs(body.data_fields) do record.values[field.custom_id] = given(field.value) or "" end
  end
  local mine = given(body.my_party) or {}
  record.parties[1] = parties.new_party(self, account, {
    name = given(mine.name) or account.name, country_code = mine.country_code,
    identification_number = given(mine.identification_number) or account.registration_number,
    participants = mine.participants, _private_ownerside = mine._private_ownerside,
  }, true)
  for _, source in ipairs(given(body.parties) or {}) do
    record.parties[#record.parties + 1] = parties.new_party(self, account, source, false)
  end
  products.fill(self, record, template, given(body.product_groups) or {})
  age(self, record, past.state or "draft")
  account.contracts[record.id] = record
  account.contract_list[#account.contract_list + 1] = record
  account.version = account.version + 1
  return record
end

function M:remove_contract(record)
  local account = record.account
  record.gone = true
  account.contracts[record.id] = nil
  account.gone = account.gone + 1
  account.version = account.version + 1
  if account.gone * 2 <= #account.contract_list then return end
  local list = {}
  for _, each in ipairs(account.contract_list) do
    if not each.gone then list[#list + 1] = each end
  end
  account.contract_list, account.gone = list, 0
end

--- The existing contracts of an account, sorted by id.
function M.contracts(account)
  local list, i = account.contract_list, 0
  return function()
    repeat i = i + 1 until not list[i] or not list[i].gone
    return list[i]
  end
end

-- Events -------------------------------------------------------------------------------------------------------

--- Adds an event to a contract; the webhooks get it when the request is done.
---@param actor table|nil { party, participant }: who did it
function M:happen(record, event_type, actor)
  local event = events.add(self, record, event_type, actor)
  local list = self.happened
  local last = list[#list]
  if not last or last.contract ~= record then
    last = { contract = record, events = {} }
    list[#list + 1] = last
  end
  last.events[#last.events + 1] = event
end

--- The events since the last call of this function: { { contract, events } }, in order.
function M:take_happened()
  local list = self.happened
  if #list > 0 then self.happened = {} end
  return list
end

-- Accounts and users -------------------------------------------------------------------------------------------

--- An account by id or name; the first when none is named; nil for an unknown one.
function M:account(which)
  if which == nil then return self.accounts[1] end
  for _, account in ipairs(self.accounts) do
    if account.id == which or account.name == which then return account end
  end
end

--- A user by e-mail, of one account or of any.
function M:user(email, account)
  for _, each in ipairs(account and { account } or self.accounts) do
    if each.users[email] then return each.users[email] end
  end
end

--- A contract by id, of any account.
function M:contract(id)
  for _, account in ipairs(self.accounts) do
    if account.contracts[id] then return account.contracts[id] end
  end
end

--- A store filled from a checked seed.
---@param clock fun(): integer seconds since 1970
function M.new(seed, clock)
  local self = setmetatable({ accounts = {}, clock = clock, happened = {}, links = {} }, M)
  require("oneflow.sandbox.load").seed(self, seed)
  return self
end

return M

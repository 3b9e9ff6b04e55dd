-- What the sandbox knows: accounts with their users, workspaces, templates, tags and contracts, as
-- compact records. How a record looks on the wire is the subject of shapes.lua.
local core = require "oneflow.core"
local time = require "oneflow.sandbox.time"
local M = {}
M.__index = M

local ipairs, pairs, type = ipairs, pairs, type
local getmetatable, setmetatable = getmetatable, setmetatable
local sort = table.sort
local max = math.max
local null = core.null

local function given(value)
  if value ~= null then return value end
end

-- A field of an object that may not be there, or be null.
local function inside(object, name)
  if type(object) == "table" then return given(object[name]) end
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local new = {}
  for key, item in pairs(value) do new[key] = copy(item) end
  -- A list that the decoder marked stays one when it is empty.
  return getmetatable(value) and core.array(new) or new
end

function M:next_id()
  self.last_id = self.last_id + 1
  return self.last_id
end

local function person(self, source, mine)
  return {
    id = self:next_id(), mine = mine,
    name = given(source.name) or "", email = given(source.email) or "",
    phone_number = given(source.phone_number) or "", title = given(source.title) or "",
    identification_number = given(source.identification_number) or "",
    delivery_channel = given(source.delivery_channel) or "email", delivery_status = "not_sent",
    signatory = source.signatory == true, organizer = source.organizer == true,
    sign_method = given(source.sign_method) or "standard_esign", sign_state = "undecided",
    two_step_authentication_method = given(source.two_step_authentication_method) or "none",
    may_update = inside(source._permissions, "contract:update") ~= false,
    custom_id = inside(source._private_ownerside, "custom_id"),
  }
end

local function party(self, account, source, mine)
  local people = {}
  if type(source.participant) == "table" then
    people[1] = person(self, source.participant, mine)
  end
  for _, each in ipairs(given(source.participants) or {}) do
    people[#people + 1] = person(self, each, mine)
  end
  return {
    id = self:next_id(), type = source.type or "company", mine = mine,
    name = given(source.name), country_code = given(source.country_code) or account.country_code,
    identification_number = given(source.identification_number) or "", people = people,
    custom_id = inside(source._private_ownerside, "custom_id"),
  }
end

local function product_groups(self, sources)
  local groups = copy(sources)
  for _, group in ipairs(groups) do
    group.id = group.id or self:next_id()
    group.products = core.array(group.products or {})
    for _, product in ipairs(group.products) do product.id = product.id or self:next_id() end
  end
  return groups
end

--- The ids of tags given as {id} or {name}; nil and the index of one that the account does not have.
function M:tag_ids(account, tags)
  local ids = {}
  for i, tag in ipairs(tags) do
    local known = account.tags[tag.id]
    for _, other in pairs(account.tags) do
      if not tag.id and other.name == tag.name then known = other end
    end
    if not known and not tag.id and tag.name then
      known = { id = self:next_id(), name = tag.name }
      account.tags[known.id] = known
    end
    if not known then return nil, i end
    ids[i] = known.id
  end
  return ids
end

--- Adds a contract from the body of `contract.create`; `past` holds what is not in such a body:
--- id, state, times, and tags as a list of ids.
function M:add_contract(account, body, past)
  past = past or {}
  local template = account.templates[body.template_id]
  local now = past.created_time or time.iso(self.clock())
  local record = {
    id = past.id or self:next_id(),
    account = account, workspace_id = body.workspace_id, template_id = body.template_id,
    name = given(body.name) or template.name, value = copy(given(body.value)),
    state = past.state or "draft", created_time = now,
    state_updated_time = past.state_updated_time or past.published_time or now,
    updated_time = past.state_updated_time or past.published_time or now,
    published_time = past.published_time,
    signing_period = { type = "days_after_publish", expire_days_after_publish = 30 },
    tags = past.tags or {}, sign_order = core.array{}, values = {}, parties = {},
    product_groups = product_groups(self, given(body.product_groups) or {}),
  }
  if record.state ~= "draft" then record.published_time = record.published_time or now end
  for _, field in ipairs(given(body.data_fields) or {}) do
    record.values[field.custom_id] = given(field.value) or ""
  end
  local mine = given(body.my_party) or {}
  record.parties[1] = party(self, account, {
    type = "company", name = given(mine.name) or account.name, country_code = mine.country_code,
    identification_number = given(mine.identification_number) or account.registration_number,
    participants = mine.participants, _private_ownerside = mine._private_ownerside,
  }, true)
  for _, source in ipairs(given(body.parties) or {}) do
    record.parties[#record.parties + 1] = party(self, account, source, false)
  end
  if record.state ~= "draft" then M.send(record, "success") end
  if record.state == "signed" then
    for each in M.people(record) do
      if each.signatory then
        each.sign_state, each.sign_state_updated_time = "signed", record.state_updated_time
      end
    end
  end
  account.contracts[record.id] = record
  account.contract_ids[#account.contract_ids + 1] = record.id
  return record
end

--- Every participant of a contract.
function M.people(record)
  local p, i = 1, 0
  return function()
    while record.parties[p] do
      i = i + 1
      local each = record.parties[p].people[i]
      if each then return each end
      p, i = p + 1, 0
    end
  end
end

--- The invitations are out: everyone who is reached over a channel has a delivery status.
function M.send(record, status)
  for each in M.people(record) do
    if each.delivery_channel ~= "none" and each.delivery_channel ~= "same_device" then
      each.delivery_status = status
    end
  end
end

function M.remove_contract(record)
  record.account.contracts[record.id] = nil
end

--- The contracts of an account that are there, oldest id first.
function M.contracts(account)
  local i = 0
  return function()
    while account.contract_ids[i + 1] do
      i = i + 1
      local record = account.contracts[account.contract_ids[i]]
      if record then return record end
    end
  end
end

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

local function by_id(records)
  local map = {}
  for _, record in ipairs(records or {}) do map[record.id] = copy(record) end
  return map
end

local function add_account(self, source)
  local account = {
    id = source.id, name = source.name, country_code = source.country_code or "SE",
    registration_number = source.registration_number or "", plan = source.plan or "business",
    extension = source.extension ~= false, created_time = source.created_time or "2018-11-28T15:07:11+00:00",
    workspaces = by_id(source.workspaces), templates = by_id(source.templates), tags = by_id(source.tags),
    users = {}, user_list = {}, contracts = {}, contract_ids = {},
  }
  for i, user in ipairs(source.users or {}) do
    local roles = {}
    for _, role in ipairs(user.roles or {}) do roles[role.workspace_id] = role.role end
    account.user_list[i] = {
      id = user.id, email = user.email, name = user.name, title = user.title or "",
      phone_number = user.phone_number or "", active = user.active ~= false,
      is_admin = user.is_admin == true, roles = roles, account = account,
    }
    account.users[user.email] = account.user_list[i]
  end
  self.accounts[#self.accounts + 1] = account
  -- In the order of their ids, so that a list without `sort` is in that order.
  local contracts = {}
  for i, contract in ipairs(source.contracts or {}) do contracts[i] = contract end
  sort(contracts, function(a, b) return a.id < b.id end)
  for _, contract in ipairs(contracts) do self:add_contract(account, contract, contract) end
end

local function highest_id(value)
  local highest = 0
  for key, item in pairs(value) do
    if type(item) == "table" then highest = max(highest, highest_id(item))
    elseif key == "id" then highest = max(highest, item) end
  end
  return highest
end

--- A store filled from a checked seed.
---@param clock fun(): integer seconds since 1970
function M.new(seed, clock)
  local self = setmetatable({ accounts = {}, clock = clock, last_id = highest_id(seed) }, M)
  for _, source in ipairs(seed.accounts) do add_account(self, source) end
  return self
end

return M

-- Fills a store's accounts from a seed, which was checked before and is not changed.
local core = require "oneflow.core"
local products = require "oneflow.sandbox.products"
local time = require "oneflow.sandbox.time"
local M = {}

local getmetatable, ipairs, pairs, type = getmetatable, ipairs, pairs, type
local max = math.max
local sort = table.sort

local LONG_AGO = "2018-11-28T15:07:11+00:00"

local function copy(value)
  if type(value) ~= "table" then return value end
  local new = {}
  for key, item in pairs(value) do new[key] = copy(item) end
  -- A list that was marked by the decoder stays marked when it is empty.
  return getmetatable(value) and core.array(new) or new
end

local function by_id(records)
  local map = {}
  for _, record in ipairs(records or {}) do map[record.id] = copy(record) end
  return map
end

-- Times are compared as text, so all have the same form.
local function utc(text)
  return text and time.iso(time.parse(text))
end

local function add_users(account, source)
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
end

-- A type that is named only by its templates has their names and fields.
local function add_template_types(self, account)
  for _, each in pairs(account.template_types) do
    each.data_fields, each.active = each.data_fields or {}, each.active ~= false
  end
  for _, template in pairs(account.templates) do
    local id, fields = template.template_type_id, template.data_fields or {}
    template.data_fields = fields
    if id then
      local known = account.template_types[id]
      if not known then
        known = { id = id, name = template.name, data_fields = {}, active = true }
        account.template_types[id] = known
      end
      for _, field in ipairs(fields) do known.data_fields[#known.data_fields + 1] = field end
      template.template_type = known
    end
  end
  for _, each in pairs(account.template_types) do
    for _, field in ipairs(each.data_fields) do field.id = field.id or self:next_id() end
  end
end

local function add_templates(self, account)
  for _, template in pairs(account.templates) do
    template.active = template.active ~= false
    template.product_groups = products.copy(self, template.product_groups or {})
    for _, file in ipairs(template.files or {}) do file.id = file.id or self:next_id() end
  end
  add_template_types(self, account)
end

local function add_files(self, record, files)
  if not files then return end
  record.attachments = {}
  for i, file in ipairs(files) do
    record.attachments[i] = {
      id = file.id or self:next_id(), name = file.name, extension = file.extension, type = file.type or "attachment",
      bytes = file.text or "",
    }
  end
end

local function add_contracts(self, account, source)
  -- Sorted by id, because a list without `sort` is in that order.
  local contracts = {}
  for i, contract in ipairs(source.contracts or {}) do contracts[i] = contract end
  sort(contracts, function(a, b) return a.id < b.id end)
  for _, contract in ipairs(contracts) do
    local past = {}
    for name, value in pairs(contract) do past[name] = value end
    for _, name in ipairs{ "created_time", "published_time", "state_updated_time" } do past[name] = utc(past[name]) end
    local record = self:add_contract(account, copy(contract), past)
    add_files(self, record, contract.files)
  end
end

local function add_folders(account)
  for _, folder in pairs(account.folders) do folder.parent = account.folders[folder.parent_id or 0] end
end

local function add_account(self, source)
  local account = {
    id = source.id, name = source.name, country_code = source.country_code or "SE",
    registration_number = source.registration_number or "", plan = source.plan or "business",
    extension = source.extension ~= false, created_time = utc(source.created_time) or LONG_AGO,
    workspaces = by_id(source.workspaces), templates = by_id(source.templates), tags = by_id(source.tags),
    template_types = by_id(source.template_types), folders = by_id(source.folders), contacts = by_id(source.contacts),
    webhooks = by_id(source.webhooks),
    users = {}, user_list = {}, log = {},
    -- What is in `contracts` by id is in `contract_list` in order; `version` counts its changes, `lists` are made of
    -- it.
    contracts = {}, contract_list = {}, gone = 0, version = 0, lists = { count = 0, by_key = {} },
  }
  add_users(account, source)
  add_folders(account)
  add_templates(self, account)
  self.accounts[#self.accounts + 1] = account
  add_contracts(self, account, source)
end

local function highest_id(value)
  local highest = 0
  for key, item in pairs(value) do
    if type(item) == "table" then highest = max(highest, highest_id(item))
    elseif key == "id" then highest = max(highest, item) end
  end
  return highest
end

--- Fills a new store.
function M.seed(self, seed)
  self.last_id = highest_id(seed)
  for _, source in ipairs(seed.accounts) do add_account(self, source) end
end

return M

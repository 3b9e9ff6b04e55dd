-- Contracts, parties and people -> the service's JSON objects. null is sent where the service sends null, and fields
-- are nested as the service nests them (the name under `_private`, the template's id under `_private_ownerside`).
-- `viewer` is the receiver: { base_url, actor, ownerside }; only the owner side sees `_private_ownerside`.
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local links = require "oneflow.sandbox.links"
local products = require "oneflow.sandbox.products"
local store = require "oneflow.sandbox.store"
local M = {}

local ipairs, pairs = ipairs, pairs
local null, array = core.null, core.array

local function or_null(value)
  if value == nil then return null end
  return value
end
M.or_null = or_null

-- Parties ------------------------------------------------------------------------------------------------------

local PREFERRED = "standard_esign" -- the default sign method

function M.participant(viewer, record, person, party)
  local user = viewer.actor.user
  return {
    _options = { invite = true },
    _permissions = { ["contract:update"] = person.may_update },
    _private_ownerside = viewer.ownerside and {
      created_time = record.created_time, custom_id = or_null(person.custom_id),
      first_visited_time = or_null(person.first_visited_time), last_visited_time = or_null(person.last_visited_time),
      updated_time = or_null(person.updated_time), visits = person.visits,
    } or nil,
    delivery_channel = person.delivery_channel, delivery_status = person.delivery_status,
    email = person.email, id = person.id, identification_number = person.identification_number,
    my_participant = user ~= nil and party.mine and user.email == person.email,
    name = person.name, organizer = person.organizer,
    phone_number = person.phone_number, sign_method = person.sign_method or PREFERRED, sign_state = person.sign_state,
    sign_state_updated_time = or_null(person.sign_state_updated_time), signatory = person.signatory,
    title = person.title, two_step_authentication_method = person.two_step_authentication_method,
  }
end

-- A company has `participants`; an individual is one `participant`, and has no name of its own.
function M.party(viewer, record, source)
  local shape = {
    _private_ownerside = viewer.ownerside and {
      created_time = record.created_time, custom_id = or_null(source.custom_id),
      updated_time = or_null(source.updated_time),
    } or nil,
    country_code = source.country_code, id = source.id, my_party = source.mine, type = source.type,
  }
  if source.type == "individual" then
    shape.participant = source.people[1] and M.participant(viewer, record, source.people[1], source) or null
  else
    shape.name = or_null(source.name)
    shape.identification_number = source.identification_number
    shape.participants = array{}
    for i, person in ipairs(source.people) do shape.participants[i] = M.participant(viewer, record, person, source) end
  end
  return shape
end

local function all_parties(viewer, record)
  local list = array{}
  for i, source in ipairs(record.parties) do list[i] = M.party(viewer, record, source) end
  return list
end

-- Content ------------------------------------------------------------------------------------------------------

function M.data_field(viewer, record, field)
  return {
    _private_ownerside = viewer.ownerside and {
      created_time = record.created_time, custom_id = field.custom_id,
      updated_time = or_null(record.value_times[field.custom_id]),
    } or nil,
    id = field.id, name = field.name, description = field.description or "",
    placeholder = field.placeholder or "", value = store.value_of(record, field),
  }
end

function M.product(viewer, record, product)
  return {
    _private_ownerside = viewer.ownerside and {
      created_time = record.created_time, custom_id = or_null(product.custom_id), updated_time = null,
    } or nil,
    counterparty_lock = product.counterparty_lock, description = product.description, id = product.id,
    name = product.name, price_1 = or_null(product.price_1), price_2 = or_null(product.price_2),
    quantity = product.quantity,
  }
end

function M.product_group(viewer, record, group)
  local columns, list = array{}, array{}
  for _, column in ipairs(group.configuration.columns) do
    if column.enabled then columns[#columns + 1] = column.key end
  end
  for i, product in ipairs(group.products) do list[i] = M.product(viewer, record, product) end
  return {
    _private_ownerside = viewer.ownerside and { created_time = record.created_time, updated_time = null } or nil,
    configuration = group.configuration, created_from = or_null(group.created_from), enabled_columns = columns,
    id = group.id, products = list,
  }
end

function M.folder(folder, may)
  local path, up = array{}, folder.parent
  while up do
    table.insert(path, 1, up.id)
    up = up.parent
  end
  return {
    _permissions = {
      ["folder:contract"] = may, ["folder:delete"] = may, ["folder:sub_folder:create"] = may, ["folder:update"] = may,
    },
    id = folder.id, name = folder.name, parent_id = or_null(folder.parent and folder.parent.id), path = path,
    workspace_id = folder.workspace_id,
  }
end

local function tags(record)
  local list = array{}
  for _, id in ipairs(record.tags) do
    local tag = record.account.tags[id] -- nil if it was deleted
    if tag then list[#list + 1] = { id = id, name = tag.name } end
  end
  return list
end

local CHANNELS = {
  { name = "email", preferred = true, required_participant_attributes = { "email" } },
  { name = "sms", preferred = false, required_participant_attributes = { "phone_number" } },
  { name = "email_and_sms", preferred = false, required_participant_attributes = { "email", "phone_number" } },
  { name = "none", preferred = false, required_participant_attributes = array{} },
}
local SIGN_METHODS = { { name = PREFERRED, preferred = true }, { name = "sms", preferred = false } }
local TWO_STEP = {
  { name = "none", preferred = true, required_participant_attributes = array{} },
  { name = "email", preferred = false, required_participant_attributes = { "email" } },
  { name = "sms", preferred = false, required_participant_attributes = { "phone_number" } },
}

--- The content that contracts of a template can have.
function M.available_options(template)
  return {
    can_receive_attachments = template.can_receive_attachments == true,
    can_receive_expanded_pdf = template.can_receive_expanded_pdf == true,
    can_receive_products = #template.product_groups > 0,
    delivery_channels = CHANNELS, sign_methods = SIGN_METHODS, two_step_authentication_methods = TWO_STEP,
  }
end

-- Contracts ----------------------------------------------------------------------------------------------------

local LINKED = {
  self = "contract.get", publish = "contract.publish", data_fields = "data_field.list", events = "event.list",
  files = "file.list", parties = "party.list",
}

local function contract_links(base_url, record, template)
  local all = {
    workspace = links.to(base_url, "workspace.get", record.workspace_id),
    template = links.to(base_url, "template.get", record.template_id),
  }
  if template.template_type_id then
    all.template_type = links.to(base_url, "template_type.get", template.template_type_id)
  end
  for name, operation in pairs(LINKED) do all[name] = links.to(base_url, operation, record.id) end
  return all
end

--- A contract as an item of a list, with fewer fields than a single read.
function M.contract_item(viewer, record)
  local template = record.account.templates[record.template_id]
  return {
    _links = contract_links(viewer.base_url, record, template),
    _permissions = {
      ["contract:delete"] = viewer.ownerside and access.may(viewer.actor, "delete", record.workspace_id),
    },
    _private = { name = record.name, value = or_null(record.value), workspace_id = record.workspace_id },
    _private_ownerside = viewer.ownerside and {
      created_time = record.created_time, template_id = record.template_id,
      template_type_id = or_null(template.template_type_id),
    } or nil,
    id = record.id,
    lifecycle_settings = record.lifecycle_settings or { type = "no_duration" },
    lifecycle_state = record.lifecycle_state
      or { lifecycle_state = record.state == "signed" and "active" or "awaiting" },
    parties = all_parties(viewer, record),
    published_time = or_null(record.published_time),
    state = record.state, state_updated_time = or_null(record.state_updated_time),
    tags = tags(record), updated_time = record.updated_time,
  }
end

--- A contract as a single read gives it.
function M.contract(viewer, record, all)
  local template = record.account.templates[record.template_id]
  local folder = record.account.folders[record.folder_id]
  local may = access.may(viewer.actor, "update", record.workspace_id)
  local shape = M.contract_item(viewer, record)
  shape._integration_permissions = array{}
  shape._private.folder = viewer.ownerside and folder and M.folder(folder, may) or null
  shape._private.date_format = "YYYY-MM-DD"
  shape._private.signing_period_expiration = record.signing_period
  shape.attachment_file_groups = array{}
  shape.pdf_file_groups = array{}
  shape.available_options = M.available_options(template)
  shape.data_fields, shape.product_groups = array{}, array{}
  for i, field in ipairs(record.fields) do shape.data_fields[i] = M.data_field(viewer, record, field) end
  for i, group in ipairs(products.groups(all, record)) do
    shape.product_groups[i] = M.product_group(viewer, record, group)
  end
  shape.draft_approval_workflow, shape.pending_approval_workflow = null, null
  shape.links = array{}
  shape.sign_order = record.sign_order
  shape.signing_period_expiry_time = or_null(record.expiry_time)
  return shape
end

return M

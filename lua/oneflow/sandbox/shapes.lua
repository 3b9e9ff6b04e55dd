-- Records -> the service's JSON objects. Where the service sends null, so does this; where it nests
-- (the name under `_private`, the template's id under `_private_ownerside`), so does this.
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local M = {}

local ipairs = ipairs
local format = string.format
local null, array = core.null, core.array

local function or_null(value)
  if value == nil then return null end
  return value
end

local function link(base_url, path, ...)
  return { href = base_url .. format(path, ...) }
end

local function participant(record, person)
  return {
    _permissions = { ["contract:update"] = person.may_update },
    _private_ownerside = {
      created_time = record.created_time, custom_id = or_null(person.custom_id),
      first_visited_time = null, last_visited_time = null, updated_time = null, visits = 0,
    },
    delivery_channel = person.delivery_channel, delivery_status = person.delivery_status,
    email = person.email, id = person.id, identification_number = person.identification_number,
    my_participant = person.mine, name = person.name, organizer = person.organizer,
    phone_number = person.phone_number, sign_method = person.sign_method, sign_state = person.sign_state,
    sign_state_updated_time = or_null(person.sign_state_updated_time), signatory = person.signatory,
    title = person.title, two_step_authentication_method = person.two_step_authentication_method,
  }
end

-- A company has `participants`; an individual is one `participant`, and has no name of its own.
local function party(record, source)
  local shape = {
    _private_ownerside = {
      created_time = record.created_time, custom_id = or_null(source.custom_id), updated_time = null,
    },
    country_code = source.country_code, id = source.id, my_party = source.mine, type = source.type,
  }
  if source.type == "individual" then
    shape.participant = source.people[1] and participant(record, source.people[1]) or null
  else
    shape.name = or_null(source.name)
    shape.identification_number = source.identification_number
    shape.participants = array{}
    for i, person in ipairs(source.people) do shape.participants[i] = participant(record, person) end
  end
  return shape
end

local function data_fields(record, template)
  local list = array{}
  for i, field in ipairs(template.data_fields or {}) do
    list[i] = {
      _private_ownerside = {
        created_time = record.created_time, custom_id = field.custom_id, updated_time = null,
      },
      id = field.id, name = field.name, description = field.description or "",
      placeholder = field.placeholder or "", value = record.values[field.custom_id] or "",
    }
  end
  return list
end

local function tags(record)
  local list = array{}
  for i, id in ipairs(record.tags) do
    list[i] = { id = id, name = record.account.tags[id].name }
  end
  return list
end

local LINKED = { "data_fields", "events", "files", "parties", "publish" }

local function contract_links(base_url, record, template)
  local links = {
    self = link(base_url, "/contracts/%d", record.id),
    workspace = link(base_url, "/workspaces/%d", record.workspace_id),
    template = link(base_url, "/templates/%d", record.template_id),
  }
  if template.template_type_id then
    links.template_type = link(base_url, "/template_types/%d", template.template_type_id)
  end
  for _, name in ipairs(LINKED) do links[name] = link(base_url, "/contracts/%d/%s", record.id, name) end
  return links
end

--- A contract as an item of a list: lighter than a single read.
function M.contract_item(base_url, record, actor)
  local template = record.account.templates[record.template_id]
  local parties = array{}
  for i, source in ipairs(record.parties) do parties[i] = party(record, source) end
  return {
    _links = contract_links(base_url, record, template),
    _permissions = { ["contract:delete"] = access.may(actor, "delete", record.workspace_id) },
    _private = { name = record.name, value = or_null(record.value), workspace_id = record.workspace_id },
    _private_ownerside = {
      created_time = record.created_time, template_id = record.template_id,
      template_type_id = or_null(template.template_type_id),
    },
    id = record.id,
    lifecycle_settings = { type = "no_duration" },
    lifecycle_state = { lifecycle_state = record.state == "signed" and "active" or "awaiting" },
    parties = parties,
    published_time = or_null(record.published_time),
    state = record.state, state_updated_time = or_null(record.state_updated_time),
    tags = tags(record), updated_time = record.updated_time,
  }
end

--- A contract as a single read gives it.
function M.contract(base_url, record, actor)
  local shape = M.contract_item(base_url, record, actor)
  shape._private.folder = null
  shape._private.date_format = "YYYY-MM-DD"
  shape._private.signing_period_expiration = record.signing_period
  shape.attachment_file_groups = array{}
  shape.pdf_file_groups = array{}
  shape.available_options = {
    can_receive_attachments = false, can_receive_expanded_pdf = false, can_receive_products = true,
  }
  shape.data_fields = data_fields(record, record.account.templates[record.template_id])
  shape.links = array{}
  shape.product_groups = array(record.product_groups)
  shape.sign_order = array(record.sign_order)
  shape.signing_period_expiry_time = or_null(record.expiry_time)
  return shape
end

function M.user(base_url, user)
  return {
    _links = { self = link(base_url, "/users/%d", user.id) },
    active = user.active, email = user.email, id = user.id, is_admin = user.is_admin, name = user.name,
    phone_number = user.phone_number, state = "registered", title = user.title,
  }
end

function M.account(base_url, account)
  return {
    _links = { self = link(base_url, "/accounts/me") },
    country_code = account.country_code, created_time = account.created_time, id = account.id,
    name = account.name, registration_number = account.registration_number,
    token_info = { integration = { id = null, key = "custom" } },
    updated_time = account.created_time,
  }
end

function M.welcome()
  return {
    api_version = "v1", description = "The public API of Oneflow, emulated.",
    documentation = "https://developer.oneflow.com/docs/intro", message = "Welcome to the sandbox.",
  }
end

return M

-- Templates, which are read here and made elsewhere, and what is needed to make a contract.
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local answer = require "oneflow.sandbox.answer"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local store = require "oneflow.sandbox.store"
local template_types = require "oneflow.sandbox.template_types"
local M = {}

local ipairs = ipairs
local array, null = core.array, core.null

local function shape_tags(account, ids)
  local list = array{}
  for _, id in ipairs(ids or {}) do
    local tag = account.tags[id]
    if tag then list[#list + 1] = { id = id, name = tag.name } end
  end
  return list
end

local function shape_template(call, template)
  local account, base_url = call.actor.account, call.base_url
  local kind, workspaces, groups = template.template_type, array{}, array{}
  for _, id in ipairs(template.workspaces) do
    if access.may(call.actor, "see", id) then
      workspaces[#workspaces + 1] = { id = id, name = account.workspaces[id].name }
    end
  end
  local viewer = { base_url = base_url, actor = call.actor, ownerside = false }
  for i, group in ipairs(template.product_groups) do groups[i] = shapes.product_group(viewer, account, group) end
  return {
    _links = {
      self = links.to(base_url, "template.get", template.id),
      template_type = kind and links.to(base_url, "template_type.get", kind.id) or { href = null },
    },
    attachment_file_groups = array{}, pdf_file_groups = array{},
    available_options = shapes.available_options(template),
    configuration = {
      default_creator_roles = { _permissions = { ["contract:update"] = true }, organizer = true, signatory = false },
    },
    created_time = template.created_time or account.created_time, id = template.id, name = template.name,
    draft_approval_workflow = null, pending_approval_workflow = null,
    parties = array{}, product_groups = groups, sign_order = array{}, tags = shape_tags(account, template.tags),
    template_active = template.active, template_type = kind and template_types.brief(account, kind) or null,
    updated_time = template.updated_time or account.created_time, workspaces = workspaces,
  }
end

-- Those of the account whose type is as the query asks, in the order of their ids.
local function asked_for(call)
  local asked = query.parameters(query.parse(call.query), call.operation.query)
  local account, found = call.actor.account, {}
  if asked.extension_type and not template_types.is_extension(account, asked.extension_type) then
    answer.refuse_value("extension_type", "Unknown extension type.")
  end
  for _, template in ipairs(store.sorted(account.templates)) do
    local kind = template.template_type
    if (not asked.extension_type or (kind and kind.extension_type == asked.extension_type))
      and (not asked.template_type_id or template.template_type_id == asked.template_type_id) then
      found[#found + 1] = template
    end
  end
  return found
end

local function in_workspaces(template, wanted)
  for _, id in ipairs(template.workspaces) do
    if wanted(id) then return true end
  end
  return false
end

local MAKERS = {
  workspace_ids = function(value)
    local wanted, message = query.ids(value, function(id) return id end)
    return wanted and function(template) return in_workspaces(template, wanted) end, message
  end,
  active = function(value)
    if value == "" then return function() return true end end
    if value ~= "true" and value ~= "false" then return nil, "Must be true, false or empty." end
    return function(template) return template.active == (value == "true") end
  end,
}

M["template.list"] = function(call)
  local seen, any = {}, query.parse(call.query).values["filter[active]"]
  for _, template in ipairs(asked_for(call)) do
    if (any or template.active) and guard.sees_template(call, template) then seen[#seen + 1] = template end
  end
  return lists.answer(call, seen, function(template) return shape_template(call, template) end, MAKERS)
end

M["template.get"] = function(call)
  return shape_template(call, (guard.template(call)))
end

M["helper.contract_create_data"] = function(call)
  local workspaces, templates = array{}, asked_for(call)
  for _, workspace in ipairs(store.sorted(call.actor.account.workspaces)) do
    if access.may(call.actor, "create", workspace.id) then
      local list = array{}
      for _, template in ipairs(templates) do
        if template.active and in_workspaces(template, function(id) return id == workspace.id end) then
          list[#list + 1] = { id = template.id, name = template.name }
        end
      end
      workspaces[#workspaces + 1] = { id = workspace.id, name = workspace.name, templates = list }
    end
  end
  return workspaces
end

return M

-- Template types in answers, and the extensions that they may belong to.
local core = require "oneflow.core"
local links = require "oneflow.sandbox.links"
local M = {}

local ipairs, pairs = ipairs, pairs
local array, null = core.array, core.null

local EXTENSIONS = {}
for _, name in ipairs{
  "adocka", "demo", "dynamics", "google_workspace", "hibob", "hubspot", "intelliplan_employee", "intelliplan_person",
  "intelliplan_sales", "jobylon", "lime", "membrain", "microsoft_365", "paxml", "pipedrive", "salesforce_v1",
} do EXTENSIONS[name] = true end

--- Is this a known extension type of the service, or one of a type of the account?
function M.is_extension(account, name)
  for _, kind in pairs(account.template_types) do
    if kind.extension_type == name then return true end
  end
  return EXTENSIONS[name] == true
end

--- A type as part of a template.
function M.brief(account, kind)
  return {
    id = kind.id, name = kind.name, description = kind.description or "", extension_type = kind.extension_type or null,
    created_time = kind.created_time or account.created_time, updated_time = kind.updated_time or account.created_time,
  }
end

--- The data fields of a type.
function M.fields(base_url, kind)
  local list = array{}
  for i, field in ipairs(kind.data_fields) do
    list[i] = {
      _links = { template_type = links.to(base_url, "template_type.get", kind.id) },
      active = field.active ~= false, custom_id = field.custom_id, description = field.description or "", id = field.id,
      name = field.name, placeholder = field.placeholder or "", source = field.source or "user",
      value = field.value or "",
    }
  end
  return list
end

return M

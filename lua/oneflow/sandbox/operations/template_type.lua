-- Template types and their data fields. Only administrators change what templates have.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local store = require "oneflow.sandbox.store"
local template_types = require "oneflow.sandbox.template_types"
local M = {}

local ipairs, pairs = ipairs, pairs
local format = string.format
local null = core.null

local function shape(call, kind)
  local all = template_types.brief(call.actor.account, kind)
  all._links = { self = links.to(call.base_url, "template_type.get", kind.id) }
  all.active = kind.active
  all.data_fields = template_types.fields(call.base_url, kind)
  return all
end

local function of(call)
  return guard.of(call, call.actor.account.template_types, "template_type")
end

M["template_type.list"] = function(call)
  return lists.answer(call, store.sorted(call.actor.account.template_types), function(kind)
    return shape(call, kind)
  end)
end

M["template_type.get"] = function(call)
  return shape(call, of(call))
end

-- No page says who may create one: here everybody.
M["template_type.create"] = function(call)
  call.assumed = true
  local body, now = guard.body(call), call.store:now()
  local kind = {
    id = call.store:next_id(), name = body.name, description = body.description, active = true, data_fields = {},
    created_time = now, updated_time = now,
  }
  call.actor.account.template_types[kind.id] = kind
  return shape(call, kind)
end

M["template_type.update"] = function(call)
  guard.admin(call, true)
  local kind, body = of(call), guard.body(call)
  kind.name, kind.description = body.name or kind.name, body.description or kind.description
  kind.updated_time = call.store:now()
  return shape(call, kind)
end

M["template_type.delete"] = function(call)
  guard.admin(call, true)
  local account, kind = call.actor.account, of(call)
  for _, template in pairs(account.templates) do
    if template.template_type == kind then
      answer.refuse(409, { detail = "A template has this type.", assumed = true })
    end
  end
  account.template_types[kind.id] = nil
  return {}
end

-- Data fields --------------------------------------------------------------------------------------------------

M["template_type_data_field.list"] = function(call)
  return { data_fields = template_types.fields(call.base_url, of(call)) }
end

-- Replaces the whole set: omitted fields are removed, from the templates too. Existing contracts keep theirs.
M["template_type_data_fields.replace"] = function(call)
  local kind = of(call)
  guard.admin(call)
  local known, fields, problems = {}, {}, {}
  for _, field in ipairs(kind.data_fields) do known[field.custom_id] = field end
  local seen = {}
  for i, source in ipairs(guard.body(call).data_fields) do
    if seen[source.custom_id] then
      check.note(problems, format("data_fields[%d].custom_id", i - 1), "It is that of another data field.")
    end
    seen[source.custom_id] = true
    local before = known[source.custom_id]
    fields[i] = {
      id = before and before.id or call.store:next_id(), source = before and before.source,
      custom_id = source.custom_id, name = source.name, description = source.description,
      placeholder = source.placeholder, value = source.value ~= null and source.value or nil,
    }
  end
  answer.refuse_problems(problems)
  kind.data_fields, kind.updated_time = fields, call.store:now()
  return { data_fields = template_types.fields(call.base_url, kind) }
end

return M

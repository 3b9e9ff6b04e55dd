-- Webhook subscriptions. That only administrators have them is on no page. oneflow.sandbox.webhooks creates the
-- deliveries.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local shapes = require "oneflow.sandbox.shapes"
local webhooks = require "oneflow.sandbox.webhooks"
local M = {}

local ipairs, type = ipairs, type
local format = string.format
local array, null = core.array, core.null

local function shape(webhook)
  return {
    id = webhook.id, callback_url = webhook.callback_url, sign_key = shapes.or_null(webhook.sign_key),
    filters = array(webhook.filters or {}), template_group_id = shapes.or_null(webhook.template_group_id),
    configuration = shapes.or_null(webhook.configuration), integration_instance = null,
    integration_process_id = null, legacy_webhook = false,
  }
end

local function of(call)
  return guard.of(call, call.actor.account.webhooks, "webhook")
end

-- The values of a rule are names of events or ids of workspaces, by its type.
local function check_rules(call, filters, problems)
  for f, filter in ipairs(filters or {}) do
    for r, rule in ipairs(filter.filter_rules) do
      for v, value in ipairs(rule.values) do
        local path = format("filters[%d].filter_rules[%d].values[%d]", f - 1, r - 1, v - 1)
        if rule.type == "EVENT_TYPE" and type(value) ~= "string" then
          check.note(problems, path, "Must be an event type.")
        elseif rule.type == "WORKSPACE" and not call.actor.account.workspaces[value] then
          check.note(problems, path, "No such workspace.")
        end
      end
    end
  end
end

-- Reads a body, and refuses a wrong one. An unknown template type is a 404.
local function checked(call)
  local body, problems = guard.body(call), {}
  check_rules(call, body.filters, problems)
  if body.integration_process_id ~= nil and body.integration_process_id ~= null then
    check.note(problems, "integration_process_id", "It is reserved: null.")
  end
  answer.refuse_problems(problems, true)
  local group = body.template_group_id
  if group and group ~= null and not call.actor.account.template_types[group] then answer.refuse(404) end
  return body
end

M["webhook.list"] = function(call)
  guard.admin(call, true)
  return lists.answer(call, webhooks.list(call.actor.account), shape)
end

M["webhook.create"] = function(call)
  guard.admin(call, true)
  return shape(webhooks.subscribe(call.store, call.actor.account, checked(call)))
end

M["webhook.get"] = function(call)
  guard.admin(call, true)
  return shape(of(call))
end

M["webhook.update"] = function(call)
  guard.admin(call, true)
  local webhook = of(call)
  return shape(webhooks.update(webhook, checked(call)))
end

M["webhook.delete"] = function(call)
  guard.admin(call, true)
  webhooks.remove(call.actor.account, of(call).id)
  return {}
end

return M

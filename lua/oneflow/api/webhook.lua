-- Subscriptions: which events are sent to which address. oneflow.webhook receives them.
local fields = require "oneflow.api.fields"
local list, object = fields.list, fields.object

local webhook = {
  callback_url = { type = "url", min = 1, max = 1000, required = true },
  sign_key = { type = "string", nullable = true },
  template_group_id = { type = "id", nullable = true },
  configuration = { type = "any_object", nullable = true },
  integration_process_id = { type = "id", nullable = true },
  filters = list(object {
    filter_rules = list(object {
      type = { type = "string", enum = { "EVENT_TYPE", "WORKSPACE" }, required = true },
      -- event types, or ids of workspaces
      values = list({ type = "scalar" }, { min = 1, max = 50, required = true }),
    }, { min = 1, max = 2, required = true }),
  }),
}

local read_only = fields.names { "id", "integration_instance", "legacy_webhook", "webhook_id" }

return {
  item = "webhook", collection = "webhooks", id_fields = { "id", "webhook_id" },
  source = "https://developer.oneflow.com/docs/working-with-webhooks",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/webhooks", as = "optional", returns = "webhook",
      answers = "any", pages = true, rows = { "data", "webhooks" }, confidence = "code", named = true,
      summary = "The webhooks, with their sign keys.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/webhooks", as = "optional",
      returns = "webhook", answers = "new", body = webhook, read_only = read_only, confidence = "doc",
      statuses = { 400, 401, 403, 404 },
      summary = "Creates a webhook for an address.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/webhooks/{webhook}", as = "optional",
      returns = "webhook", answers = "same", confidence = "ms",
      summary = "Reads a webhook.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/webhooks/{webhook}", as = "optional",
      returns = "webhook", answers = "same", body = webhook, read_only = read_only, confidence = "ms",
      summary = "Replaces a webhook.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/webhooks/{webhook}", as = "optional",
      returns = "nothing", answers = "any", confidence = "ms",
      summary = "Deletes a webhook.",
    },
  },
}

-- Template types: the sets of data fields that templates share.
local fields = require "oneflow.api.fields"

local template_type = {
  name = { type = "string", min = 1, required = true },
  description = { type = "string" },
}

local read_only = fields.names { "_links", "active", "created_time", "extension_type", "id", "updated_time" }

return {
  item = "template_type", collection = "template_types",
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/docs/configure-template-group-and-webhook",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/template_types", as = "optional",
      returns = "template_type", answers = "any", pages = true, sort = { "name" }, confidence = "doc",
      summary = "The template types.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/template_types", as = "optional",
      returns = "template_type", answers = "new", body = template_type, read_only = read_only, confidence = "doc",
      summary = "Creates a template type without data fields.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/template_types/{template_type}", as = "optional",
      returns = "template_type", answers = "same", confidence = "doc",
      summary = "Reads a template type, with its data fields.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/template_types/{template_type}", as = "unknown",
      returns = "template_type", answers = "same",
      body = fields.optional(template_type), read_only = read_only, confidence = "?", named = true,
      summary = "Changes the given fields.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/template_types/{template_type}", as = "unknown",
      returns = "nothing", answers = "any", confidence = "?", named = true,
      summary = "Deletes a template type.",
    },
  },
}

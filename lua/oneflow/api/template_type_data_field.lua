-- The data fields that a template type gives to its templates. The service has their reading among its helpers.
local fields = require "oneflow.api.fields"

return {
  name = "template_type_data_field", collection = "data_fields", record = "template_type_data_field",
  parents = { "template_type" },
  accessors = { name = { "name" }, custom_id = { "custom_id" }, value = { "value" } },
  source = "https://developer.oneflow.com/docs/configure-template-group-and-webhook",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/helpers/template_types/{template_type}/data_fields",
      as = "optional", returns = "template_type_data_field", answers = "any",
      bare = true, rows = { "data_fields", "data" },
      confidence = "doc",
      summary = "The data fields of the type, without pages.",
    },
    {
      name = "template_type_data_fields.replace",
      verb = "replace", on = "collection", method = "PUT", path = "/template_types/{template_type}/data_fields",
      as = "required", returns = "data", answers = "any",
      body = {
        data_fields = fields.list(fields.object({
          custom_id = { type = "string", min = 1, required = true },
          name = { type = "string", min = 1, required = true },
          description = { type = "string" },
          placeholder = { type = "string" },
          value = { type = "string", max = 1024, nullable = true },
        }, { read_only = fields.names { "_links", "active", "id", "source" } }), { required = true }),
      },
      confidence = "doc",
      summary = "Replaces all data fields: omitted ones are deleted, from the templates too. For administrators.",
    },
  },
}

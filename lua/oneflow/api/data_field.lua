-- The data fields of a contract. A data field is identified by its id, or by its custom id: contract:data_field
-- "c::start_date".
local fields = require "oneflow.api.fields"
local list, object = fields.list, fields.object

local data_field = {
  id = { type = "id" },
  _private_ownerside = fields.custom_id,
  value = { type = "string", max = 1024, nullable = true },
}

local read_only = fields.names {
  "_links", "active", "custom_id", "description", "name", "placeholder", "source",
}

return {
  item = "data_field", collection = "data_fields", parents = { "contract" },
  custom_ids = { { "_private_ownerside", "custom_id" }, { "custom_id" } }, -- both occur
  accessors = {
    name = { "name" },
    value = { "value" },
    custom_id = { "_private_ownerside", "custom_id", otherwise = { "custom_id" } },
  },
  source = "https://developer.oneflow.com/docs/create-a-contract-with-data-fields",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/data_fields", as = "optional",
      returns = "data_field", answers = "any", pages = true, confidence = "code",
      summary = "The data fields with their values.",
    },
    {
      verb = "update", on = "collection", method = "PUT", path = "/contracts/{contract}/data_fields",
      as = "required", returns = "data", answers = "any",
      body = {
        data_fields = list(object(data_field, {
          any_of = { { "id", "_private_ownerside.custom_id" } }, read_only = read_only,
        }), { required = true }),
      },
      confidence = "doc",
      summary = "Changes several at once. For a system field the service answers 200 and changes nothing.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}/data_fields/{data_field}",
      as = "required", returns = "data_field", answers = "same", body = data_field, read_only = read_only,
      confidence = "doc",
      statuses = { 400, 401, 403, 404, 409 },
      summary = "Changes the value: omitted it stays, \"\" or null clears it. Ids in the body must match the path.",
    },
  },
}

-- The address book, one for each workspace.
local fields = require "oneflow.api.fields"

local contact = {
  workspace_id = { type = "id", required = true },
  name = { type = "string" },
  email = { type = "email", nullable = true },
  title = { type = "string", nullable = true },
  phone_number = { type = "phone", nullable = true },
  company_name = { type = "string", nullable = true },
  company_registration_number = { type = "string", nullable = true },
  country_code = { type = "country", nullable = true },
  date_of_birth = { type = "date", nullable = true },
  notes = { type = "string", nullable = true },
}

local read_only = fields.names { "created_time", "id", "updated_time" }

return {
  item = "contact", collection = "contacts",
  accessors = { name = { "name" }, email = { "email" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contacts", as = "unknown", returns = "contact",
      answers = "any", pages = true, query = { workspace_id = { type = "id", required = true } },
      confidence = "code", named = true,
      summary = "The contacts of a workspace.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contacts", as = "unknown", returns = "contact",
      answers = "new", body = contact, read_only = read_only, confidence = "code", named = true,
      summary = "Adds a contact to a workspace.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contacts/{contact}", as = "unknown", returns = "contact",
      answers = "same", confidence = "code", named = true,
      summary = "Reads a contact.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contacts/{contact}", as = "unknown", returns = "contact",
      answers = "same", body = fields.optional(contact), read_only = read_only, confidence = "code", named = true,
      summary = "Changes the given fields.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/contacts/{contact}", as = "unknown",
      returns = "nothing", answers = "any", confidence = "code", named = true,
      summary = "Deletes a contact.",
    },
  },
}

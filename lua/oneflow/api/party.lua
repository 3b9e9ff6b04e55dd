-- The parties of a contract: companies with people, or individuals.
local fields = require "oneflow.api.fields"

return {
  item = "party", collection = "parties", parents = { "contract" },
  accessors = {
    name = { "name", otherwise = { "participant", "name" } }, -- an individual's is the person's
    custom_id = { "_private_ownerside", "custom_id" },
  },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/parties", as = "optional",
      returns = "party", answers = "any", pages = true, confidence = "doc",
      summary = "The parties, including the owner side.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/{contract}/parties", as = "required",
      returns = "party", answers = "new",
      body = fields.party.fields, rules = fields.party, read_only = fields.party.read_only,
      totals = { { of = "participants", max = 40, at = "participants", paths = { "participants.*", "participant" } } },
      source = "https://developer.oneflow.com/docs/create-a-contract-with-counterparties", confidence = "doc",
      summary = "Adds a counterparty: a company with at least one participant, or an individual.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}/parties/{party}", as = "optional",
      returns = "party", answers = "same", confidence = "?", named = true,
      summary = "Reads a party.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}/parties/{party}", as = "required",
      returns = "party", answers = "same",
      body = {
        name = { type = "string", min = 1, max = 100 },
        country_code = { type = "country" },
        identification_number = { type = "string", max = 25 },
        _private_ownerside = fields.custom_id,
      },
      read_only = fields.names { "id", "my_party" },
      confidence = "doc",
      statuses = { 400, 401, 403, 404, 409 },
      summary = "Changes the given fields; only companies have name and number.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/contracts/{contract}/parties/{party}",
      as = "required", returns = "nothing", answers = "any", confidence = "doc",
      statuses = { 400, 401, 403, 404, 409 },
      summary = "Removes a party. The service also answers 200 if the party does not exist.",
    },
  },
}

-- The account's tags. The overview promises making and reading them; the rest is in one client only.
local fields = require "oneflow.api.fields"

local tag = { name = { type = "string", min = 1, required = true } }

return {
  item = "tag", collection = "tags",
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/tags", as = "unknown", returns = "tag",
      answers = "any", pages = true, confidence = "code", named = true,
      summary = "The tags.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/tags", as = "unknown", returns = "tag",
      answers = "new", body = tag, read_only = fields.names { "id" }, confidence = "code", named = true,
      summary = "Creates a tag.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/tags/{tag}", as = "unknown", returns = "tag",
      answers = "same", confidence = "code",
      summary = "Reads a tag.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/tags/{tag}", as = "unknown", returns = "tag",
      answers = "same", body = tag, read_only = fields.names { "id" }, confidence = "code",
      summary = "Renames a tag.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/tags/{tag}", as = "unknown", returns = "nothing",
      answers = "any", confidence = "code",
      summary = "Deletes a tag.",
    },
  },
}

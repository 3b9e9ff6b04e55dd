-- Folders inside workspaces.
local fields = require "oneflow.api.fields"

return {
  item = "folder", collection = "folders",
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/folders", as = "unknown", returns = "folder",
      answers = "any", pages = true, confidence = "code",
      summary = "The folders.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/folders", as = "unknown", returns = "folder",
      answers = "new", body = {
        name = { type = "string", min = 1, required = true },
        workspace_id = { type = "id", required = true },
        parent_id = { type = "id", nullable = true },
      },
      read_only = fields.names { "_permissions", "id", "path" },
      confidence = "code", named = true,
      summary = "Creates a folder in a workspace, or in another folder.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/folders/{folder}", as = "unknown", returns = "folder",
      answers = "same", body = { name = { type = "string", min = 1 }, parent_id = { type = "id", nullable = true } },
      read_only = fields.names { "_permissions", "id", "path" },
      confidence = "code",
      summary = "Renames or moves a folder.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/folders/{folder}", as = "unknown",
      returns = "nothing", answers = "any", confidence = "code",
      summary = "Deletes a folder.",
    },
  },
}

-- Workspaces: made in the web application, read here.
return {
  item = "workspace", collection = "workspaces",
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/workspaces", as = "optional",
      returns = "workspace", answers = "any", pages = true, sort = { "name" },
      filters = { name = { type = "string" }, id = { type = "list", of = "id" } },
      confidence = "doc",
      summary = "The workspaces that the acting user may see.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/workspaces/{workspace}", as = "optional",
      returns = "workspace", answers = "same", confidence = "doc",
      summary = "Reads a workspace.",
    },
  },
}

-- Templates: made in the web application, read here.
return {
  item = "template", collection = "templates",
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/templates", as = "required", returns = "template",
      answers = "any", pages = true, sort = { "name" },
      query = { extension_type = { type = "string" }, template_type_id = { type = "id" } },
      filters = {
        workspace_ids = { type = "list", of = "id" },
        active = { type = "flag" },
      },
      confidence = "doc",
      statuses = { 400, 401 },
      summary = "The templates that the acting user may use; without `filter.active` only active ones.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/templates/{template}", as = "optional",
      returns = "template", answers = "same", confidence = "doc",
      summary = "Reads a template.",
    },
  },
}

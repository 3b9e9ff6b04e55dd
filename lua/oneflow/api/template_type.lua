-- Template types: the sets of data fields that templates share.
return {
  collection = "template_types", record = "template_type",
  accessors = { name = { "name" } },
  operations = {
    {
      verb = "create", on = "collection", method = "POST", path = "/template_types",
      as = "optional", repeatable = false, returns = "template_type",
      body = {
        name = { type = "string", min = 1, required = true },
        description = { type = "string" },
      },
      summary = "Makes a template type without data fields.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
  },
}

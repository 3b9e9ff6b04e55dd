-- What is needed to create a contract, collected by the service. Its other helper is template_type.data_fields:list().
return {
  collection = "helpers", name = "helper",
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "contract_create_data", on = "collection", method = "GET", path = "/helpers/contract_create_data",
      as = "required", returns = "workspace", answers = "any", bare = true,
      query = { extension_type = { type = "string" }, template_type_id = { type = "id" } },
      confidence = "doc",
      summary = "The workspaces in which the acting user may create contracts, each with its `templates`.",
    },
  },
}

-- The account that the token belongs to. There is one, so the item takes no id.
return {
  item = "account", singleton = true,
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "get", on = "item", method = "GET", path = "/accounts/me", as = "none", returns = "account",
      answers = "same", confidence = "doc",
      summary = "The account; `token_info` names the integration that created the token.",
    },
  },
}

-- The account that the token belongs to. There is one, so the item takes no id.
return {
  item = "account", singleton = true,
  accessors = { name = { "name" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "get", on = "item", method = "GET", path = "/accounts/me", as = "none", returns = "account",
      answers = "same", confidence = "doc",
      summary = "The account, and in `token_info` which integration made the token.",
    },
  },
}

-- The account that the token belongs to. There is one, so the item takes no id.
return {
  item = "account", singleton = true,
  accessors = { name = { "name" } },
  operations = {
    {
      verb = "get", on = "item", method = "GET", path = "/accounts/me",
      as = "none", repeatable = true, returns = "account",
      summary = "The account, and in `token_info` which integration made the token.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
  },
}

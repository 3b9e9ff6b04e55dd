-- The account's users. `client:user(x)` makes a view and does no I/O; the records are found here.
return {
  collection = "users", record = "user",
  accessors = { email = { "email" }, name = { "name" }, active = { "active" } },
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/users",
      as = "optional", repeatable = true, returns = "user", pages = true,
      summary = "The users of the account.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
  },
}

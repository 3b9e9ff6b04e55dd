-- The account's users. `client:user(x)` makes a user object and does no I/O; these operations return user records.
return {
  collection = "users", record = "user",
  accessors = { email = { "email" }, name = { "name" }, active = { "active" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/users", as = "optional", returns = "user",
      answers = "any", pages = true, confidence = "doc",
      summary = "The users of the account.",
    },
    {
      verb = "get", on = "collection", method = "GET", path = "/users/{user}", as = "unknown", returns = "user",
      answers = "same", confidence = "code",
      summary = "Reads a user record by id. The records of the list link to it.",
    },
  },
}

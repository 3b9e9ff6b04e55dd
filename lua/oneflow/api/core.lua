-- Operations of the service itself: no contract, no account data.
return {
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "root", on = "client", method = "GET", path = "/", as = "none", returns = "data", answers = "any",
      confidence = "doc",
      summary = "The service's welcome object: API version, description, documentation address.",
    },
    {
      verb = "ping", on = "client", method = "GET", path = "/ping", as = "none", returns = "nothing", answers = "any",
      confidence = "doc",
      statuses = { 401 },
      summary = "Tests the token; through a user, token and acting user.",
    },
  },
}

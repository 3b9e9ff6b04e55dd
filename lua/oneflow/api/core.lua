-- Operations of the service itself: no contract, no account data.
return {
  item = nil,
  operations = {
    {
      verb = "root", on = "client", method = "GET", path = "/",
      as = "none", repeatable = true, returns = "data",
      summary = "The service's welcome object: API version, description, documentation address.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
    {
      verb = "ping", on = "client", method = "GET", path = "/ping",
      as = "none", repeatable = true, returns = "nothing",
      summary = "Tests the token; through a view, token and acting user.",
      source = "https://developer.oneflow.com/docs/getting-started", confidence = "doc",
    },
  },
}

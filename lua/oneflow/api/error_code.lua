-- What an error's code means. The address is the `type` of every error.
return {
  item = "error_code",
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "get", on = "item", method = "GET", path = "/error_codes/{error_code}", as = "unknown",
      returns = "error_code", answers = "any", confidence = "?", named = true,
      summary = "The meaning of an error code.",
    },
  },
}

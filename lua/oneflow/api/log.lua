-- The account's log. Seen in one client only.
return {
  collection = "logs", record = "log",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/logs", as = "unknown", returns = "log",
      answers = "any", pages = true, confidence = "code",
      summary = "The log entries.",
    },
  },
}

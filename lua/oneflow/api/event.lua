-- What happened to a contract.
return {
  item = "event", collection = "events", parents = { "contract" },
  accessors = { type = { "type" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/events", as = "optional",
      returns = "event", answers = "any", pages = true, sort = { "created_time", "id", "type" },
      fixed = { created_time = true, id = true, type = true }, confidence = "doc",
      summary = "The events.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}/events/{event}", as = "optional",
      returns = "event", answers = "same", confidence = "doc",
      summary = "Reads an event, with the person who caused it.",
    },
  },
}

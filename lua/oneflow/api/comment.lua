-- Comments on a contract. The overview names the operations; paths and field names are inferred from the model.
return {
  collection = "comments", record = "comment", parents = { "contract" },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/comments", as = "unknown",
      returns = "comment", answers = "any", pages = true, confidence = "?", named = true,
      summary = "The comments.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/{contract}/comments", as = "unknown",
      returns = "comment", answers = "new",
      body = {
        body = { type = "string", min = 1, required = true },
        private = { type = "boolean" },
        parent_id = { type = "id", nullable = true },
        recipients = { type = "list", of = { type = "any" } },
      },
      confidence = "?", named = true,
      summary = "Writes a comment; with `parent_id` as a reply to a top-level comment.",
    },
  },
}

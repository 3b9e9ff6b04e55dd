-- The files of a template.
return {
  name = "template_file", item = "file", parents = { "template" },
  accessors = { name = { "name" }, type = { "type" }, extension = { "extension" } },
  operations = {
    {
      verb = "get", on = "item", method = "GET", path = "/templates/{template}/files/{file}", as = "unknown",
      returns = "template_file", answers = "same",
      download = true, -- as for the files of a contract
      confidence = "code",
      summary = "The file's record. For its bytes: `download { to = path }`, `{ sink = function }`, or as a string.",
    },
  },
}

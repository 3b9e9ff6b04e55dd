-- Internal reminders to the owner side's people. The overview names the operations; the path is inferred.
return {
  collection = "reminders", record = "reminder", parents = { "contract" },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/reminders", as = "unknown",
      returns = "reminder", answers = "any", pages = true, confidence = "?", named = true,
      summary = "The reminders.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/{contract}/reminders", as = "required",
      returns = "reminder", answers = "new",
      body = {
        date_time = { type = "time", required = true },
        subject = { type = "string", min = 1, max = 150, required = true },
        message = { type = "string", min = 1, max = 5000, required = true },
        reminder_recipients = { type = "list", of = { type = "any" }, min = 1, required = true },
      },
      confidence = "?", named = true,
      statuses = { 400, 401, 403, 404 },
      summary = "Reminds users of the owner side who participate, at a future time.",
    },
  },
}

-- The people of a party. A contract names them too, for what needs no party.
local fields = require "oneflow.api.fields"

return {
  item = "participant", collection = "participants", parents = { "party", "contract" },
  accessors = {
    name = { "name" },
    email = { "email" },
    custom_id = { "_private_ownerside", "custom_id" },
    signatory = { "signatory" },
    sign_state = { "sign_state" },
    signed_at = { "sign_state_updated_time", when = { sign_state = "signed" } },
  },
  source = "https://developer.oneflow.com/docs/participant",
  operations = {
    {
      verb = "create", on = "collection", method = "POST",
      path = "/contracts/{contract}/parties/{party}/participants", as = "required", returns = "participant",
      answers = "new", body = fields.participant.fields, rules = fields.participant,
      read_only = fields.participant.read_only,
      source = "https://developer.oneflow.com/docs/add-a-new-participant-to-a-party", confidence = "doc",
      statuses = { 400, 401, 404, 409 },
      summary = "Adds a person to a party; to the owner side through the party whose `my_party` is true.",
    },
    {
      verb = "update", on = "item", method = "PUT",
      path = "/contracts/{contract}/parties/{party}/participants/{participant}", as = "required",
      returns = "participant", answers = "same", body = fields.participant_changes,
      read_only = fields.participant_changes_read_only, confidence = "doc",
      summary = "Changes the given fields. The e-mail address of the owner side's people cannot change.",
    },
    {
      verb = "delete", on = "item", method = "DELETE",
      path = "/contracts/{contract}/parties/{party}/participants/{participant}", as = "unknown",
      returns = "nothing", answers = "any", confidence = "?",
      summary = "Removes a person.",
    },
    {
      verb = "access_link", on = "item", method = "POST",
      path = "/contracts/{contract}/participants/{participant}/access_link", as = "optional", returns = "data",
      answers = "any", confidence = "doc",
      summary = "Creates `{ access_link = url }`, valid for 6 hours; for people of the counterparty.",
    },
  },
}

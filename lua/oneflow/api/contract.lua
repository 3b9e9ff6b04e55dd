-- Contracts.
local fields = require "oneflow.api.fields"
local list, object = fields.list, fields.object

return {
  item = "contract", collection = "contracts",
  accessors = {
    name = { "_private", "name" },
    state = { "state" },
    template_id = { "_private_ownerside", "template_id" },
    workspace_id = { "_private", "workspace_id" },
    value = { "_private", "value" },
    created_time = { "_private_ownerside", "created_time" },
    published_time = { "published_time" },
    lifecycle_state = { "lifecycle_state", "lifecycle_state" },
  },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts", as = "optional", returns = "contract",
      answers = "any", pages = true,
      sort = { "name", "state", "state_updated_time", "published_time" },
      filters = {
        states = {
          type = "list", of = "string", open = true, enum = { "draft", "pending", "overdue", "signed", "declined" },
        },
        name = { type = "string" },
        query = { type = "string" },
        published_time = { type = "time_range", max = 60 },
        created_time = { type = "time_range", max = 60, confidence = "?" }, -- on the page, but not by its name
        data_field_match = { type = "custom_id_value", max = 600 },
      },
      slices = {
        { filter = "published_time", at = { "published_time" } },
        { filter = "created_time", at = { "_private_ownerside", "created_time" } },
      },
      confidence = "doc",
      summary = "The contracts that the acting user may see; each item is partial.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}", as = "optional",
      returns = "contract", answers = "same", confidence = "doc",
      statuses = { 400, 401, 404 },
      summary = "Reads a contract, with all fields.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/create", as = "required",
      returns = "contract", answers = "new",
      body = {
        workspace_id = { type = "id", required = true },
        template_id = { type = "id", required = true },
        name = fields.name,
        folder_id = { type = "id" },
        value = fields.money,
        data_fields = list(object {
          custom_id = { type = "string", required = true },
          value = { type = "string", max = 1024, required = true, nullable = true },
        }),
        my_party = fields.my_party,
        parties = list(fields.party, { max = 40 }),
        product_groups = fields.product_groups,
        tags = fields.tags,
      },
      totals = {
        { of = "participants", max = 40, at = "parties",
          paths = { "my_party.participants.*", "parties.*.participants.*", "parties.*.participant" } },
        { of = "products", max = 150, at = "product_groups", paths = { "product_groups.*.products.*" } },
      },
      source = "https://developer.oneflow.com/docs/create-a-contract", confidence = "doc",
      statuses = { 400, 403, 404, 409 },
      summary = "Creates a draft from a template. There is no idempotency key: sent twice, it creates two contracts.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}", as = "required",
      returns = "contract", answers = "same",
      body = {
        _private = object({
          name = fields.name,
          value = fields.money,
          signing_period_expiration = object({
            type = { type = "string", enum = { "never", "days_after_publish", "fixed_date" }, required = true },
            expire_days_after_publish = { type = "integer", min = 1 },
            expire_date = { type = "date" },
          }, {
            requires = {
              { when = { type = { "days_after_publish" } }, needs = { "expire_days_after_publish" } },
              { when = { type = { "fixed_date" } }, needs = { "expire_date" } },
            },
          }),
        }, { read_only = fields.names { "date_format", "folder", "workspace_id" } }),
        sign_order = list(object {
          participant_id = { type = "id", required = true },
          order = { type = "integer", min = 1, required = true }, -- the same number: the same turn
        }, { nullable = true }),
        tags = fields.tags,
      },
      -- Without the fields that other operations change, and those that a caller might try to change: parties, state,
      -- ...
      read_only = fields.names {
        "_integration_permissions", "_links", "_permissions", "_private_ownerside", "attachment_file_groups",
        "available_options", "id", "links", "pdf_file_groups", "published_time", "signing_period_expiry_time",
        "state_updated_time", "updated_time",
      },
      confidence = "doc",
      statuses = { 400, 401, 403, 404, 409 },
      summary = "Changes the given fields. `tags` replaces all tags, `sign_order` names every participant.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/contracts/{contract}", as = "required",
      returns = "nothing", answers = "any", confidence = "doc",
      statuses = { 400, 401 },
      summary = "Deletes the contract permanently. The service also answers 200 if it does not exist.",
    },
    {
      verb = "publish", on = "item", method = "POST", path = "/contracts/{contract}/publish", as = "required",
      returns = "contract", answers = "same", undone = { state = "draft" }, confirm = "contract.get",
      body = {
        subject = { type = "string" },
        message = { type = "string" },
      },
      confidence = "doc",
      statuses = { 400, 401, 402, 403, 404, 409 },
      summary = "Publishes a draft: sends the invitations. Not on the free plan.",
    },
    {
      verb = "copy", on = "item", method = "POST", path = "/contracts/{contract}/copy", as = "unknown",
      returns = "contract", answers = "new",
      body = { workspace_id = { type = "id", required = true }, folder_id = { type = "id" }, name = fields.name },
      confidence = "code",
      summary = "Copies the contract; returns the copy.",
    },
    {
      verb = "move", on = "item", method = "POST", path = "/contracts/{contract}/move", as = "unknown",
      returns = "contract", answers = "same",
      body = { workspace_id = { type = "id", required = true }, folder_id = { type = "id", nullable = true } },
      confidence = "code",
      summary = "Moves the contract to another workspace or folder.",
    },
    {
      verb = "decline", on = "item", method = "POST", path = "/contracts/{contract}/decline", as = "unknown",
      returns = "contract", answers = "same", confidence = "code",
      summary = "Declines the contract.",
    },
    {
      verb = "mark_as_signed", on = "item", method = "POST", path = "/contracts/{contract}/mark_as_signed",
      as = "unknown", returns = "contract", answers = "same", confidence = "?",
      summary = "Marks the contract as signed. Seen in one client, which is unfinished.",
    },
  },
}

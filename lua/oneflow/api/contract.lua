-- Contracts: the reason for all the rest.
local money = {
  type = "object", nullable = true, fields = {
    amount = { type = "decimal", required = true },
    currency = { type = "string", min = 3, max = 3, required = true },
  },
}

local tags = {
  type = "list", of = {
    type = "object", fields = {
      id = { type = "id" },
      name = { type = "string" },
    },
  },
}

local participant = {
  type = "object", fields = {
    name = { type = "string", min = 1, max = 100, required = true },
    delivery_channel = {
      type = "string", required = true,
      enum = { "email", "sms", "same_device", "none", "email_and_sms" },
    },
    email = { type = "string", nullable = true },
    phone_number = { type = "string", nullable = true },
    identification_number = { type = "string", max = 25 },
    title = { type = "string", max = 100 },
    signatory = { type = "boolean" },
    organizer = { type = "boolean" },
    sign_method = {
      type = "string",
      enum = { "standard_esign", "sms", "swedish_bankid", "norwegian_bankid", "danish_nemid",
               "finnish_bankid", "handwritten_signature", "eid_sign" },
    },
    two_step_authentication_method = { type = "string", enum = { "none", "email", "sms" } },
    _permissions = { type = "any_object" },
    _options = { type = "any_object" },
    _private_ownerside = { type = "any_object" },
  },
}

-- The owner side's people: the service fills in what a template's roles say, so less is required.
local my_participant = { type = "object", fields = {} }
for name, field in pairs(participant.fields) do
  local copy = {}
  for key, value in pairs(field) do copy[key] = value end
  copy.required = nil
  my_participant.fields[name] = copy
end

local party = {
  type = "object", fields = {
    type = { type = "string", enum = { "company", "individual" }, required = true },
    name = { type = "string", min = 1, max = 100 },
    country_code = { type = "string", max = 2, nullable = true },
    identification_number = { type = "string", max = 25 },
    participants = { type = "list", of = participant },
    participant = participant,
    _private_ownerside = { type = "any_object" },
  },
}

return {
  item = "contract", collection = "contracts",
  accessors = {
    name = { "_private", "name" },
    state = { "state" },
    template_id = { "_private_ownerside", "template_id" },
    workspace_id = { "_private", "workspace_id" },
    value = { "_private", "value" },
  },
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts",
      as = "optional", repeatable = true, returns = "contract", pages = true,
      sort = { "name", "state", "state_updated_time", "published_time" },
      filters = {
        states = { type = "list", of = "string", enum = { "draft", "pending", "overdue", "signed", "declined" } },
        name = { type = "string" },
        query = { type = "string" },
        published_time = { type = "time_range", max = 60 },
        data_field_match = { type = "custom_id_value", max = 600 },
      },
      summary = "The contracts that the acting user may see; each item is partial.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}",
      as = "optional", repeatable = true, returns = "contract",
      summary = "One contract, whole.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/create",
      as = "required", repeatable = false, returns = "contract",
      body = {
        workspace_id = { type = "id", required = true },
        template_id = { type = "id", required = true },
        name = { type = "string", max = 130 },
        folder_id = { type = "id" },
        value = money,
        data_fields = {
          type = "list", of = {
            type = "object", fields = {
              custom_id = { type = "string", required = true },
              value = { type = "string", max = 1024, required = true, nullable = true },
            },
          },
        },
        my_party = {
          type = "object", fields = {
            name = { type = "string", max = 100 },
            country_code = { type = "string", max = 2, nullable = true },
            identification_number = { type = "string", max = 25 },
            participants = { type = "list", of = my_participant },
            _private_ownerside = { type = "any_object" },
          },
        },
        parties = { type = "list", max = 40, of = party },
        product_groups = { type = "list", of = { type = "any_object" } },
        tags = tags,
      },
      summary = "Makes a draft from a template. There is no idempotency key: sent twice makes two contracts.",
      source = "https://developer.oneflow.com/docs/create-a-contract", confidence = "doc",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}",
      as = "required", repeatable = true, returns = "contract",
      body = {
        _private = {
          type = "object", fields = {
            name = { type = "string", max = 130 },
            value = money,
            signing_period_expiration = {
              type = "object", fields = {
                type = { type = "string", enum = { "never", "days_after_publish", "fixed_date" }, required = true },
                expire_days_after_publish = { type = "integer", min = 1 },
                expire_date = { type = "date" },
              },
            },
          },
        },
        sign_order = { type = "list", of = { type = "any" }, nullable = true },
        tags = tags,
      },
      summary = "Changes what is given. `tags` is the full set to keep.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/contracts/{contract}",
      as = "required", repeatable = true, returns = "nothing",
      summary = "Deletes for good. The service answers 200 also for a contract that is not there.",
      source = "https://developer.oneflow.com/docs/endpoints", confidence = "doc",
    },
    {
      verb = "publish", on = "item", method = "POST", path = "/contracts/{contract}/publish",
      as = "required", repeatable = false, returns = "contract",
      body = {
        subject = { type = "string" },
        message = { type = "string" },
      },
      summary = "Sends the invitations. Only from state draft; not on the free plan.",
      source = "https://developer.oneflow.com/docs/publish-a-contract", confidence = "doc",
    },
  },
}

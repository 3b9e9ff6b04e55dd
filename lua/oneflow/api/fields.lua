-- Fields that several operations share: people, parties, products, money. Data only; `object` and `list` are
-- shorthands.
local M = {}

local ipairs, pairs = ipairs, pairs

local function object(fields, more)
  local field = { type = "object", fields = fields }
  for name, value in pairs(more or {}) do field[name] = value end
  return field
end

local function list(of, more)
  local field = { type = "list", of = of }
  for name, value in pairs(more or {}) do field[name] = value end
  return field
end

-- The names of fields that the service sends but does not accept, as a set: see `read_only` in oneflow.api.
local function names(list_of, more)
  local all = {}
  for _, name in ipairs(list_of) do all[name] = true end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

-- The same fields, none required: for updates, and for fields that the service fills in by itself.
local function optional(fields)
  local all = {}
  for name, field in pairs(fields) do
    all[name] = field
    if field.required then
      all[name] = {}
      for key, value in pairs(field) do all[name][key] = value end
      all[name].required = nil
    end
  end
  return all
end

M.object, M.list, M.names, M.optional = object, list, names, optional

M.name = { type = "string", max = 130 }

-- Fields that only the owner side sees; for a person also the state of the invitation.
M.custom_id = object({ custom_id = { type = "string", nullable = true } }, {
  nullable = "?",
  read_only = names { "created_time", "updated_time", "first_visited_time", "last_visited_time", "visits" },
})

M.money = object({
  amount = { type = "decimal", required = true },
  currency = { type = "string", min = 3, max = 3, required = true },
}, { nullable = true })

M.tags = list(object { id = { type = "id" }, name = { type = "string" } })

-- ---- people ----------------------------------------------------------------------------------------------------

local participant = {
  name = { type = "string", min = 1, max = 100, required = true },
  delivery_channel = {
    type = "string", required = true, open = true, enum = { "email", "sms", "same_device", "none", "email_and_sms" },
  },
  email = { type = "email" },
  phone_number = { type = "phone", nullable = true },
  identification_number = { type = "string", max = 25 },
  title = { type = "string", max = 100 },
  signatory = { type = "boolean" },
  organizer = { type = "boolean" },
  sign_method = {
    type = "string", open = true,
    enum = { "standard_esign", "sms", "swedish_bankid", "norwegian_bankid", "danish_nemid", "finnish_bankid",
             "handwritten_signature", "eid_sign" },
  },
  two_step_authentication_method = { type = "string", open = true, enum = { "none", "email", "sms" } },
  _permissions = object { ["contract:update"] = { type = "boolean" } },
  _options = { type = "any_object" },
  _private_ownerside = M.custom_id,
}

-- Which fields a person needs depends on how the person is reached, and how the person signs.
local reachable = {
  { when = { delivery_channel = { "email", "email_and_sms" } }, needs = { "email" } },
  { when = { delivery_channel = { "sms", "email_and_sms" } }, needs = { "phone_number" } },
  { when = { two_step_authentication_method = { "email" } }, needs = { "email" } },
  { when = { two_step_authentication_method = { "sms" } }, needs = { "phone_number" } },
  { when = { sign_method = { "sms" } }, needs = { "phone_number" } },
}
-- The connector's page says so, but there are integrations that omit it.
local signing = { { when = { signatory = { true } }, needs = { "sign_method" }, confidence = "?" } }
for i, rule in ipairs(reachable) do signing[i + 1] = rule end

local participant_read_only = names {
  "id", "delivery_status", "draft_approver", "my_participant", "pending_approver", "sign_state",
  "sign_state_updated_time",
}

M.participant = object(participant, { requires = signing, read_only = participant_read_only })

-- People of the owner side: the service fills in what the template's roles define, so less is required.
local my_participant = object(optional(participant), { read_only = participant_read_only })

-- For PUT: omitted fields stay unchanged, so nothing can be required. `organizer` cannot be changed.
M.participant_changes = optional(participant)
M.participant_changes.organizer = nil
M.participant_changes_read_only = names({ "organizer" }, participant_read_only)

-- A party of the owner side cannot be created again as a counterparty.
local company_or_individual = {
  read_only = names({ "id" }, { my_party = false }),
  requires = {
    { when = { type = { "company" } }, needs = { "name", "participants" } },
    { when = { type = { "individual" } }, needs = { "participant" } },
  },
  forbids = {
    { when = { type = { "company" } }, names = { "participant" }, because = "a company has a list, `participants`" },
    { when = { type = { "individual" } }, names = { "participants" },
      because = "an individual is one person, `participant`" },
  },
}

M.party = object({
  type = { type = "string", enum = { "company", "individual" }, required = true },
  name = { type = "string", min = 1, max = 100 },
  country_code = { type = "country" },
  identification_number = { type = "string", max = 25 },
  participants = list(M.participant, { min = 1 }),
  participant = M.participant,
  _private_ownerside = M.custom_id,
}, company_or_individual)

M.my_party = object({
  name = { type = "string", max = 100 },
  country_code = { type = "country" },
  identification_number = { type = "string", max = 25 },
  creator_inherit_settings_from_template = { type = "boolean" },
  participants = list(my_participant),
  _private_ownerside = M.custom_id,
}, { read_only = names({ "id" }, { my_party = true, type = "company" }) })

-- ---- products --------------------------------------------------------------------------------------------------

local amount = { amount = { type = "decimal", required = true } }

local price = object({
  base_amount = object(amount),
  amount = object(amount),
  discount_amount = object(amount, { nullable = true }), -- one of the two discounts is null, 0 or missing
  discount_percent = { type = "number_text", nullable = true },
}, { nullable = "?", exclusive = { { "discount_amount", "discount_percent" } } })

M.product = {
  name = { type = "string" },
  description = { type = "string" },
  price_1 = price,
  price_2 = price,
  quantity = object({
    amount = { type = "number_text" },
    type = { type = "string", enum = { "quantity", "multiple_choice", "single_choice" } },
  }, {
    restricts = { { when = { type = { "multiple_choice", "single_choice" } }, name = "amount", enum = { 0, 1 } } },
  }),
  counterparty_lock = { type = "boolean" },
  _private_ownerside = M.custom_id,
}

M.product_read_only = names { "id" }

local listed_product = { id = { type = "id" } }
for name, field in pairs(M.product) do listed_product[name] = field end

M.product_group = {
  configuration = object {
    columns = list(object {
      enabled = { type = "boolean" },
      key = {
        type = "string", required = true, open = true, enum = { "name", "description", "price_1", "price_2", "count" },
      },
      label = { type = "string" },
    }),
    counterpart_edit = { type = "boolean" },
    hide_price_summation = { type = "boolean" },
    name = object { enabled = { type = "boolean" }, label = { type = "string" } },
    tax_1 = { type = "any_object", nullable = "?" }, -- the tax column: `label`, and what no page shows
    price_affixes = object { prefix = { type = "string" }, postfix = { type = "string" } },
    price_precision = { type = "integer", min = 0, max = 4 },
    quantity_precision = { type = "integer", min = 0, max = 4 },
  },
  products = list(object(listed_product), {
    max = 150,
    at_most = { { where = { ["quantity.type"] = "single_choice", ["quantity.amount"] = 1 }, max = 1,
                  because = "of the single_choice products of a group one may be chosen" } },
  }),
}

M.product_group_read_only = names { "_private_ownerside", "created_from", "enabled_columns", "id" }

local listed_group = { id = { type = "id" } }
for name, field in pairs(M.product_group) do listed_group[name] = field end
M.product_groups = list(object(listed_group, {
  read_only = names { "_private_ownerside", "created_from", "enabled_columns" },
}))

return M

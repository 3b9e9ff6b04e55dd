-- Builds the parts of the bodies that create contracts: participants, parties, data fields, products. Each result is a
-- plain table, which may be read and changed; it is checked when it is sent, against the endpoint table. Names are the
-- service's own. In addition, `custom_id` may be used instead of `_private_ownerside.custom_id`, and the items of a
-- part's only list are written by position: build.company{ name = "Acme", build.signatory{...} }.
local ascii = require "oneflow.base.ascii"
local usage = require "oneflow.errors.usage"

local format = string.format
local ipairs, next, pairs, sort, type = ipairs, next, pairs, table.sort, type

local M = {}

-- A copy of the named fields, with defaults for missing ones; the positional items separately.
local function read(what, given, defaults)
  if type(given) ~= "table" then
    usage.raise(format("build.%s: a table of fields expected, got %s", what, type(given)))
  end
  local fields, items = {}, {}
  for name, value in next, given do
    if type(name) == "string" then fields[name] = value end
  end
  for i, item in ipairs(given) do items[i] = item end
  for name, value in pairs(defaults or {}) do
    if fields[name] == nil then fields[name] = value end
  end
  if fields.custom_id ~= nil then
    local private = {}
    for name, value in pairs(fields._private_ownerside or {}) do private[name] = value end
    private.custom_id, fields.custom_id = fields.custom_id, nil
    fields._private_ownerside = private
  end
  return fields, items
end

-- The positional items as the field `name`.
local function with_items(what, name, fields, items)
  if #items == 0 then return fields end
  if fields[name] ~= nil then
    usage.raise(format("build.%s: %s both by name and by position", what, name))
  end
  fields[name] = items
  return fields
end

-- ---- people ----------------------------------------------------------------------------------------------------

local ROLES = {
  signatory = { signatory = true, update = true, sign_method = "standard_esign", delivery_channel = "email" },
  influencer = { signatory = false, update = true, delivery_channel = "email" },
  viewer = { signatory = false, update = false, delivery_channel = "email" },
  -- for the owner side, where the template says how people are reached
  organizer = { organizer = true, update = true },
}

local function participant(role, given)
  local defaults = {}
  for name, value in pairs(ROLES[role]) do defaults[name] = value end
  defaults._permissions, defaults.update = { ["contract:update"] = defaults.update }, nil
  local fields, items = read(role, given, defaults)
  if #items > 0 then usage.raise(format("build.%s: named fields expected", role)) end
  return fields
end

---A signatory; by default with a standard e-signature, reached by e-mail.
---@param fields table  name, email, phone_number, sign_method, delivery_channel, title, custom_id ...
---@return table participant
function M.signatory(fields) return participant("signatory", fields) end

---Somebody who may change the contract and does not sign; by default reached by e-mail.
---@param fields table
---@return table participant
function M.influencer(fields) return participant("influencer", fields) end

---A viewer; by default reached by e-mail.
---@param fields table
---@return table participant
function M.viewer(fields) return participant("viewer", fields) end

---An organizer of the owner side; with `signatory = true` one who also signs.
---@param fields table
---@return table participant
function M.organizer(fields) return participant("organizer", fields) end

---A company as a counterparty.
---@param fields table  name, country_code, identification_number, custom_id; and its people, by position
---@return table party
function M.company(fields)
  local party, people = read("company", fields, { type = "company" })
  return with_items("company", "participants", party, people)
end

---An individual as a counterparty: the party is one person.
---@param fields table  country_code, custom_id; and the person, by position
---@return table party
function M.individual(fields)
  local party, people = read("individual", fields, { type = "individual" })
  if #people > 1 then usage.raise("build.individual: one person expected, got " .. #people) end
  if people[1] then
    if party.participant ~= nil then usage.raise("build.individual: participant both by name and by position") end
    party.participant = people[1]
  end
  return party
end

---The owner side.
---@param fields table  name, country_code, identification_number, custom_id; and its people, by position
---@return table my_party
function M.my_party(fields)
  local party, people = read("my_party", fields)
  return with_items("my_party", "participants", party, people)
end

-- ---- data fields -----------------------------------------------------------------------------------------------

local function each_value(what, values, make)
  if type(values) ~= "table" then
    usage.raise(format("build.%s: { custom_id = value } expected, got %s", what, type(values)))
  end
  local names, list = {}, {}
  for name in next, values do
    if type(name) ~= "string" then usage.raise(format("build.%s: custom ids as names expected", what)) end
    names[#names + 1] = name
  end
  sort(names, ascii.before)
  for i, name in ipairs(names) do list[i] = make(name, values[name]) end
  return list
end

---The `data_fields` for creating a contract.
---@param values table<string, string>  custom id -> value
---@return table[] data_fields
function M.data_fields(values)
  return each_value("data_fields", values, function(custom_id, value)
    return { custom_id = custom_id, value = value }
  end)
end

---The `data_fields` for contract.data_fields:update{}, for which the service requires another form.
---@param values table<string, string>  custom id -> value; oneflow.null or "" clears it
---@return table[] data_fields
function M.data_field_changes(values)
  return each_value("data_field_changes", values, function(custom_id, value)
    return { _private_ownerside = { custom_id = custom_id }, value = value }
  end)
end

-- ---- products --------------------------------------------------------------------------------------------------

---A product. A price may be a decimal string, its amount before any discount; a quantity a number or decimal string.
---@param fields table  name, description, price_1, price_2, quantity, counterparty_lock, custom_id
---@return table product
function M.product(fields)
  local product, items = read("product", fields)
  if #items > 0 then usage.raise("build.product: named fields expected") end
  for _, name in ipairs { "price_1", "price_2" } do
    if type(product[name]) == "string" then product[name] = { base_amount = { amount = product[name] } } end
  end
  if type(product.quantity) == "string" or type(product.quantity) == "number" then
    product.quantity = { type = "quantity", amount = product.quantity }
  end
  return product
end

---A group of products; `id` may be omitted if the template has one table.
---@param fields table  id, configuration; and its products, by position
---@return table product_group
function M.product_group(fields)
  local group, products = read("product_group", fields)
  return with_items("product_group", "products", group, products)
end

return M

-- Product tables: groups of products, from templates and bodies. Amounts are decimal strings; prices are computed here.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local money = require "oneflow.money"
local M = {}

local ipairs, pairs, type = ipairs, pairs, type
local format, match, rep, sub = string.format, string.match, string.rep, string.sub
local abs, max = math.abs, math.max
local null = core.null

local COLUMNS = { "name", "description", "price_1", "price_2", "count" }

local function copy(value)
  if type(value) ~= "table" then return value end
  local new = {}
  for key, item in pairs(value) do new[key] = copy(item) end
  return #value > 0 and core.array(new) or new
end

local function configuration(given)
  local columns = core.array{}
  for i, key in ipairs(COLUMNS) do columns[i] = { enabled = true, key = key, label = "" } end
  local all = {
    columns = columns, counterpart_edit = false, hide_price_summation = false, name = { enabled = true, label = "" },
    price_affixes = { prefix = "", postfix = "" }, price_precision = 2, quantity_precision = 0,
  }
  for name, value in pairs(given or {}) do all[name] = copy(value) end
  return all
end

local function decimals(text)
  return #(match(text, "%.(%d*)$") or "")
end

-- A number with this many digits after the point, in any locale.
local function with_decimals(number, places)
  local digits = format("%.0f", abs(number) * 10 ^ places)
  digits = rep("0", places + 1 - #digits) .. digits
  return (number < 0 and "-" or "") .. sub(digits, 1, -places - 1) .. "." .. sub(digits, -places)
end

local function said(value)
  if value ~= null then return value end
end

-- Base amount and discount -> amount; of the two discounts the other is null, 0 or left out. Where a percentage is
-- taken it is rounded, to two decimals or what the base has.
local function net(price)
  local base = price.base_amount and price.base_amount.amount
  if not base then return price.amount and price.amount.amount end
  local discount, percent = said(price.discount_amount), said(price.discount_percent)
  if discount and ascii.number(discount.amount) ~= 0 then
    return (money.subtract(base, discount.amount))
  elseif percent and ascii.number(percent) ~= 0 then
    local places = max(decimals(base), 2)
    local rest = ascii.number(base) * (100 - ascii.number(percent)) / 100
    return with_decimals(rest, places)
  end
  return base
end

-- Without a price: null.
local function take_price(product, name, given)
  if given == nil then return end
  if given == null then
    product[name] = nil
    return
  end
  local price = copy(given)
  local amount = net(price)
  price.amount = amount and { amount = amount } or nil
  price.base_amount = price.base_amount or price.amount
  product[name] = price
end

--- Applies the fields of a product in a body.
function M.change(product, body)
  for _, name in ipairs{ "name", "description" } do
    if body[name] ~= nil then product[name] = said(body[name]) or "" end
  end
  if body.counterparty_lock ~= nil then product.counterparty_lock = body.counterparty_lock end
  take_price(product, "price_1", body.price_1)
  take_price(product, "price_2", body.price_2)
  if body.quantity then
    product.quantity = { amount = body.quantity.amount or product.quantity.amount,
                         type = body.quantity.type or product.quantity.type }
  end
  if type(body._private_ownerside) == "table" then product.custom_id = body._private_ownerside.custom_id end
end

function M.new(store, body)
  local product = {
    id = store:next_id(), name = "", description = "", counterparty_lock = false,
    quantity = { type = "quantity", amount = 1 },
  }
  M.change(product, body)
  return product
end

--- Applies the content of a group: its products become those of the body, in that order; one with an id of the group is
--- changed, one without an id is new. nil and the index of a product whose id the group does not have.
function M.replace(store, group, body)
  local known = {}
  for _, product in ipairs(group.products) do known[product.id] = product end
  for i, source in ipairs(body.products or {}) do
    if source.id and not known[source.id] then return nil, i end
  end
  if body.configuration then
    for name, value in pairs(body.configuration) do group.configuration[name] = copy(value) end
  end
  if not body.products then return true end
  local list = {}
  for i, source in ipairs(body.products) do
    local product = source.id and known[source.id]
    if product then M.change(product, source) else product = M.new(store, source) end
    list[i] = product
  end
  group.products = list
  return true
end

local function new_group(store, source, from)
  local group = {
    id = store:next_id(), created_from = from, configuration = configuration(source.configuration), products = {},
  }
  for i, product in ipairs(source.products or {}) do group.products[i] = M.new(store, product) end
  return group
end

--- The groups of a template, with their own ids.
function M.copy(store, sources)
  local groups = {}
  for i, source in ipairs(sources) do
    groups[i] = new_group(store, source)
    groups[i].id = source.id or groups[i].id
  end
  return groups
end

local function products_of(group)
  local list = {}
  for i, product in ipairs(group.products) do
    list[i] = copy(product)
    list[i]._private_ownerside = product.custom_id and { custom_id = product.custom_id } or nil
  end
  return list
end

local function from_template(store, template)
  local groups = {}
  for i, source in ipairs(template.product_groups) do
    groups[i] = new_group(store, { configuration = source.configuration, products = products_of(source) }, source.id)
  end
  return groups
end

--- Copies the groups of a contract, for its copy.
function M.copies(store, record)
  local groups = {}
  for i, source in ipairs(M.groups(store, record)) do
    groups[i] = new_group(store, { configuration = source.configuration, products = products_of(source) },
      source.created_from)
  end
  return groups
end

--- The contract's groups: those of its template, created when they are first needed.
function M.groups(store, record)
  if not record.product_groups then
    record.product_groups = from_template(store, record.account.templates[record.template_id])
  end
  return record.product_groups
end

--- The template's group for a group in a body: by its id, or the only one.
---@return table|nil
function M.meant(template, source)
  if source.id == nil then return #template.product_groups == 1 and template.product_groups[1] or nil end
  for _, group in ipairs(template.product_groups) do
    if group.id == source.id then return group end
  end
end

--- Fills a new contract's groups from a body, which replaces the content of the template's tables. A seed may have
--- groups that its template lacks.
function M.fill(store, record, template, sources)
  if #sources == 0 then return end
  record.product_groups = from_template(store, template)
  for _, source in ipairs(sources) do
    local meant, target = M.meant(template, source), nil
    for _, group in ipairs(record.product_groups) do
      if meant and group.created_from == meant.id then target = group end
    end
    if target then
      target.products = {}
      M.replace(store, target, { configuration = source.configuration })
      for i, product in ipairs(source.products or {}) do target.products[i] = M.new(store, product) end
    else
      record.product_groups[#record.product_groups + 1] = new_group(store, source)
    end
  end
end

--- How many products a contract has.
function M.count(store, record)
  local count = 0
  for _, group in ipairs(M.groups(store, record)) do count = count + #group.products end
  return count
end

--- A product by id, its group, and its index in it.
function M.find(store, record, id)
  for _, group in ipairs(M.groups(store, record)) do
    for i, product in ipairs(group.products) do
      if product.id == id then return product, group, i end
    end
  end
end

return M

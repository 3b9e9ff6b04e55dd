-- Product tables and products.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local products = require "oneflow.sandbox.products"
local shapes = require "oneflow.sandbox.shapes"
local M = {}

local ipairs = ipairs
local format = string.format
local remove = table.remove
local refuse, refuse_value = answer.refuse, answer.refuse_value

local MAX_PRODUCTS = 150

local function group_by_id(groups, id)
  for _, group in ipairs(groups) do
    if group.id == id then return group end
  end
end

local function group_of(call, record)
  return group_by_id(products.groups(call.store, record), check.id(call.ids.product_group)) or refuse(404)
end

local function product_of(call, record)
  local product, group, at = products.find(call.store, record, check.id(call.ids.product))
  if not product then refuse(404) end
  if call.ids.product_group and group.id ~= check.id(call.ids.product_group) then refuse(404) end
  return product, group, at
end

local function chosen(quantity)
  return quantity and quantity.type == "single_choice" and ascii.number(quantity.amount) == 1
end

-- The quantity that a product has after a body: choices are 0 or 1, and of a group's single choices one is 1.
local function check_quantity(group, product, body)
  local before = product and product.quantity or { type = "quantity", amount = 1 }
  local given = body.quantity or {}
  local quantity = { type = given.type or before.type, amount = given.amount or before.amount }
  local amount = ascii.number(quantity.amount)
  if quantity.type ~= "quantity" and amount ~= 0 and amount ~= 1 then
    refuse_value("quantity.amount", "A choice is 0 or 1.")
  end
  if not chosen(quantity) then return end
  for _, other in ipairs(group.products) do
    if other ~= product and chosen(other.quantity) then
      refuse_value("quantity.amount", "Another single_choice product of the group is chosen.")
    end
  end
end

-- Groups -------------------------------------------------------------------------------------------------------

M["product_group.list"] = function(call)
  local record, viewer = guard.contract(call)
  return lists.answer(call, products.groups(call.store, record), function(group)
    return shapes.product_group(viewer, record, group)
  end)
end

M["product_group.get"] = function(call)
  local record, viewer = guard.contract(call)
  return shapes.product_group(viewer, record, group_of(call, record))
end

-- Applies bodies to groups: all of them, or none. `path_of(i)` is the path of a body.
local function replace(call, record, groups, bodies, path_of)
  local total = products.count(call.store, record)
  for i, group in ipairs(groups) do
    local listed = bodies[i].products
    if listed then total = total - #group.products + #listed end
    for p, source in ipairs(listed or {}) do
      if source.id then
        local found, where = products.find(call.store, record, source.id)
        if not found or where ~= group then
          refuse_value(format("%sproducts[%d].id", path_of(i), p - 1), "The group has no such product.")
        end
      end
    end
  end
  if total > MAX_PRODUCTS then
    refuse_value("products", format("A contract has at most %d products.", MAX_PRODUCTS))
  end
  for i, group in ipairs(groups) do products.replace(call.store, group, bodies[i]) end
  guard.changed(call, record, "product:update")
end

M["product_groups.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local all, groups, bodies = products.groups(call.store, record), {}, guard.body(call).product_groups or {}
  for i, body in ipairs(bodies) do
    local only = #all == 1 and body.id == nil and all[1]
    groups[i] = only or group_by_id(all, body.id)
      or refuse_value(format("product_groups[%d].id", i - 1), "The contract has no such product group.")
  end
  if #bodies > 0 then
    replace(call, record, groups, bodies, function(i) return format("product_groups[%d].", i - 1) end)
  end
  local shown = core.array{}
  for i, group in ipairs(all) do shown[i] = shapes.product_group(viewer, record, group) end
  return { product_groups = shown }
end

M["product_group.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local group = group_of(call, record)
  replace(call, record, { group }, { guard.body(call) }, function() return "" end)
  return shapes.product_group(viewer, record, group)
end

-- Products -----------------------------------------------------------------------------------------------------

M["product.list"] = function(call)
  local record, viewer = guard.contract(call)
  local all = {}
  for _, group in ipairs(products.groups(call.store, record)) do
    for _, product in ipairs(group.products) do all[#all + 1] = product end
  end
  return lists.answer(call, all, function(product) return shapes.product(viewer, record, product) end)
end

M["product.get"] = function(call)
  local record, viewer = guard.contract(call)
  return shapes.product(viewer, record, (product_of(call, record)))
end

M["product.create"] = function(call)
  local record, viewer = guard.open_contract(call)
  local group, body = group_of(call, record), guard.body(call)
  check_quantity(group, nil, body)
  if products.count(call.store, record) >= MAX_PRODUCTS then
    refuse_value("products", format("A contract has at most %d products.", MAX_PRODUCTS))
  end
  local product = products.new(call.store, body)
  group.products[#group.products + 1] = product
  guard.changed(call, record, "product:create")
  return shapes.product(viewer, record, product)
end

local function update(call)
  local record, viewer = guard.open_contract(call)
  local product, group = product_of(call, record)
  local body = guard.body(call)
  check_quantity(group, product, body)
  products.change(product, body)
  guard.changed(call, record, "product:update")
  return shapes.product(viewer, record, product)
end
M["product.update"] = update
M["product_group.product.update"] = update

M["product.delete"] = function(call)
  local record = guard.open_contract(call)
  local _, group, at = product_of(call, record)
  remove(group.products, at)
  guard.changed(call, record, "product:delete")
  return {}
end

return M

-- Every operation of the endpoint table, called through the objects as a script would call it, with good arguments made
-- from the table, or bad ones.
local api = require "oneflow.api"
local null = require("oneflow").null

local M = {}

--- A different id for each item.
M.IDS = {
  contract = 4711, party = 11, participant = 12, data_field = 13, product_group = 14, product = 15, event = 16,
  file = 17, folder = 18, template = 19, template_type = 20, workspace = 21, tag = 22, webhook = 23, contact = 24,
  user = 25, error_code = 4040000,
}

--- The operations in the order of their names.
function M.all()
  local list = {}
  for _, operation in pairs(api.operations) do list[#list + 1] = operation end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function resource_of(operation)
  for _, resource in ipairs(api.resources) do
    for _, candidate in ipairs(resource.operations) do
      if candidate == operation then return resource end
    end
  end
end

local function takes_id(operation, resource)
  return operation.on == "collection" and operation.ids[#operation.ids] == resource.name
end

--- The object that has the operation's method. `ids`: others than the usual.
function M.owner(operation, root, ids)
  local resource, owner = resource_of(operation), root
  local last = #operation.ids - (takes_id(operation, resource) and 1 or 0)
  for i = 1, last do
    local name = operation.ids[i]
    local id = ids and ids[name]
    if id == nil then id = M.IDS[name] end
    owner = owner[name](owner, id)
  end
  if operation.on == "collection" then return owner[resource.collection] end
  if resource.singleton then return owner[resource.item](owner) end
  return owner
end

--- Calls it. `payload` is a body or a query, made from the table when left out.
function M.call(operation, root, opts, payload, ids)
  local resource = resource_of(operation)
  local owner = M.owner(operation, root, ids)
  local method = owner[operation.verb]
  if takes_id(operation, resource) then
    local id = ids and ids[resource.name]
    return method(owner, id == nil and M.IDS[resource.name] or id, opts)
  elseif operation.pages or operation.bare then
    return method(owner, payload or M.query(operation), opts)
  elseif operation.body then
    return method(owner, payload or M.body(operation), opts)
  end
  return method(owner, opts)
end

--- The id that an answer to this path must have: its last one; of a copy another one.
function M.id_of(path)
  local id = tonumber(string.match(path, ".*/(%d+)") or "1")
  return string.find(path, "/copy$") and id + 1 or id
end

-- ---- good arguments --------------------------------------------------------------------------------------------

local GOOD = {
  any = "anything", any_object = {}, boolean = true, string = "text", id = 7, integer = 1, decimal = "500.10",
  number_text = 1, date = "2026-12-31", time = "2026-06-30T07:15:23+00:00", email = "anna@example.com",
  phone = "+46700000001", country = "SE", url = "https://example.com/hook", scalar = "contract:sign",
}

local sample

-- Adds the fields that the object's cross-field rules require.
local function complete(object, fields, rules)
  for _, rule in ipairs(rules.requires or {}) do
    local fits = true
    for name, values in pairs(rule.when) do
      local among = false
      for _, value in ipairs(values) do among = among or object[name] == value end
      fits = fits and among
    end
    for _, name in ipairs(fits and rule.needs or {}) do
      if object[name] == nil then object[name] = sample(fields[name]) end
    end
  end
  if rules.any_of then object.id = 7 end
  return object
end

local function sample_fields(fields, rules)
  local object = {}
  for name, field in pairs(fields) do
    if field.required then object[name] = sample(field) end
  end
  return complete(object, fields, rules)
end

--- A minimal valid value for a field.
function M.sample(field)
  if field.type == "object" then return sample_fields(field.fields, field) end
  if field.type == "list" then
    local list = {}
    for i = 1, math.max(field.min or 0, field.required and 1 or 0) do list[i] = sample(field.of) end
    return list
  end
  if field.enum then return field.enum[1] end
  local value = GOOD[field.type]
  assert(value ~= nil, field.type)
  if field.type == "string" and field.max and #value > field.max then value = string.sub(value, 1, field.max) end
  if field.type == "integer" and field.min then value = field.min end
  return value
end
sample = M.sample

--- A good body.
function M.body(operation)
  if operation.upload then return { content = "%PDF", name = "file.pdf", upload_as = "attachment" } end
  return sample_fields(operation.body, operation.rules or {})
end

--- A good query.
function M.query(operation)
  local query = {}
  for name, field in pairs(operation.query or {}) do
    if field.required then query[name] = sample(field) end
  end
  return query
end

-- ---- every field -----------------------------------------------------------------------------------------------

-- `put(change)` is a valid body in which the object at `path` was changed.
local function walk(fields, path, put, visit)
  visit.object(path, put)
  for name, field in pairs(fields) do
    local here = path .. "." .. name
    local function set(value) return put(function(object) object[name] = value end) end
    visit.field(here, field, set)
    local inner, within = field, set
    while inner.type == "list" do
      local outer_field, outer = inner, within
      here = here .. "[1]"
      within = function(value)
        local list = sample(outer_field)
        list[1] = value
        return outer(list)
      end
      inner = outer_field.of
      visit.field(here, inner, within)
    end
    if inner.type == "object" then
      walk(inner.fields, here, function(change)
        local object = sample(inner)
        change(object)
        return within(object)
      end, visit)
    end
  end
end

--- Visits each field of an operation's body: visit.field(path, field, set), visit.object(path, put); set(value) and
--- put(change) return a body that is valid except for that.
function M.each_field(operation, visit)
  walk(operation.body, "body", function(change)
    local body = M.body(operation)
    change(body)
    return body
  end, visit)
end

-- ---- bad values ------------------------------------------------------------------------------------------------

local WRONG_TYPES = {
  any = { print }, any_object = { "x", 5, true, print }, boolean = { "x", 5, {}, print },
  string = { 5, true, {}, print }, id = { true, {}, print }, integer = { "x", true, {}, print },
  decimal = { 5.5, true, {}, print }, number_text = { true, {}, print }, date = { 5, true, {}, print },
  time = { true, {}, print }, email = { 5, true, {}, print }, phone = { 5, true, {}, print },
  country = { 5, true, {}, print }, url = { 5, true, {}, print }, scalar = { true, {}, print },
  list = { "x", 5, true, print }, object = { "x", 5, true, print },
}

--- Values whose Lua type is wrong for the field.
function M.wrong_types(field) return assert(WRONG_TYPES[field.type], field.type) end

local WRONG_VALUES = {
  id = { 0, -1, 1.5, 0 / 0, 2 ^ 53, "abc", "../x", "" }, integer = { 1.5, 0 / 0, 1 / 0 },
  decimal = { "1,5", "", "1e3" }, number_text = { "1,5", 1.5, 0 / 0, 1 / 0 },
  date = { "yesterday", "2026-1-1" }, time = { "now", "2026-06-30", 0.5, 1e15 },
  email = { "anna", "a@b@c", "a b@c", "@" }, phone = { "0700000001", "+46 70", "+" }, country = { "SWE", "se" },
  url = { "http://example.com/hook", "example.com", "" },
}

-- All text must be UTF-8.
local TEXT = { string = "\255", scalar = "\255", email = "\255@x", url = "https://\255" }

--- Values that are invalid for the field although their Lua type is right.
function M.wrong_values(field)
  local values = {}
  local function add(value) values[#values + 1] = value end
  for _, value in ipairs(WRONG_VALUES[field.type] or {}) do add(value) end
  if TEXT[field.type] then add(TEXT[field.type]) end
  if field.open then -- anything that is text
    return values
  elseif field.enum then
    add "nonsense"
  elseif field.type == "string" or field.type == "url" then
    if field.min and field.min > 0 then add(string.rep("x", field.min - 1)) end
    if field.max then add("https://" .. string.rep("x", field.max)) end
  elseif field.type == "integer" then
    if field.min then add(field.min - 1) end
    if field.max then add(field.max + 1) end
  elseif field.type == "list" then
    if field.min and field.min > 0 then add {} end
    if field.max then
      local list = {}
      for i = 1, field.max + 1 do list[i] = sample(field.of) end
      add(list)
    end
    add { [2] = sample(field.of) }
  end
  return values
end

local all_wrong

local function all_wrong_fields(fields, path, paths)
  local object = {}
  for name, field in pairs(fields) do object[name] = all_wrong(field, path .. "." .. name, paths) end
  return object
end

function all_wrong(field, path, paths)
  if field.type == "object" then return all_wrong_fields(field.fields, path, paths) end
  if field.type == "list" then return { all_wrong(field.of, path .. "[1]", paths) } end
  local value = M.wrong_values(field)[1]
  if paths.sendable and value == TEXT[field.type] then value = nil end
  if value == nil and not field.nullable and field.type ~= "any" then value = null end
  if value == nil then return sample(field) end
  paths[#paths + 1] = path
  return value
end

--- A body in which everything is invalid, and the paths of all problems. `sendable`: so that JSON can represent it.
function M.all_wrong(operation, sendable)
  local paths = { sendable = sendable }
  return all_wrong_fields(operation.body, "body", paths), paths
end

return M

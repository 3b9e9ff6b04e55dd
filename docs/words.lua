-- The endpoint table in words, for the reference and the annotations alike.
local api = require "oneflow.api"
local shared_fields = require "oneflow.api.fields"
local tree = require "oneflow.object.tree"
local values = require "oneflow.values"

local M = {}

--- The names of a table, sorted.
function M.names(t)
  local names = {}
  for name in pairs(t or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- places ----------------------------------------------------------------------------------------------------

--- Visits each place below `place`: visit(kind, path), path as "contract.party".
function M.each_place(visit, place, path)
  for _, name in ipairs(M.names((place or tree.root).records)) do
    local kind = (place or tree.root).records[name]
    local here = (path and path .. "." or "") .. kind.name
    visit(kind, here)
    M.each_place(visit, kind, here)
  end
end

local function resource_of(operation)
  for _, resource in ipairs(api.resources) do
    for _, candidate in ipairs(resource.operations) do
      if candidate == operation then return resource end
    end
  end
end

--- Does the method exist?
function M.built(operation)
  if operation.on == "client" then return true end
  local place, resource = tree.root, resource_of(operation)
  local last = #operation.ids
  if operation.ids[last] == resource.name and operation.on == "collection" then last = last - 1 end
  for i = 1, last do
    local found
    for _, kind in pairs(place.records) do
      if kind.name == operation.ids[i] and (i < last or operation.on == "collection" or kind.resource == resource) then
        found = kind
      end
    end
    place = found
  end
  if resource.singleton then place = tree.root.records[resource.name] end
  local holder = operation.on == "collection" and place.collections[resource.collection] or place
  return holder.methods[operation.verb] ~= nil
end

--- Does the method exist that downloads a file?
function M.downloads(operation)
  local found = false
  M.each_place(function(kind)
    for _, candidate in ipairs(kind.resource.operations) do
      found = found or (candidate == operation and kind.methods.download ~= nil)
    end
  end)
  return found
end

--- The call as a script writes it: `sven:contract(id).parties:list(query, opts)`.
---@param verb string?  instead of the operation's
---@param arguments string?  instead of the operation's
function M.call(operation, verb, arguments)
  local resource, text = resource_of(operation), "sven"
  local takes_id = operation.on == "collection" and operation.ids[#operation.ids] == resource.name
  if operation.as == "none" then text = "client" end
  for i = 1, #operation.ids - (takes_id and 1 or 0) do text = text .. ":" .. operation.ids[i] .. "(id)" end
  if operation.on == "collection" then text = text .. "." .. resource.collection end
  if resource.singleton then text = text .. ":" .. resource.item .. "()" end
  if arguments then
    arguments = arguments .. ", opts"
  elseif takes_id then
    arguments = "id, opts"
  elseif operation.pages or operation.bare then
    arguments = "query, opts"
  elseif operation.body then
    arguments = "body, opts"
  else
    arguments = "opts"
  end
  return text .. ":" .. (verb or operation.verb) .. "(" .. arguments .. ")"
end

-- ---- fields ----------------------------------------------------------------------------------------------------

--- Names for objects that several operations share: table -> name.
M.shared = {}
for name, field in pairs(shared_fields) do
  if type(field) == "table" and field.type == "object" then M.shared[field] = name end
end
M.shared[shared_fields.tags.of] = "tag"
M.shared[shared_fields.product_groups.of] = "product_group"
M.shared[shared_fields.product_groups.of.fields.products.of] = "product"
M.shared[shared_fields.product.price_1] = "price"
M.shared[shared_fields.product.quantity] = "quantity"
M.shared[shared_fields.my_party.fields.participants.of] = "my_participant"
M.shared[shared_fields.participant.fields._permissions] = "permissions"

--- The shared objects by name.
M.shared_by_name = {}
for field, name in pairs(M.shared) do M.shared_by_name[name] = field end

local function quoted(list_of)
  local list = {}
  for i, value in ipairs(list_of) do list[i] = "`" .. tostring(value) .. "`" end
  return table.concat(list, ", ")
end

local function one_of(field) return quoted(field.enum) .. (field.open and ", or another value of the service" or "") end

local function range(field, unit)
  if field.min and field.max then return string.format(", %d to %d%s", field.min, field.max, unit) end
  if field.max then return string.format(", at most %d%s", field.max, unit) end
  if field.min and field.min > 0 then return string.format(", at least %d%s", field.min, unit) end
  return ""
end

-- "?": explained at the top of the reference.
local NULL = { [true] = ", or null", ["?"] = ", or null (?)" }

--- The values that a field accepts, in words. `link(name)` formats the name of a shared object.
function M.field(field, link)
  local text
  if field.type == "list" then
    local of = type(field.of) == "table" and M.field(field.of, link) or values[field.of].words
    text = "list of " .. (field.enum and one_of(field) or of) .. range(field, " items")
  elseif field.type == "object" then
    text = M.shared[field] and link(M.shared[field]) or "object"
  elseif field.enum then
    text = one_of(field)
  else
    text = values[field.type].words .. range(field, field.type == "integer" and "" or " characters")
    if field.extensions then text = text .. " with one of the extensions " .. quoted(field.extensions) end
    if field.max_bytes then text = text .. string.format(", at most %d bytes", field.max_bytes) end
  end
  if field.confidence == "?" then text = text .. "; its name is inferred: the service may not accept it" end
  return text .. (NULL[field.nullable] or "")
end

--- The columns to sort by that can change for an existing item; nil: none can.
function M.movable(operation)
  local names = {}
  for _, column in ipairs(operation.sort or {}) do
    if not (operation.fixed and operation.fixed[column]) then names[#names + 1] = "`" .. column .. "`" end
  end
  return names[1] and table.concat(names, ", ")
end

--- The times by which `each` walks a long list in slices.
function M.slices(operation)
  local names = {}
  for i, by in ipairs(operation.slices) do names[i] = "`" .. by.filter .. "`" end
  return table.concat(names, " or ")
end

local function when(conditions)
  local words = {}
  for _, name in ipairs(M.names(conditions)) do
    words[#words + 1] = "`" .. name .. "` is " .. string.gsub(quoted(conditions[name]), ", ", " or ")
  end
  return "when " .. table.concat(words, " and ")
end

--- An object's cross-field rules, a line each.
function M.cross_field(field)
  local lines = {}
  for _, rule in ipairs(field.requires or {}) do
    lines[#lines + 1] = quoted(rule.needs) .. (rule.confidence == "?" and " perhaps" or "") .. " needed "
      .. when(rule.when)
  end
  for _, rule in ipairs(field.forbids or {}) do
    lines[#lines + 1] = "no " .. quoted(rule.names) .. " " .. when(rule.when)
  end
  for _, rule in ipairs(field.restricts or {}) do
    lines[#lines + 1] = "`" .. rule.name .. "` one of " .. quoted(rule.enum) .. " " .. when(rule.when)
  end
  for _, names in ipairs(field.exclusive or {}) do lines[#lines + 1] = "at most one of " .. quoted(names) end
  for _, paths in ipairs(field.any_of or {}) do lines[#lines + 1] = "at least one of " .. quoted(paths) end
  return lines
end

--- What an object's names are that are only read; nil: none.
function M.read_only(object)
  local list = {}
  for i, name in ipairs(M.names(object.read_only)) do
    local only = object.read_only[name]
    list[i] = "`" .. name .. "`" .. (only == true and "" or " (when `" .. tostring(only) .. "`)")
  end
  return list[1] and "left out, as read only: " .. table.concat(list, ", ")
end

-- ---- searches --------------------------------------------------------------------------------------------------

--- The methods of searches.lua by resource, each { name, arguments, comment = lines of annotation }.
function M.searches()
  local found, comment = {}, {}
  for line in io.lines "lua/oneflow/object/searches.lua" do
    local resource, name, arguments = string.match(line, "^function ([%l_]+)%.([%l_]+)%(state,? ?(.-)%)")
    if string.find(line, "^%-%-%-") then
      comment[#comment + 1] = (string.gsub(line, "^%-%-%- ?", "---"))
    else
      if resource then
        found[resource] = found[resource] or {}
        table.insert(found[resource], { name = name, arguments = arguments, comment = comment })
      end
      comment = {}
    end
  end
  return found
end

-- ---- the rest --------------------------------------------------------------------------------------------------

M.ACTING = {
  none = "not needed; sent through a user",
  optional = "a user, or the anonymous administrator",
  required = "a user; the anonymous administrator is refused",
  unknown = "a user; no page says whether the anonymous administrator may",
}

local CONFIDENCE = {
  doc = "confirmed by an official page",
  ms = "confirmed by the certified connector of Oneflow AB",
  code = "not confirmed: known from other people's code",
  ["?"] = "not confirmed: inferred",
}

--- How well the operation is known.
function M.confidence(operation)
  local text = CONFIDENCE[operation.confidence]
  if not operation.confirmed and operation.named then
    text = text .. "; an official page names the operation, not its path"
  end
  return text
end

return M

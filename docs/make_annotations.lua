-- Writes lua/oneflow/annotations.lua: LuaCATS annotations for editors, of the methods made from the endpoint table.
-- That file is never loaded.
local api = require "oneflow.api"
local tree = require "oneflow.object.tree"
local values = require "oneflow.values"
local words = require "docs.words"

local HEAD = [[
---@meta oneflow.annotations
-- Written by `make docs` from the endpoint table (oneflow.api): change the table, not this file. For editors; never
-- loaded.
]]

local lines, made

local function add(...) lines[#lines + 1] = string.format(...) end

-- "product_group.product.update" -> "oneflow.ProductGroupProductUpdate"
local function class_name(name)
  return "oneflow." .. string.gsub("_" .. string.gsub(name, "%.", "_"), "_+(%l)", string.upper)
end

local function plain(text) return (string.gsub(text, "`", "")) end

local class_of

-- The known values of an open enumeration are listed for completion.
local function one_of(field)
  return '"' .. table.concat(field.enum, '"|"') .. '"' .. (field.open and "|string" or "")
end

local function optional(text) return string.find(text, "|", 1, true) and "(" .. text .. ")?" or text .. "?" end

local function type_of(field, name)
  if field.type == "list" then
    local of = type(field.of) == "table" and type_of(field.of, name) or values[field.of].lua
    if field.enum then of = one_of(field) end
    return string.find(of, "|", 1, true) and "(" .. of .. ")[]" or of .. "[]"
  elseif field.type == "object" then
    return class_of(field, name)
  elseif field.enum then
    return one_of(field)
  end
  return values[field.type].lua
end

-- A remark about the field that its type does not express.
local function remark(field)
  if field.type == "object" or field.type == "boolean" or field.enum then
    return field.nullable == true and "  or null" or ""
  end
  local text = string.gsub(plain(words.field(field, function(name) return name end)), ", or null %(%?%)$", "")
  return text == field.type and "" or "  " .. text
end

-- The class of an object in a body: shared ones are named by their own name, others by their path.
function class_of(field, name)
  local shared = words.shared[field]
  if made[field] then return made[field] end
  local class = class_name(shared and shared .. "_fields" or name)
  made[field] = class
  local own = { "---@class " .. class }
  for _, line in ipairs(words.cross_field(field)) do table.insert(own, 1, "---" .. plain(line) .. ".") end
  for _, key in ipairs(words.names(field.fields)) do
    local inner = field.fields[key]
    local written = type_of(inner, (shared or name) .. "_" .. string.gsub(key, "^_+", ""))
    local label = string.find(key, "^[%a_][%w_]*$") and key or '["' .. key .. '"]'
    own[#own + 1] = string.format("---@field %s %s%s", label, inner.required and written or optional(written),
      remark(inner))
  end
  add("\n%s", table.concat(own, "\n"))
  return class
end

local function query_class(operation)
  local fields = {}
  for name, field in pairs(operation.query or {}) do fields[name] = field end
  local filters = operation.filters and { type = "object", fields = operation.filters }
  local class = class_name(operation.name .. "_query")
  local filter_class = filters and class_of(filters, operation.name .. "_filter")
  local own = { "---@class " .. class }
  for _, name in ipairs(words.names(fields)) do
    local written = type_of(fields[name], name)
    own[#own + 1] = string.format("---@field %s %s", name, fields[name].required and written or optional(written))
  end
  if filter_class then own[#own + 1] = "---@field filter " .. filter_class .. "?  all of them must match" end
  if operation.sort then
    own[#own + 1] = "---@field sort (string|string[])?  " .. table.concat(operation.sort, ", ") .. "; with - descending"
  end
  if operation.pages then
    own[#own + 1] = "---@field limit integer?  1 to 100 (100)"
    own[#own + 1] = "---@field offset integer?  0 to 19900"
  end
  add("\n%s", table.concat(own, "\n"))
  return class
end

-- Writes the classes of arguments, before the classes that use them.
local function argument_classes()
  local classes = {}
  for _, name in ipairs(words.names(api.operations)) do
    local operation = api.operations[name]
    if operation.upload then
      classes[name] = "oneflow.Upload"
    elseif operation.body then
      local rules = operation.rules or {}
      classes[name] = class_of({ type = "object", fields = operation.body, requires = rules.requires,
        forbids = rules.forbids }, name .. "_body")
    elseif operation.pages or operation.bare then
      classes[name] = query_class(operation)
    end
  end
  return classes
end

-- Resource -> class of its items. Items at different places have different classes, because their handles have
-- different ids.
local item_class = {}

local function place_class(path, collection)
  if path == "user" and not collection then return "oneflow.UserRecord" end -- oneflow.User acts
  return class_name(path .. (collection and "." .. collection or ""))
end

local function head(operation)
  add("---%s", plain(operation.summary))
  add("---%s %s. Acting user: %s.", operation.method, operation.path, words.ACTING[operation.as])
  local confidence = string.gsub(plain(words.confidence(operation)), "^%l", string.upper)
  add("---%s%s", confidence, operation.source and "; read " .. operation.source or ".")
end

local function method(owner, operation, classes, record)
  head(operation)
  if operation.pages or operation.bare then
    add("---@param query %s?", classes[operation.name])
    add("---@param opts oneflow.Options?")
    add("---@return (oneflow.Page|%s[])? page, oneflow.Error? err", record)
    add("function %s:%s(query, opts) end\n", owner, operation.verb)
    if operation.verb ~= "list" then return end
    add("---Visits each item once; raises the error.%s%s", words.movable(operation) and " If sorted by "
      .. plain(words.movable(operation)) .. ", which can change, items that others moved meanwhile come last." or "",
      operation.slices and " More than 20 000 are read in slices of "
      .. plain(words.slices(operation)) .. ", unless a sort is given." or "")
    add("---@param query %s?", classes[operation.name])
    add("---@param opts oneflow.WalkOptions?")
    add("---@return fun(): %s?", record)
    add("function %s:each(query, opts) end\n", owner)
    add("---Visits page after page; raises the error.")
    add("---@param query %s?", classes[operation.name])
    add("---@param opts oneflow.WalkOptions?")
    add("---@return fun(): (oneflow.Page|%s[])?", record)
    add("function %s:pages(query, opts) end\n", owner)
    return
  end
  local arguments = "opts"
  if operation.body then
    arguments = "body, opts"
    add("---@param body %s?", classes[operation.name])
  elseif operation.on == "collection" and #operation.ids > 0 then
    arguments = "id, opts"
    add("---@param id oneflow.Id")
  end
  add("---@param opts oneflow.Options?")
  if operation.returns == "nothing" then
    add("---@return true? done, table|oneflow.Error meta_or_error")
  elseif operation.returns == "data" then
    add("---@return table? data, table|oneflow.Error meta_or_error")
  else
    add("---@return %s? %s, oneflow.Error? err", record, operation.returns)
  end
  add("function %s:%s(%s) end\n", owner, operation.verb, arguments)
end

-- The method that downloads the file; `get` reads only its record.
local function download(owner, operation)
  add("---Downloads the file: to disk, to a function, or as a string.")
  head(operation)
  add("---@param where oneflow.Download?")
  add("---@param opts oneflow.Options?")
  add("---@return (string|boolean)? value, table|oneflow.Error meta_or_error")
  add("function %s:download(where, opts) end\n", owner)
end

-- The operation that a method of a place runs.
local function operation_of(resource, verb, methods, on)
  local best
  for _, operation in ipairs(resource.operations) do
    if operation.on == on and operation.verb == verb and methods[verb] then
      if not best or #operation.ids > #best.ids then best = operation end
    end
  end
  return best
end

local function record_class(operation, path, place)
  local name = operation.returns
  local kind = place.records and place.records[name]
  if kind then return place_class((path and path .. "." or "") .. kind.name) end
  return item_class[name] or "table"
end

local function collection_classes(place, path, classes)
  for _, name in ipairs(words.names(place.collections)) do
    local collection = place.collections[name]
    add("do")
    add("---@class %s: oneflow.Collection", place_class(path or "client", name))
    add("local %s = {}\n", name)
    local resource
    for _, candidate in ipairs(api.resources) do
      if candidate.collection == name then
        for _, operation in ipairs(candidate.operations) do
          local below = place.records[candidate.name] or (not place.resource and not candidate.parents)
          if below and operation.on == "collection" and collection.methods[operation.verb] then resource = candidate end
        end
      end
    end
    for _, verb in ipairs(words.names(collection.methods)) do
      local operation = operation_of(resource, verb, collection.methods, "collection")
      if operation then method(name, operation, classes, record_class(operation, path, place)) end
    end
    add("end\n")
  end
end

local function names_and_items(place, path, owner)
  for _, name in ipairs(words.names(place.collections)) do
    add("---@field %s %s", name, place_class(path or "client", name))
  end
  for _, name in ipairs(words.names(place.items)) do
    local argument = ", id: oneflow.Id"
    local class
    for _, kind in pairs(place.records) do
      if kind.resource.item == name then
        class = place_class((path and path .. "." or "") .. kind.name)
        if kind.resource.singleton then argument = "" end
      end
    end
    add("---@field %s fun(self: %s%s): %s  no I/O", name, owner, argument, class)
  end
end

return function()
  lines, made = { HEAD }, {}
  local classes = argument_classes()
  words.each_place(function(kind, path)
    if not item_class[kind.resource.name] then item_class[kind.resource.name] = place_class(path) end
  end)
  collection_classes(tree.root, nil, classes)
  local found = words.searches()
  words.each_place(function(kind, path)
    collection_classes(kind, path, classes)
    local class = place_class(path)
    add("do")
    add("---@class %s: oneflow.Item", class)
    for _, name in ipairs(words.names(kind.resource.accessors)) do
      add("---@field %s any  raises when not loaded, or when a list left it out", name)
    end
    names_and_items(kind, path, class)
    add("local %s = {}\n", kind.name)
    for _, verb in ipairs(words.names(kind.methods)) do
      local operation = operation_of(kind.resource, verb, kind.methods, "item")
      local record = operation and (operation.returns == kind.resource.name and class
        or item_class[operation.returns]) or "table"
      if operation then method(kind.name, operation, classes, record) end
      if operation and operation.download and kind.methods.download then download(kind.name, operation) end
    end
    for _, search in ipairs(found[kind.resource.name] or {}) do
      for _, line in ipairs(search.comment) do add("%s", line) end
      add("function %s:%s(%s) end\n", kind.name, search.name, search.arguments)
    end
    add("end\n")
  end)
  add("do")
  add("---@class oneflow.User")
  names_and_items(tree.root, nil, "oneflow.User")
  add("local user = {}\n")
  for _, name in ipairs(words.names(api.operations)) do
    local operation = api.operations[name]
    if operation.on == "client" then method("user", operation, classes, "table") end
  end
  add("end")
  return table.concat(lines, "\n") .. "\n"
end

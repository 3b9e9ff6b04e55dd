-- The endpoint table: every operation of the service that the library knows, as data, one file a resource.
--
-- A resource's fields:
--   item        the method that names one of them by its id: client:contract(4711); with `singleton`, without an id
--   collection  the field that holds them all: client.contracts
--   record      what one is called when there is no item method
--   name        what one is called when the item method's name is another resource's too (template_file)
--   parents     the resources below whose items it stands: contract.parties, contract:party(1); without: the client
--   custom_ids  its id may also be "c::" and a custom id; the places where a record may keep that
--   id_fields   where a record may keep its id; left out: in `id`
--   accessors   names for what the service keeps deeper in a record; `otherwise` is where to look next, and with
--               `when` it is nil unless the record says so
--   source      the page of its operations, where they name no other
--
-- An operation's fields:
--   verb, on      what it is called and where: "client", "collection" or "item"
--   method, path  `{contract}` stands for the id of the item named so. What the path names must be known where the
--                 operation is called, and decides between two of one verb; an id that nothing above knows is the
--                 first argument (client.users:get(7))
--   as            acting user: "none" (not needed, sent when there is one), "optional" (the service
--                 takes the anonymous administrator too), "required" (it does not), "unknown"
--   returns       a resource's name, "data" (a plain table) or "nothing"
--   answers       whose answer it must be (oneflow.call.decode): "same" (the thing that the path names, or the one that
--                 there is), "new" (a thing that was made: another one than the path's), "any" (a list, a link, what is
--                 not confirmed). "same" and "new" have an id
--   undone        a field and its value with which the answer says that the thing was not done
--   confirm       which operation is then called once, to look again, over a fresh connection; the ids of its path are
--                 among this one's
--   pages         a list in pages, with limit and offset; `bare`: a list that comes whole. Either may be an array or an
--                 envelope; `rows` are the envelope's names for its list, the usual one first, where there are others
--                 than `data`
--   sort, filters, query, body   what a list or a payload may hold, in types of oneflow.values; see
--                 oneflow.values.check, oneflow.list.query. A filter that is less sure than its operation
--                 has a `confidence` of its own. The table does not load with a type that is not there
--   fixed         the columns of `sort` that never change of an item; see oneflow.list.each
--   slices        the times by which a list of more than offsets reach may be walked (oneflow.list.slices): a filter,
--                 and where in an item its time stands. Such a time is set once and for all; the surest filter is first
--   read_only     what the service sends beside the body's fields and does not take; see below
--   rules, totals cross-field rules of the body; see oneflow.values.cross_field
--   statuses      the errors that its page names
--   upload, download   bytes instead of JSON go out or come back; see oneflow.api.file
--   confidence    how sure it is: "doc" (an official page has the path), "ms" (the certified connector of Oneflow AB
--                 does), "code" (other people's code), "?" (inferred); `named`: an official page names the operation
--
-- A field's fields, beside its `type` and what that asks for:
--   required    must be there
--   enum        the values that are known; with `open` the service may have more: others go out, too
--   nullable    null is taken; "?": it goes out, and no page says what the service makes of it. What is text, neither
--               required nor of a closed enum, has "?" unless it says otherwise
--   read_only   of an object: the names that the service sends in it and does not take, each with `true`, or with the
--               one value with which it is left out of what is sent. What one might want to be changed is not among
--               them (a contract's state, its parties): see oneflow.values.check
--   confidence  "?": of a filter, see above; of a cross-field rule: sources differ, what breaks it goes out
--
-- What follows from these, written only where it differs:
--   name          `<item>.<verb>` whatever stands above it: "contract.publish", "party.create", "participant.update".
--                 What changes a collection as a whole is `<collection>.<verb>`: "data_fields.update"
--   repeatable    whether sending it twice is the same as sending it once: GET always, POST never, PUT and DELETE when
--                 they are confirmed
--   source        the page that has or names it; none for what only code knows
--   confirmed     "doc" or "ms"
--   ids           the names in the path, in order
--   pattern       of its paths, with slashes behind it or without
--   of_contract   the path names a contract: who created it may act, see oneflow.client.acting_user
--   expects       what oneflow.call.decode holds an answer against; none: nothing is known of it
local refuse_unknown = require "oneflow.api.field_types"
local values = require "oneflow.values"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local find, gmatch, gsub = string.find, string.gmatch, string.gsub

local NAMES = {
  "core", "account", "user", "contact", "contract", "party", "participant", "data_field", "product_group", "product",
  "comment", "reminder", "event", "file", "folder", "template", "template_file", "template_type",
  "template_type_data_field", "helper", "workspace", "tag", "webhook", "log", "error_code",
}

local CONFIRMED = { doc = true, ms = true }

local function name_of(resource, operation)
  if operation.on == "client" then return operation.verb end
  local whole = operation.on == "collection" and operation.verb == "update"
  return (whole and resource.collection or resource.name) .. "." .. operation.verb
end

-- A pattern for such paths, which captures the ids: `captured(name)`.
local function pattern_of(path, captured)
  return "^" .. gsub(path, "{([a-z_]+)}", function(id) return captured(id) and "([^/]+)" or "[^/]+" end) .. "/*$"
end

local function all() return true end
local function none() return false end

local function copied(original, more)
  local copy = {}
  for name, value in pairs(original) do copy[name] = value end
  for name, value in pairs(more) do copy[name] = value end
  return copy
end

-- The fields for oneflow.call.decode: `answers` and `undone`; `always` (the answer is decoded even if only its text is
-- requested); `thing` (the item in the answer, or the deleted one, for messages), its `id_fields` and `custom_ids`, and
-- `own`, a pattern for its id in the path, if the path has it.
local function expectation(operation, resource)
  local answers, returns = operation.answers, operation.returns
  local thing, plain = resource.item or resource.record, returns == "nothing" or returns == "data"
  if answers == "any" and not plain then return nil end
  local expects = {
    answers = answers, undone = operation.undone, always = operation.method ~= "GET",
    thing = thing and gsub(thing, "_", " "), id_fields = resource.id_fields, custom_ids = resource.custom_ids,
  }
  local last = operation.ids[#operation.ids]
  if last and last == thing and returns ~= "data" then
    expects.own = pattern_of(operation.path, function(id) return id == last end)
  end
  return expects
end

-- The operation that checks again, and its path, in which `captured` of this operation's path is inserted. Without its
-- answer the result of this operation is unknown: so it is not dropped, and if nobody waits, its end is reported as
-- that of this operation.
local function confirm(operation, looks)
  local expects, positions = operation.expects, {}
  for i, id in ipairs(operation.ids) do positions[id] = "%" .. i end
  expects.captured = pattern_of(operation.path, all)
  expects.confirm_path = gsub(looks.path, "{([a-z_]+)}", positions)
  expects.confirm = copied(looks, {
    fresh = true, repeatable = operation.repeatable, told_as = operation.name,
    expects = copied(looks.expects, { undone = operation.undone, always = true }),
  })
end

-- One rule for null instead of text.
local function mark_nulls(fields)
  for _, field in pairs(fields) do
    if field.nullable == nil and values[field.type].text and not field.required
      and (field.open or not field.enum) then
      field.nullable = "?"
    end
    if field.fields then mark_nulls(field.fields) end
    if type(field.of) == "table" then mark_nulls { field.of } end
  end
end

local resources, by_name, operations = {}, {}, {}
for i, file in ipairs(NAMES) do
  local resource = require("oneflow.api." .. file)
  resource.name = resource.name or resource.item or resource.record
  resource.id_fields = resource.id_fields or { "id" }
  resources[i] = resource
  if resource.name then by_name[resource.name] = resource end
  for _, operation in ipairs(resource.operations) do
    operation.name = operation.name or name_of(resource, operation)
    if operations[operation.name] then error("two operations are called " .. operation.name) end
    operations[operation.name] = operation
    refuse_unknown(operation.body, "body", operation.name)
    mark_nulls(operation.body or {})
    refuse_unknown(operation.query, "body", operation.name)
    refuse_unknown(operation.filters, "filter", operation.name)
    operation.ids = {}
    for id in gmatch(operation.path, "{([a-z_]+)}") do operation.ids[#operation.ids + 1] = id end
    operation.of_contract = find(operation.path, "{contract}", 1, true) ~= nil
    operation.pattern = pattern_of(operation.path, none)
    operation.confirmed = CONFIRMED[operation.confidence] or false
    if operation.repeatable == nil then
      operation.repeatable = operation.method == "GET" or (operation.method ~= "POST" and operation.confirmed)
    end
    if operation.confirmed or operation.named then operation.source = operation.source or resource.source end
  end
end

for _, resource in ipairs(resources) do
  for _, operation in ipairs(resource.operations) do
    operation.expects = expectation(operation, by_name[operation.returns] or resource)
  end
end
for _, operation in pairs(operations) do
  if operation.confirm then confirm(operation, operations[operation.confirm]) end
end

return { resources = resources, by_name = by_name, operations = operations }

-- The endpoint table: every operation of the service that the library knows, as data, one file a resource.
--
-- A resource's fields:
--   item        the method that makes a handle by id: client:contract(4711); with `singleton`, without an id
--   collection  the field for all of them: client.contracts
--   record      an item's name if there is no item method
--   name        an item's name if another resource has the same item method (template_file)
--   parents     the resources whose items it belongs to: contract.parties, contract:party(1); without: the client
--   custom_ids  its id may also be "c::" and a custom id; the places where a record may keep that
--   id_fields   where a record may keep its id; left out: in `id`
--   accessors   names for values deeper in a record; `otherwise` is the next place to look, and with `when` it
--               is nil unless the record matches
--   source      the page of its operations, if they name no other
--
-- An operation's fields:
--   verb, on      its name and place: "client", "collection" or "item"
--   method, path  `{contract}` is replaced by the id of the item of that name. The items of the path must be known
--                 where the operation is called, and decide between two with the same verb; an id that no parent has
--                 is the first argument (client.users:get(7))
--   as            acting user: "none" (not needed, sent if there is one), "optional" (the service
--                 also accepts the anonymous administrator), "required" (it does not), "unknown"
--   returns       a resource's name, "data" (a plain table) or "nothing"
--   answers       what the answer must be (oneflow.call.decode): "same" (the item in the path, or the only one),
--                 "new" (a created item, not the path's), "any" (a list, a link, an unconfirmed answer). "same" and
--                 "new" have an id
--   undone        a field and its value that mean that the request was not done
--   confirm       the operation that is then called once to check again, over a new connection; its path has only ids
--                 of this one's
--   pages         a list in pages, with limit and offset; `bare`: a list without pages. Either may be an array or an
--                 envelope; `rows` are the envelope's names for its list, the usual one first, if not only `data`
--   sort, filters, query, body   the fields of a list's query or a payload, with types of oneflow.values; see
--                 oneflow.values.check, oneflow.list.query. A filter that is less certain than its operation has its
--                 own `confidence`. The table does not load with an unknown type
--   fixed         the columns of `sort` that never change for an existing item; see oneflow.list.each
--   slices        the times by which a list longer than the offsets reach may be walked (oneflow.list.slices): a
--                 filter, and the place of its time in an item. Such a time never changes; the most certain filter is
--                 first
--   read_only     fields that the service sends but does not accept in the body; see below
--   rules, totals cross-field rules of the body; see oneflow.values.cross_field
--   statuses      the error statuses that its page names
--   upload, download   bytes instead of JSON are sent or received; see oneflow.api.file
--   confidence    how certain it is: "doc" (an official page has the path), "ms" (the certified connector of Oneflow
--                 AB uses it), "code" (other people's code), "?" (inferred); `named`: an official page names the
--                 operation
--
-- A field's fields, in addition to its `type` and the fields that the type needs:
--   required    must be given
--   enum        the known values; with `open` the service may have more, so others are sent, too
--   nullable    null is accepted; "?": it is sent, and no page says what the service does with it. The default for
--               text, neither required nor with a closed enum, is "?"
--   read_only   of an object: the names that the service sends in it and does not take, each with `true`, or with the
--               one value with which it is left out of what is sent. What one might want to be changed is not among
--               them (a contract's state, its parties): see oneflow.values.check
--   confidence  "?": of a filter, see above; of a cross-field rule: sources differ, what breaks it goes out
--
-- Fields with default values, given only where they differ:
--   name          `<item>.<verb>` whatever its parents are: "contract.publish", "party.create", "participant.update".
--                 An operation that changes a whole collection is `<collection>.<verb>`: "data_fields.update"
--   repeatable    sending it twice has the same effect as sending it once: GET always, POST never, PUT and DELETE if
--                 they are confirmed
--   source        the page that has or names it; none if only code has it
--   confirmed     "doc" or "ms"
--   ids           the names in the path, in order
--   pattern       of its paths, with or without trailing slashes
--   of_contract   the path names a contract: who created it may act, see oneflow.client.acting_user
--   expects       what oneflow.call.decode compares an answer with; none: nothing is known of it
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
    fresh = true, repeatable = operation.repeatable, reported_as = operation.name,
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

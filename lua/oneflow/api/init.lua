-- The endpoint table: every operation of the service that the library knows, as data, one file a resource.
--
-- A resource's fields:
--   item        the method that names one of them by its id: client:contract(4711); with `singleton`, without an id
--   collection  the field that holds them all: client.contracts
--   record      what one is called when there is no item method
--   name        what one is called when the item method's name is another resource's too (template_file)
--   parents     the resources below whose items it stands: contract.parties, contract:party(1); without: the client
--   custom_ids  its id may also be "c::" and a custom id
--   id_field    where a record may keep its id besides `id`
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
--   pages         a list in pages, with limit and offset; `bare`: a list that comes whole. Either may be an array or an
--                 envelope; `rows` is the envelope's name for its list where that is not `data`
--   sort, filters, query, body   what a list or a payload may hold; see oneflow.check. A filter that is less sure than
--                 its operation has a `confidence` of its own
--   fixed         the columns of `sort` that never change of an item; see oneflow.list.each
--   slices        the times by which a list of more than offsets reach may be walked (oneflow.list.slices): a filter,
--                 and where in an item its time stands. Such a time is set once and for all; the surest filter is first
--   rules, totals couplings between the fields of the body; see oneflow.check
--   statuses      the errors that its page names
--   upload, download   bytes instead of JSON go out or come back; see oneflow.api.file
--   confidence    how sure it is: "doc" (an official page has the path), "ms" (the certified connector of Oneflow AB
--                 does), "code" (other people's code), "?" (inferred); `named`: an official page names the operation
--
-- What follows from these, written only where it differs:
--   name          `<item>.<verb>` whatever stands above it: "contract.publish", "party.create", "participant.update".
--                 What changes a collection as a whole is `<collection>.<verb>`: "data_fields.update"
--   repeatable    whether sending it twice is the same as sending it once: GET always, POST never, PUT and DELETE when
--                 they are confirmed
--   source        the page that has or names it; none for what only code knows
--   confirmed     "doc" or "ms"
--   ids           the names in the path, in order
local ipairs, gmatch = ipairs, string.gmatch
local error = error

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

local resources, by_name, operations = {}, {}, {}
for i, file in ipairs(NAMES) do
  local resource = require("oneflow.api." .. file)
  resource.name = resource.name or resource.item or resource.record
  resources[i] = resource
  if resource.name then by_name[resource.name] = resource end
  for _, operation in ipairs(resource.operations) do
    operation.name = operation.name or name_of(resource, operation)
    if operations[operation.name] then error("two operations are called " .. operation.name) end
    operations[operation.name] = operation
    operation.ids = {}
    for id in gmatch(operation.path, "{([a-z_]+)}") do operation.ids[#operation.ids + 1] = id end
    operation.confirmed = CONFIRMED[operation.confidence] or false
    if operation.repeatable == nil then
      operation.repeatable = operation.method == "GET" or (operation.method ~= "POST" and operation.confirmed)
    end
    if operation.confirmed or operation.named then operation.source = operation.source or resource.source end
  end
end

return { resources = resources, by_name = by_name, operations = operations }

-- The endpoint table: every operation of the service that the library knows, as data.
-- One file a resource; `operations` here is all of them by name ("contract.publish").
--
-- A resource's fields:
--   item        the method that names one of them by its id: client:contract(4711); with `singleton`, without an id
--   collection  the field that holds them all: client.contracts
--   record      what one is called when there is no item method
--   accessors   names for what the service keeps deeper in a record
--
-- An operation's fields:
--   verb, on      what it is called and where: "client", "collection" or "item"
--   method, path  `{contract}` stands for the id of the item named so
--   as            acting user: "none" (not needed, sent when there is one), "optional" (the service
--                 takes the anonymous administrator too), "required" (it does not), "unknown"
--   repeatable    whether sending it twice is the same as sending it once
--   returns       a record's name, "data" (a plain table) or "nothing"
--   pages, sort, filters, query, body   what a list or a payload may hold; see oneflow.check
--   source, confidence   the page it comes from, and how sure it is: "doc", "ms", "code", "?"
local resources = {}
for i, name in ipairs { "core", "account", "user", "contract", "template_type" } do
  resources[i] = require("oneflow.api." .. name)
end

local operations = {}
for _, resource in ipairs(resources) do
  for _, operation in ipairs(resource.operations) do
    local owner = resource.item or resource.record
    operation.name = owner and owner .. "." .. operation.verb or operation.verb
    operations[operation.name] = operation
  end
end

return { resources = resources, operations = operations }

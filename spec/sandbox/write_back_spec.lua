-- What was read can be written back: of every operation of the endpoint table whose body is a form of what is read.
local api = require "oneflow.api"
local cjson = require "cjson"
local core = require "oneflow.core"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local testing = require "oneflow.testing"

local SVEN = "sven@example.com"

local function names_of(set)
  local list = {}
  for name in pairs(set or {}) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- ---- of each operation a record with all that the table names ----------------------------------------------------

-- What is written and what is read with it, for a field; `count` gets how many names there are of each.
local full

local function full_object(object, count)
  local written, read, skipped = {}, {}, {}
  for _, names in ipairs(object.exclusive or {}) do
    for i = 2, #names do skipped[names[i]] = true end
  end
  for _, rule in ipairs(object.forbids or {}) do -- a company
    if rule.when.type and rule.when.type[1] == "company" then skipped[rule.names[1]] = true end
  end
  for name, field in pairs(object.fields) do
    if not skipped[name] then
      written[name], read[name] = full(field, count)
      count.written = count.written + 1
    end
  end
  for name, only in pairs(object.read_only or {}) do
    read[name] = only
    if only == true then read[name] = { "as", { it = "was" }, oneflow.null } end
    count.read_only = count.read_only + 1
  end
  return written, read
end

function full(field, count)
  if field.type == "object" then return full_object(field, count) end
  if field.type == "list" and type(field.of) == "table" then
    local written, read = full(field.of, count)
    return { written }, { read }
  end
  local value = operations.sample(field)
  return value, value
end

local function full_body(operation, count)
  local rules = operation.rules or {}
  return full_object({ fields = operation.body, read_only = operation.read_only, exclusive = rules.exclusive,
    forbids = rules.forbids }, count)
end

local function writes(operation) return operation.body and not operation.upload end

describe("written back:", function()
  local sent, sven
  before_each(function()
    sent = {}
    local client = oneflow.client { token = "token", transport = function(request)
      sent[#sent + 1] = request
      return 200, {}, string.format('{"id":%d,"data_fields":[]}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  it("what the service only sends is left out, by handles that hold nothing, of every operation", function()
    local all, count = 0, { written = 0, read_only = 0 }
    for _, operation in ipairs(operations.all()) do
      if writes(operation) then
        local before = count.read_only
        local written, read = full_body(operation, count)
        local value, err = operations.call(operation, sven, nil, read)
        assert.is_truthy(value, operation.name .. ": " .. tostring(err))
        assert.same(written, cjson.decode(sent[#sent].body), operation.name)
        if count.read_only > before then all = all + 1 end
      end
    end
    assert.is_true(all == 24 and count.written >= 390 and count.read_only >= 200,
      string.format("operations %d, names written %d, only read %d", all, count.written, count.read_only))
  end)

  it("an operation that changes a record names what is only read of it, another one nothing", function()
    local OTHERS = { -- bodies that are no form of a record
      ["comment.create"] = true, ["reminder.create"] = true, ["contract.publish"] = true, ["contract.copy"] = true,
      ["contract.move"] = true,
    }
    local IN_LISTS = { -- of whose records there are several
      ["contract.create"] = true, ["data_fields.update"] = true, ["product_groups.update"] = true,
      ["template_type_data_fields.replace"] = true,
    }
    for _, operation in ipairs(operations.all()) do
      if writes(operation) then
        local named = not OTHERS[operation.name] and not IN_LISTS[operation.name]
        assert.equal(named, operation.read_only ~= nil, operation.name)
        for name in pairs(operation.read_only or {}) do
          assert.is_nil(operation.body[name], operation.name .. ": " .. name)
        end
      end
    end
  end)

  it("unchecked leaves nothing out", function()
    local operation = api.operations["participant.update"]
    local _, read = full_body(operation, { written = 0, read_only = 0 })
    assert(operations.call(operation, sven, { unchecked = true }, read))
    assert.same(core.decode(core.encode(read)), core.decode(sent[1].body))
    assert.is_table(read._private_ownerside.visits)
  end)

  it("a body of which nothing is left raises, and names what is only read", function()
    for _, body in ipairs { { id = 7 }, { _private = { workspace_id = 3, folder = oneflow.null } } } do
      local good, message = pcall(function() return sven:contract(7):update(body) end)
      assert.is_false(good)
      assert.matches("nothing in the body can be changed: body%.[_.a-z]+ is only read", message)
    end
    assert(sven:contract(7):update {}) -- changes nothing, and says so
    assert.equal("{}", sent[1].body)
  end)

  it("a party of the owner side does not become a counterparty", function()
    local party = { type = "company", name = "A", my_party = true, id = 5,
                    participants = { { name = "N", delivery_channel = "none" } } }
    assert.is_false(pcall(function() return sven.contracts:create { workspace_id = 1, template_id = 2,
      parties = { party } } end))
    assert.is_false(pcall(function() return sven:contract(1).parties:create(party) end))
    assert.same({}, sent)
    party.my_party = false
    assert(sven:contract(1).parties:create(party))
    assert.same({ "name", "participants", "type" }, names_of(cjson.decode(sent[1].body)))
  end)
end)

describe("written back by a handle that holds the record:", function()
  local RECORD = '{"id":7,"state":"draft","_private":{"name":"N","invented":{"a":[1]}},"parties":[{"id":3}],'
    .. '"product_groups":[{"id":1,"products":[{"id":10,"name":"A","tax":"25"},{"id":11,"name":"B","tax":"12"}]}],'
    .. '"data_fields":[{"id":5,"value":"x","invented":1}],"tags":[{"id":1,"name":"t","hue":"red"}]}'
  local sent, contract
  before_each(function()
    sent = {}
    local client = oneflow.client { token = "token", transport = function(request)
      sent[#sent + 1] = request.body
      return 200, {}, RECORD
    end }
    contract = assert(assert(client:user(SVEN)):contract(7):get())
    sent = {}
  end)

  it("fields of other operations, and names that the table does not have, are left out if unchanged", function()
    local data = contract.data
    data._private.name = "M"
    assert(contract:update(data))
    assert.same({ _private = { name = "M" }, tags = { { id = 1, name = "t" } } }, cjson.decode(sent[1]))
  end)

  it("of lists by the id of the item, in any order", function()
    local groups = contract.data.product_groups
    local products = groups[1].products
    products[1], products[2] = products[2], products[1]
    products[1].name = "C"
    assert(contract.product_groups:update { product_groups = groups })
    assert.same({ product_groups = { { id = 1, products = { { id = 11, name = "C" }, { id = 10, name = "A" } } } } },
      cjson.decode(sent[1]))
    local fields = contract.data.data_fields
    fields[1].value = "y"
    assert(contract.data_fields:update { data_fields = fields })
    assert.same({ data_fields = { { id = 5, value = "y" } } }, cjson.decode(sent[2]))
  end)

  it("no metamethod of what is given sees what the handle holds", function()
    local seen = 0
    local function note() seen = seen + 1 return true end
    local data = contract.data
    data.parties = setmetatable({ { id = 3 } }, { __eq = note, __index = note })
    data._private.invented = setmetatable({}, { __eq = note, __index = function() return { 1 } end })
    assert.is_false(pcall(function() return contract:update(data) end))
    assert.equal(0, seen)
    assert.same({}, sent)
  end)

  it("what was changed raises, and names the place", function()
    for path, change in pairs {
      ["body.state is read, and not changed here"] = function(data) data.state = "signed" end,
      ["body.parties is read, and not changed here"] = function(data) data.parties[1].name = "x" end,
      ["body._private.invented is read, and not changed here"] = function(data) data._private.invented.a[1] = 2 end,
      ["body.tags[1].hue is read, and not changed here"] = function(data) data.tags[1].hue = "blue" end,
      ['body has no field "nmae"'] = function(data) data.nmae = "x" end,
    } do
      local data = contract.data
      change(data)
      local good, message = pcall(function() return contract:update(data) end)
      assert.is_false(good, path)
      assert.is_truthy(string.find(message, path, 1, true), message)
    end
    assert.same({}, sent)
  end)
end)

-- ---- in the sandbox ----------------------------------------------------------------------------------------------

describe("the sandbox takes back what it gave:", function()
  local ADMIN, ANNA = "admin@example.com", "anna@example.com"
  local anna, admin, contract

  before_each(function()
    local client = testing.sandbox():client()
    anna, admin = client:user(ANNA), client:user(ADMIN)
    contract = assert(anna:contract(4711):get())
  end)

  local function first(list)
    assert.is_true(#list > 0)
    return list[1]
  end

  -- By the name of an operation's resource: how all of its records are read.
  local READ = {
    contract = function() -- in each state
      local found, states = {}, {}
      for item in admin.contracts:each() do
        found[#found + 1], states[item.state] = assert(item:get()), true
      end
      assert.is_true(states.draft and states.pending and states.signed)
      return found
    end,
    party = function() return assert(contract.parties:list()) end,
    participant = function() return contract:find_participants() end,
    data_field = function() return assert(contract.data_fields:list()) end,
    product_group = function() return assert(contract.product_groups:list()) end,
    product = function()
      local group = first(assert(contract.product_groups:list()))
      local found = {}
      for i, product in ipairs(group.data.products) do found[i] = assert(contract:product(product.id):get()) end
      return found
    end,
    contact = function() return assert(anna.contacts:list { workspace_id = 101 }) end,
    folder = function() return assert(anna.folders:list()) end,
    tag = function() return assert(admin.tags:list()) end,
    template_type = function() return assert(admin.template_types:list()) end,
    webhook = function()
      assert(admin.webhooks:create { callback_url = "https://example.com/hook", sign_key = "k", filters = {
        { filter_rules = { { type = "EVENT_TYPE", values = { "contract:sign" } } } } } })
      return assert(admin.webhooks:list())
    end,
  }

  -- What is changed as a whole: how, with what was read.
  local WHOLE = {
    ["data_fields.update"] = function()
      return contract.data_fields:update { data_fields = contract.data.data_fields }, #contract.data.data_fields
    end,
    ["product_groups.update"] = function()
      return contract.product_groups:update { product_groups = contract.data.product_groups },
        #contract.data.product_groups
    end,
    ["template_type_data_fields.replace"] = function()
      local kind = first(assert(admin.template_types:list()))
      local fields = {}
      for i, field in ipairs(assert(kind.data_fields:list())) do fields[i] = field.data end
      return kind.data_fields:replace { data_fields = fields }, #fields
    end,
    ["product_group.product.update"] = function()
      local group = first(assert(contract.product_groups:list()))
      local product = first(group.data.products)
      return group:product(product.id):update(product), 1
    end,
  }

  -- Without the times of the change.
  local function lasting(data)
    local copy = {}
    for name, value in pairs(data) do
      if type(value) == "table" then value = lasting(value) end
      if name ~= "updated_time" then copy[name] = value end
    end
    return copy
  end

  it("of every operation that changes what can be read, whole, and nothing is changed by it", function()
    local count, records, fields = 0, 0, 0
    for _, operation in ipairs(operations.all()) do
      if operation.method == "PUT" then
        count = count + 1
        local whole = WHOLE[operation.name]
        if whole then
          local answer, err = whole()
          assert.is_truthy(answer, operation.name .. ": " .. tostring(err))
        else
          local resource = string.match(operation.name, "^([%l_]+)%.update$")
          for _, item in ipairs(assert(READ[resource], operation.name)()) do
            local data = item.data
            local after, err = item:update(data)
            assert.is_truthy(after, operation.name .. ": " .. tostring(err))
            assert.same(lasting(data), lasting(after.data), operation.name)
            records = records + 1
            for _ in pairs(data) do fields = fields + 1 end
          end
        end
      end
    end
    assert.is_true(count == 15 and records >= 20 and fields >= 200,
      string.format("operations %d, records %d, fields %d", count, records, fields))
  end)

  it("one change of a product in its group, the rest as it was read", function()
    local group = first(assert(contract.product_groups:list()))
    local products = group.data.products
    products[1].name = "Inspection, first year"
    local after = assert(group:update { products = products })
    assert.equal("Inspection, first year", after.data.products[1].name)
    assert.equal(products[1].id, after.data.products[1].id)
    assert.equal(#products, #after.data.products)
    assert.equal(oneflow.null, after.data.products[1].price_2)
  end)

  it("a copy: what was read makes another one", function()
    local read = contract.data.parties[2]
    assert(contract:party(read.id):delete())
    local party = assert(contract.parties:create(read))
    assert.equal(read.name, party.data.name)
    assert.are_not.equal(read.id, party.data.id)
    local group = first(assert(contract.product_groups:list()))
    local product = assert(group.products:create(first(group.data.products)))
    assert.are_not.equal(first(group.data.products).id, product.data.id)
    local contact = first(READ.contact())
    assert.are_not.equal(contact.id, assert(anna.contacts:create(contact.data)).id)
    local folder = first(READ.folder())
    assert.are_not.equal(folder.id, assert(anna.folders:create(folder.data)).id)
    local webhook = first(READ.webhook())
    assert.are_not.equal(webhook.id, assert(admin.webhooks:create(webhook.data)).id)
    local tag = first(READ.tag())
    assert(tag:delete())
    assert.equal(tag.name, assert(admin.tags:create(tag.data)).name)
    local other = assert(contract.parties:create { type = "company", name = "B", participants = { { name = "N",
      delivery_channel = "none" } } })
    assert(contract:party(other.id).participants:create { name = "M", delivery_channel = "none" })
    local again = assert(contract:get()):find_participants()
    local last = again[#again]
    assert(last:delete())
    assert.equal(last.name, assert(contract:party(other.id).participants:create(last.data)).name)
  end)

  it("a contract like one that was read", function()
    local read = assert(anna:contract(4713):get())
    local parties = read.data.parties
    local mine = table.remove(parties, 1)
    assert.is_true(mine.my_party)
    local made = assert(anna.contracts:create {
      workspace_id = read.workspace_id, template_id = read.template_id, name = read.name, value = read.value,
      my_party = mine, parties = parties, tags = read.data.tags,
    })
    local function people(of)
      local names = {}
      for i, person in ipairs(of:find_participants()) do names[i] = person.name .. person.email end
      return names
    end
    assert.same(people(read), people(made))
    assert.same(read.data.tags, made.data.tags)
    assert.is_true(#people(made) > 1)
  end)
end)

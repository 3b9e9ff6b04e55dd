-- Collections and items at every level: what they are called, which path they take, and what they know of each other.
local oneflow = require "oneflow"
local operations = require "spec.support.operations"

local SVEN = "sven@example.com"

describe("nested objects:", function()
  local asked, answers, sven, client
  before_each(function()
    asked, answers = {}, {}
    client = oneflow.client { token = "token", transport = function(request)
      asked[#asked + 1] = request
      return answers.status or 200, {}, table.remove(answers, 1)
        or string.format('{"id":%d,"data":[]}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  local function last(expected)
    local request = asked[#asked]
    assert.equal(expected, request.method .. " " .. request.path
      .. (request.query and request.query ~= "" and "?" .. request.query or ""))
    return request
  end

  local function says(fn, ...)
    local good, message = pcall(fn)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "nested_spec.lua:%d+: "), "points at the caller: " .. message)
    for _, piece in ipairs { ... } do assert.is_truthy(string.find(message, piece, 1, true), message) end
  end

  it("records have the ids of their parents, from lists, creates, reads and updates", function()
    answers = { '{"data":[{"id":5,"type":"company"}]}', '{"id":6}', '{"id":7}', '{"id":7}', '{"id":7}' }
    local contract = sven:contract(4711)
    local party = assert(contract.parties:list())[1]
    assert.same({ contract = 4711, party = 5 }, party.ids)
    local made = assert(contract.parties:create { type = "individual",
      participant = { name = "A", delivery_channel = "none" } })
    assert.same({ contract = 4711, party = 6 }, made.ids)
    local person = assert(party.participants:create { name = "A", delivery_channel = "none" })
    assert.same({ contract = 4711, party = 5, participant = 7 }, person.ids)
    assert.equal("oneflow participant 7 of party 5 of contract 4711", tostring(person))
    local updated = assert(person:update {})
    assert.same(person.ids, updated.ids)
    assert(updated:update { title = "CEO" })
    last "PUT /v1/contracts/4711/parties/5/participants/7"
    assert(updated:access_link())
    last "POST /v1/contracts/4711/participants/7/access_link"
    says(function() person.ids.party = nil; error(person.ids.party == 5 and "nested_spec.lua:1: kept" or "lost") end,
      "kept")
  end)

  it("what an answer does not place below its item is below the client", function()
    local copy = assert(sven:contract(4711):copy { workspace_id = 1 })
    assert.same({ contract = 4712 }, copy.ids)
    answers = { '[{"id":21,"name":"Sales","templates":[]}]' }
    local workspace = assert(sven.helpers:contract_create_data { template_type_id = 3 })[1]
    last "GET /v1/helpers/contract_create_data?template_type_id=3"
    assert.equal("Sales", workspace.name)
    assert(workspace:get())
    last "GET /v1/workspaces/21"
    assert.same({ user = 25 }, assert(sven.users:get(25)).ids)
  end)

  it("a product is changed by way of its group when that is known", function()
    assert(sven:contract(1):product(3):update {})
    last "PUT /v1/contracts/1/products/3"
    assert(sven:contract(1):product_group(2):product(3):update {})
    last "PUT /v1/contracts/1/product_groups/2/products/3"
    assert(sven:contract(1):product_group(2):product(3):delete())
    last "DELETE /v1/contracts/1/products/3"
    answers = { '{"data":[{"id":4}]}' }
    local product = assert(sven:contract(1).products:list())[1]
    assert(product:update {})
    last "PUT /v1/contracts/1/products/4"
    assert(sven:contract(1):product_group(2).products:create { name = "x" })
    last "POST /v1/contracts/1/product_groups/2/products"
  end)

  it("a data field by id, digits or custom id, written so that it stays one segment", function()
    for id, segment in pairs {
      [17] = "17", ["17"] = "17", ["c::org-nr"] = "c::org-nr", ["c::a b?c#d"] = "c::a%20b%3Fc%23d",
      ["c::\195\165&+;="] = "c::%C3%A5%26%2B%3B%3D", ["c::17"] = "c::17", ["c::a.b"] = "c::a.b", ["c::..."] = "c::...",
    } do
      assert(sven:contract(1):data_field(id):update { value = "x" })
      last("PUT /v1/contracts/1/data_fields/" .. segment)
    end
    assert.equal("oneflow data_field c::x of contract 1 (not loaded)", tostring(sven:contract(1):data_field "c::x"))
    local count = #asked
    for _, id in ipairs { "c::", "c::.", "c::..", "c::a/b", "c::a\\b", "c::%2e", "c::a\r\nb", "c::\0", "c::\255", "c:x",
                          "org-nr", "c::" .. string.rep("x", 201) } do
      local value, err = sven:contract(1):data_field(id):update { value = "x" }
      assert.is_nil(value, id)
      assert.equal("validation", err.kind)
      assert.equal("data_field id", err.problems[1].path)
    end
    local _, err = sven:contract "c::1":get()
    assert.equal("validation", err.kind)
    assert.equal(count, #asked)
  end)

  it("a handle that lacks an item above says which, and how it is named", function()
    says(function() return sven:contract(1):participant(2).update end, "participant.update needs the party",
      "contract:party(id)")
    says(function() return sven:contract(1):participant(2).updat end, 'no "updat"')
    says(function() return sven:contract(1).participants end, 'did you mean "participant"')
    says(function() return sven:contract(1).party(2) end, "call with a colon: contract:party")
    says(function() return sven:contract(1):parties() end, "use contract.parties:list()")
    says(function() return sven.helpers() end, "use client.helpers:contract_create_data(...)")
    says(function() return sven:contract(1):party(2).participants:list() end, 'participants has no "list"')
    says(function() return sven:contract(1):product_group(2).products:list() end, 'products has no "list"')
    says(function() return sven:contract(1).products:create {} end, 'products has no "create"')
    says(function() return sven:contract(1):party(sven:contract(3)) end, "party id: a contract given")
    says(function() return sven:contract(1):party(sven:contract(2):party(3)) end, "a party of another contract")
    says(function() return sven:contract(1):decline({}, {}) end, "takes options alone")
    assert.equal(5, sven:contract(1):party(sven:contract(1):party(5)).id)
    says(function() return sven:template(1):file(sven:contract(1):file(1)) end, "file id: a file given")
  end)

  it("lists take the operation's own parameters and filters", function()
    assert(sven.contacts:list { workspace_id = 21, limit = 5 })
    last "GET /v1/contacts?workspace_id=21&limit=5"
    assert(sven.templates:list { template_type_id = "7", extension_type = "a b",
      filter = { active = false, workspace_ids = { 1, "2" } }, sort = "-name" })
    last("GET /v1/templates?extension_type=a%20b&template_type_id=7&filter%5Bactive%5D=false"
      .. "&filter%5Bworkspace_ids%5D=1%2C2&sort=-name")
    assert(sven.templates:list { filter = { active = "any", workspace_ids = 3 } })
    last "GET /v1/templates?filter%5Bactive%5D=&filter%5Bworkspace_ids%5D=3"
    assert(sven.workspaces:list { filter = { id = { 21 }, name = "Sales" } })
    last "GET /v1/workspaces?filter%5Bid%5D=21&filter%5Bname%5D=Sales"
    assert(sven.contracts:list { filter = { published_time = { from = "2026-01-01T00:00:00+00:00" },
      data_field_match = { ["org-nr"] = "5&6" } } })
    last("GET /v1/contracts?filter%5Bdata_field_match%5D=org-nr%3A5%266"
      .. "&filter%5Bpublished_time%5D=2026-01-01T00%3A00%3A00%2B00%3A00%7C")
    assert(sven.contracts:list { filter = { published_time = { from = 1767225600, to = 1767225601 } } })
    last("GET /v1/contracts?filter%5Bpublished_time%5D=2026-01-01T00%3A00%3A00%2B00%3A00"
      .. "%7C2026-01-01T00%3A00%3A01%2B00%3A00")
    assert(sven:contract(1).reminders:create { subject = "s", message = "m", reminder_recipients = { 1 },
      date_time = 1767225600 })
    assert.is_truthy(string.find(asked[#asked].body, '"date_time":"2026-01-01T00:00:00+00:00"', 1, true))
  end)

  it("a list that comes whole is walked like one in pages; its envelope may have another name", function()
    local body = '{"data_fields":[{"id":1,"custom_id":"a"},{"id":2,"custom_id":"b"}]}'
    answers = { body, body, '[{"id":1}]', '{"data_fields":[]}', '{"fields":[]}', '{"data_fields":{}}' }
    local fields = sven:template_type(5).data_fields
    assert.equal("b", assert(fields:list())[2].custom_id)
    local seen = {}
    for field in fields:each() do seen[#seen + 1] = field.custom_id end
    assert.same({ "a", "b" }, seen)
    last "GET /v1/helpers/template_types/5/data_fields"
    assert.equal(1, #assert(fields:list()))
    assert.equal(0, #assert(fields:list()))
    for _ = 1, 2 do
      local _, err = fields:list()
      assert.equal("decode", err.kind)
    end
    says(function() return fields:list { limit = 1 } end, "unknown name")
    says(function() return fields:create {} end, "data_fields has no")
  end)

  it("values that the service invents pass through", function()
    answers = { '{"id":1,"state":"frozen","future":{"x":1},"_private":{"name":"n"}}',
                '{"data":[{"id":1,"type":"contract:teleported"}]}' }
    local contract = assert(sven:contract(1):get())
    assert.equal("frozen", contract.state)
    assert.equal(1, contract:at("future", "x"))
    assert.equal("contract:teleported", assert(contract.events:list())[1].type)
  end)

  it("a webhook's id may be called webhook_id", function()
    answers = { '{"webhook_id":77}' }
    assert.equal(77, assert(sven.webhooks:create { callback_url = "https://example.com/x" }).id)
  end)

  it("404 and 405 of an operation that no page confirms say so, and of others not", function()
    for _, status in ipairs { 404, 405, 403 } do
      answers = { status = status, "{}", "{}" }
      local _, err = sven:contract(1):decline()
      assert.equal(status ~= 403, err.unconfirmed)
      local told = string.find(tostring(err), "no official page confirms contract.decline", 1, true) ~= nil
      assert.equal(status ~= 403, told)
      _, err = sven:contract(1):publish {}
      assert.is_false(err.unconfirmed)
      assert.is_nil(string.find(tostring(err), "confirms", 1, true))
    end
  end)
end)

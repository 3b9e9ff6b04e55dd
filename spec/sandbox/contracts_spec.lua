-- What the contract operations do, as raw requests to the emulator.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ANNA, SVEN, VIEWER = "anna@example.com", "sven@example.com", "viewer@example.com"

describe("a contract", function()
  local box, call

  local function read(id)
    local _, contract = call("GET", "/contracts/" .. id)
    return contract
  end

  local function create(body, user)
    return call("POST", "/contracts/create", { user = user or ANNA, body = core.encode(body) })
  end

  local function update(id, text, user)
    return call("PUT", "/contracts/" .. id, { user = user or ANNA, body = text })
  end

  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  it("has the service's shape", function()
    local _, _, headers = call("GET", "/contracts/4711")
    assert.equal("application/json", headers["content-type"])
    local _, _, text = box.transport{
      method = "GET", path = "/v1/contracts/4711/", query = "", headers = {}, token_sha256 = core.sha256(box.token),
    }
    assert.is_true(#text > 3500 and #text < 7000, "length " .. #text)
    assert.truthy(string.find(text, '"tags":[]', 1, true))
    local contract = core.decode(text)
    assert.same({ 4711, "draft" }, { contract.id, contract.state })
    assert.is_nil(contract.name)
    assert.equal("Service agreement - Example Customer AB", contract._private.name)
    assert.equal(201, contract._private_ownerside.template_id)
    assert.equal(core.null, contract.published_time)
    assert.same({ "company", "company", "individual" },
      { contract.parties[1].type, contract.parties[2].type, contract.parties[3].type })
    assert.equal("cecilia@customer.example", contract.parties[2].participants[1].email)
    assert.equal("per@customer.example", contract.parties[3].participant.email)
    assert.is_nil(contract.parties[3].participants)
    assert.equal("start_date", contract.data_fields[1]._private_ownerside.custom_id)
    assert.equal("1200.00", contract.product_groups[1].products[1].price_1.amount.amount)
    assert.is_true(contract._permissions["contract:delete"])
    assert.is_false(select(2, call("GET", "/contracts/4711", { user = VIEWER }))._permissions["contract:delete"])
  end)

  it("is not found by an id that is none", function()
    for _, id in ipairs{ "1", "0", "04711", "4711.0", "x", "99999999999999999999", "4711;", "%34711" } do
      assert.equal(404, (call("GET", "/contracts/" .. id)), id)
    end
    assert.equal(200, (call("GET", "/contracts/4711/")))
  end)

  it("is published from draft, once", function()
    local status, contract = call("POST", "/contracts/4711/publish", { user = ANNA, body = '{"subject":"Hi"}' })
    assert.same({ 200, "pending" }, { status, contract.state })
    assert.is_string(contract.published_time)
    assert.equal(contract.published_time, contract.state_updated_time)
    assert.is_string(contract.signing_period_expiry_time)
    assert.equal("pending", contract.parties[2].participants[1].delivery_status)
    assert.equal(409, (call("POST", "/contracts/4711/publish", { user = ANNA })))
    assert.equal(409, (call("POST", "/contracts/4713/publish", { user = ANNA })))
    assert.equal("signed", read(4713).state)
  end)

  it("is not published on a free plan", function()
    local status = call("POST", "/contracts/5711/publish",
      { user = "other@example.net", token = box.accounts[2].token })
    assert.equal(402, status)
    local _, contract = call("GET", "/contracts/5711", { token = box.accounts[2].token })
    assert.equal("draft", contract.state)
  end)

  it("is not changed by those who only see it", function()
    for _, case in ipairs{ { "POST", "/publish" }, { "PUT", "" }, { "DELETE", "" } } do
      local path = "/contracts/4711" .. case[2]
      assert.equal(403, (call(case[1], path, { user = VIEWER, body = "{}" })), case[1])
      assert.equal(404, (call(case[1], path, { user = SVEN, body = "{}" })), case[1])
      assert.equal(400, (call(case[1], path, { body = "{}" })), case[1])
    end
    assert.equal("draft", read(4711).state)
  end)

  it("is deleted, and then deleting it is 200 too", function()
    local status, body = call("DELETE", "/contracts/4711", { user = ANNA })
    assert.same({ 200, {} }, { status, body })
    assert.equal(404, (call("GET", "/contracts/4711")))
    status, body = call("DELETE", "/contracts/4711", { user = ANNA })
    assert.same({ 200, {} }, { status, body })
  end)

  it("is changed in what is named, and in nothing by {}", function()
    local before = read(4711)
    local status, same_ = update(4711, "{}")
    assert.equal(200, status)
    assert.same(before, same_)
    status = update(4711, '{"_private":{"name":"New","value":{"amount":"1.50","currency":"EUR"}}}')
    assert.equal(200, status)
    local after = read(4711)
    assert.same({ "New", "1.50" }, { after._private.name, after._private.value.amount })
    assert.same(before.parties, after.parties)
    update(4711, '{"_private":{"value":null}}')
    assert.equal(core.null, read(4711)._private.value)
    assert.equal("New", read(4711)._private.name)
  end)

  it("is not changed by what is no object", function()
    for _, text in ipairs{ "[]", " [1]", "null", "1", "{", "\"x\"" } do
      local status, answer = update(4711, text)
      assert.equal(400, status, text)
      assert.truthy(string.find(answer.detail, "not a JSON object", 1, true))
    end
  end)

  it("keeps its sign order: a list, also when it is empty", function()
    local person = read(4711).parties[2].participants[1].id
    local order = string.format('[{"participant_id":%d,"order":1}]', person)
    assert.equal(1, #select(2, update(4711, '{"sign_order":' .. order .. "}")).sign_order)
    for _, none in ipairs{ "[]", "null" } do
      update(4711, '{"sign_order":' .. none .. "}")
      local _, _, text = box.transport{
        method = "GET", path = "/v1/contracts/4711", query = "", headers = {}, token_sha256 = core.sha256(box.token),
      }
      assert.truthy(string.find(text, '"sign_order":[]', 1, true), none)
    end
  end)

  it("keeps exactly the tags that are sent", function()
    update(4711, '{"tags":[{"id":271},{"name":"Fresh"}]}')
    local tags = read(4711).tags
    assert.same({ "Renewal", "Fresh" }, { tags[1].name, tags[2].name })
    update(4711, '{"tags":[]}')
    assert.same({}, read(4711).tags)
    update(4711, '{"tags":[{"id":271},{"name":"Renewal"},{"name":"Twice"},{"name":"Twice"}]}')
    assert.equal(2, #read(4711).tags)
    assert.equal(400, (update(4711, '{"tags":[{"name":"Newest"},{"id":999}],"_private":{"name":"no"}}')))
    assert.equal(400, (update(4711, '{"tags":[{}]}')))
    assert.not_equal("no", read(4711)._private.name)
    for _, tag in ipairs(select(2, call("GET", "/tags")).data) do assert.not_equal("Newest", tag.name) end
  end)

  it("takes a signing period that its state allows", function()
    local function period(id, text)
      return (update(id, '{"_private":{"signing_period_expiration":' .. text .. "}}"))
    end
    assert.equal(200, period(4711, '{"type":"days_after_publish","expire_days_after_publish":5}'))
    assert.equal(200, period(4711, '{"type":"never"}'))
    assert.equal(400, period(4711, "null"))
    assert.equal(400, period(4711, '{"type":"fixed_date"}'))
    assert.equal(400, period(4711, '{"type":"sometime"}'))
    assert.equal(200, period(4714, '{"type":"fixed_date","expire_date":"2030-01-31"}'))
    assert.equal("2030-01-31T00:00:00+00:00", read(4714).signing_period_expiry_time)
    assert.equal(409, period(4714, '{"type":"days_after_publish","expire_days_after_publish":5}'))
    assert.equal(409, period(4713, '{"type":"never"}'))
  end)

  it("is created from a template", function()
    local status, contract = create{
      workspace_id = 101, template_id = 201, name = "Made", tags = core.array{},
      data_fields = { { custom_id = "org-nr", value = "1" } },
      parties = {
        { type = "company", name = "Buyer AB",
          participants = { { name = "B", email = "b@buyer.example", delivery_channel = "email" } } },
        { type = "individual", participant = { name = "P", phone_number = "+46700000002",
                                               delivery_channel = "sms" } },
      },
    }
    assert.equal(200, status)
    assert.same({ "Made", "draft", "1" }, { contract._private.name, contract.state, contract.data_fields[2].value })
    assert.same({ "Example Company AB", "Buyer AB" }, { contract.parties[1].name, contract.parties[2].name })
    assert.equal("P", contract.parties[3].participant.name)
    assert.same(contract, read(string.format("%d", contract.id)))
    assert.equal("Service agreement", select(2, create{ workspace_id = 101, template_id = 201 })._private.name)
  end)

  it("is not created from what is missing or wrong, and every problem is named", function()
    local function problems(body)
      local status, answer = create(body)
      assert.equal(400, status)
      return answer.parameter_problems
    end
    local found = problems{ name = string.rep("x", 131), parties = core.array{ { type = "firm" } } }
    for _, path in ipairs{ "workspace_id", "template_id", "name", "parties[0].type" } do
      assert.is_string(found[path] and found[path][1], path)
    end
    found = problems{
      workspace_id = 101, template_id = 201, parties = {
        { type = "company" },
        { type = "individual" },
        { type = "company", name = "X", participants = { { name = "Y", delivery_channel = "email_and_sms" } } },
      },
    }
    for _, path in ipairs{ "parties[0].name", "parties[0].participants", "parties[1].participant",
                           "parties[2].participants[0].email", "parties[2].participants[0].phone_number" } do
      assert.is_string(found[path] and found[path][1], path)
    end
    assert.is_table(problems{ workspace_id = 101, template_id = 202 }.template_id)
    assert.is_table(problems{ workspace_id = 101, template_id = 201,
      data_fields = { { custom_id = "nope", value = "1" } } }["data_fields[0].custom_id"])
    for _, text in ipairs{ "", "[]", "[1]", "{", "null", "1" } do
      assert.equal(400, (call("POST", "/contracts/create", { user = ANNA, body = text })), text)
    end
    local _, page = call("GET", "/contracts")
    assert.equal(4, page.count)
  end)

  it("is not created where the user may not", function()
    local body = { workspace_id = 101, template_id = 201 }
    assert.equal(404, (create(body, SVEN)))
    assert.equal(403, (create(body, VIEWER)))
    assert.equal(404, (create{ workspace_id = 999, template_id = 201 }))
    assert.equal(404, (create{ workspace_id = 101, template_id = 999 }))
    assert.equal(404, (create{ workspace_id = 103, template_id = 203 })) -- the other account's
    assert.equal(200, (create(body)))
  end)
end)

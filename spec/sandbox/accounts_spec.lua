-- The operations around the contracts, as raw requests to the emulator.
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

describe("the service", function()
  it("welcomes, and answers a ping with an empty object", function()
    local call = requests.in_process(testing.sandbox())
    local _, welcome = call("GET", "/")
    local names = {}
    for name in pairs(welcome) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "api_version", "description", "documentation", "message" }, names)
    local status, body = call("GET", "/ping/")
    assert.same({ 200, {} }, { status, body })
  end)
end)

describe("a list of users", function()
  it("is paginated like any other", function()
    local call = requests.in_process(testing.sandbox())
    local _, page = call("GET", "/users", { query = "limit=2&offset=2" })
    assert.same({ 303, 304 }, { page.data[1].id, page.data[2].id })
    assert.equal(5, page.count)
    assert.truthy(string.find(page._links.next.href, "/v1/users?limit=2&offset=4", 1, true))
    assert.same({ "sven@example.com", "registered", true, false },
      { page.data[1].email, page.data[1].state, page.data[1].active, page.data[1].is_admin })
    assert.equal(400, (call("GET", "/users", { query = "filter[x]=1" })))
    assert.equal("sven@example.com", select(2, call("GET", "/users/303")).email)
    for _, id in ipairs{ "306", "x", "0303" } do assert.equal(404, (call("GET", "/users/" .. id)), id) end
  end)
end)

describe("the account", function()
  it("is the token's", function()
    local box = testing.sandbox()
    local call = requests.in_process(box)
    local _, account = call("GET", "/accounts/me")
    assert.same({ "Example Company AB", "SE", "custom" },
      { account.name, account.country_code, account.token_info.integration.key })
    _, account = call("GET", "/accounts/me", { token = box.accounts[2].token })
    assert.equal("Other Company AB", account.name)
  end)
end)

describe("a template type", function()
  it("is made by anyone, a rule that is assumed; its name is required", function()
    local call = requests.in_process(testing.sandbox())
    local status, made, headers = call("POST", "/template_types", { body = '{"name":"Leases"}' })
    assert.same({ 200, "Leases", "assumed" }, { status, made.name, headers["x-oneflow-sandbox"] })
    local refused, answer = call("POST", "/template_types", { body = "{}" })
    assert.equal(400, refused)
    assert.is_table(answer.parameter_problems.name)
  end)
end)

-- Parties and participants, as raw requests to the emulator.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ANNA = "anna@example.com"

describe("parties:", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function read(id)
    return select(2, call("GET", "/contracts/" .. (id or 4711)))
  end

  local function path(party, person)
    local text = "/contracts/4711/parties"
    if party then text = string.format("%s/%d", text, party.id) end
    if person then text = string.format("%s/participants/%d", text, person.id) end
    return text
  end

  local function send(method, where, body)
    return call(method, where, { user = ANNA, body = core.encode(body) })
  end

  local function person(email, more)
    local body = { name = "Some One", email = email, delivery_channel = "email" }
    for name, value in pairs(more or {}) do body[name] = value end
    return body
  end

  it("are listed, and found one by one", function()
    local _, page = call("GET", path())
    assert.same({ 3, 3 }, { page.count, #page.data })
    assert.truthy(string.find(page._links.self.href, "/v1/contracts/4711/parties?", 1, true))
    local _, whole, headers = call("GET", path(), { query = "limit=all" })
    assert.same({ 3, "assumed" }, { #whole.data, headers["x-oneflow-sandbox"] })
    local _, party = call("GET", path(page.data[2]))
    assert.same(page.data[2], party)
    assert.equal(404, (call("GET", path{ id = 1 })))
  end)

  it("a company and an individual come, and go", function()
    local status, company = send("POST", path(), {
      type = "company", name = "Buyer AB", identification_number = "1", country_code = "NO",
      participants = { person "a@buyer.example", person("b@buyer.example", { title = "CFO" }) },
      _private_ownerside = { custom_id = "buyer" },
    })
    assert.equal(200, status)
    assert.same({ "Buyer AB", "NO", false, "CFO", "buyer" }, { company.name, company.country_code, company.my_party,
      company.participants[2].title, company._private_ownerside.custom_id })
    local individual
    status, individual = send("POST", path(), { type = "individual", participant = person "c@buyer.example" })
    assert.equal(200, status)
    assert.same({ "individual", "SE", "c@buyer.example" },
      { individual.type, individual.country_code, individual.participant.email })
    assert.is_nil(individual.participants)
    assert.is_nil(individual.name)
    assert.equal(5, #read().parties)
    assert.equal(200, (call("DELETE", path(company), { user = ANNA })))
    assert.equal(404, (call("GET", path(company))))
    assert.equal(4, #read().parties)
    assert.equal(409, (call("DELETE", path(read().parties[1]), { user = ANNA }))) -- the owner's
  end)

  it("a party that is not there is deleted all the same, by a user alone", function()
    local party = read().parties[2]
    for _ = 1, 2 do
      local status, _, headers = call("DELETE", path(party), { user = ANNA })
      assert.same({ 200, nil }, { status, headers["x-oneflow-sandbox"] })
    end
    assert.equal(200, (call("DELETE", path { id = 999 }, { user = ANNA })))
    assert.equal(400, (call("DELETE", path(read().parties[2]), {})))
    assert.equal(404, (call("DELETE", "/contracts/1/parties/2", { user = ANNA })))
  end)

  it("are refused in the wrong form, each problem by its path", function()
    for _, case in ipairs{
      { { type = "company" }, "name", "participants" },
      { { type = "individual", participants = { person "x@x.example" } }, "participant", "participants" },
      { { type = "company", name = "B", participants = core.array{} }, "participants" },
      { { type = "company", name = "B", participants = { person(nil, { delivery_channel = "sms" }) } },
        "participants[0].phone_number" },
      { { type = "company", name = "B", participants = { person("x", {}) } }, "participants[0].email" },
      { { type = "company", name = "B", participants = { person("x@x.example", { organizer = true }) } },
        "participants[0].organizer" },
      { { type = "company", name = "B",
          participants = { person("x@x.example", { two_step_authentication_method = "sms" }) } },
        "participants[0].phone_number" },
    } do
      local status, answer = send("POST", path(), case[1])
      assert.equal(400, status)
      for i = 2, #case do
        assert.is_string(answer.parameter_problems[case[i]] and answer.parameter_problems[case[i]][1], case[i])
      end
    end
    assert.equal(3, #read().parties)
  end)

  it("nobody is in a contract twice", function()
    local status, answer = send("POST", path(), {
      type = "company", name = "B", participants = { person "b@b.example", person "cecilia@customer.example" },
    })
    assert.same({ 400, 4000003 }, { status, answer.error_code })
    local message = answer.parameter_problems["participants[1].email"][1]
    assert.truthy(string.find(message, "cecilia@customer.example", 1, true))
    assert.equal("https://api.oneflow.com/v1/error_codes/4000003", answer.type)
    status, answer = send("POST", "/contracts/create", {
      workspace_id = 101, template_id = 201, parties = {
        { type = "company", name = "A", participants = { person "a@a.example" } },
        { type = "company", name = "B", participants = { person "b@b.example", person "a@a.example" } },
      },
    })
    assert.same({ 400, 4000003 }, { status, answer.error_code })
    assert.is_table(answer.parameter_problems["parties[1].participants[1].email"])
  end)

  it("no contract has more than forty participants", function()
    local people = {}
    for i = 1, 38 do people[i] = person(string.format("p%d@b.example", i)) end
    assert.equal(200, (send("POST", path(), { type = "company", name = "B", participants = people })))
    local status, answer = send("POST", path(), { type = "individual", participant = person "last@b.example" })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems.participants)
  end)

  it("change by what is said, an individual's number and name not", function()
    local company, individual = read().parties[2], read().parties[3]
    local status, party = send("PUT", path(company), { name = "New AB", country_code = "FI" })
    assert.same({ 200, "New AB", "FI", "556000-0001" },
      { status, party.name, party.country_code, party.identification_number })
    assert.is_string(party._private_ownerside.updated_time)
    local _, same_ = send("PUT", path(company), {})
    assert.same(party, same_)
    assert.equal(400, (send("PUT", path(individual), { name = "No" })))
    assert.equal(200, (send("PUT", path(individual), { country_code = "SE" })))
  end)

  it("participants come, change and go", function()
    local company = read().parties[2]
    local status, made = send("POST", path(company) .. "/participants", person("new@b.example", { signatory = true,
      sign_method = "standard_esign", _permissions = { ["contract:update"] = false },
      _private_ownerside = { custom_id = "n" } }))
    assert.same({ 200, true, false, "n" }, { status, made.signatory, made._permissions["contract:update"],
      made._private_ownerside.custom_id })
    local _, changed = send("PUT", path(company, made), { title = "CEO", email = "newer@b.example" })
    assert.same({ "CEO", "newer@b.example", "Some One" }, { changed.title, changed.email, changed.name })
    -- Whether someone organizes is not among what can change.
    assert.same({ 200, false }, { (send("PUT", path(company, made), { organizer = true })),
      select(2, send("PUT", path(company, made), {})).organizer })
    -- What the change would make of them is what counts.
    local refused, answer = send("PUT", path(company, made), { delivery_channel = "sms" })
    assert.equal(400, refused)
    assert.is_table(answer.parameter_problems.phone_number)
    assert.equal(200, (send("PUT", path(company, made), { delivery_channel = "sms", phone_number = "+46700000009" })))
    assert.equal(404, (send("PUT", path(read().parties[1], made), { title = "x" }))) -- of another party
    assert.equal(200, (call("DELETE", path(company, made), { user = ANNA })))
    assert.equal(404, (send("PUT", path(company, made), { title = "x" })))
    assert.equal(409, (call("DELETE", path(company, company.participants[1]), { user = ANNA }))) -- the last
  end)

  it("the owner's people keep their e-mail address, and need one", function()
    local mine = read().parties[1]
    local status, answer = send("POST", path(mine) .. "/participants", person(nil, { delivery_channel = "none" }))
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems.email)
    local _, colleague = send("POST", path(mine) .. "/participants", person("sven@example.com", { organizer = true }))
    assert.is_true(colleague.organizer)
    assert.equal(400, (send("PUT", path(mine, colleague), { email = "other@example.com" })))
    assert.equal(200, (send("PUT", path(mine, colleague), { title = "Buyer" })))
    local individual = read().parties[3]
    assert.equal(409, (send("POST", path(individual) .. "/participants", person "x@x.example")))
  end)

  it("a participant added to a published contract is invited at once", function()
    local _, party = send("POST", "/contracts/4714/parties",
      { type = "individual", participant = person "i@b.example" })
    assert.equal("pending", party.participant.delivery_status)
  end)
end)

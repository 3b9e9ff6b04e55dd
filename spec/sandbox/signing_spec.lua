-- States and what leads from one to another: publishing, signing in order, declining, signing periods, access links.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ANNA = "anna@example.com"

describe("signing", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function read(id)
    return select(2, call("GET", "/contracts/" .. id))
  end

  local function update(id, text)
    return call("PUT", "/contracts/" .. id, { user = ANNA, body = text })
  end

  local function events(id)
    local types = {}
    for i, event in ipairs(select(2, call("GET", "/contracts/" .. id .. "/events")).data) do types[i] = event.type end
    return types
  end

  -- A published contract with two signatories of the buyer and one of the seller.
  local function published(order)
    local function signatory(name)
      return { name = name, email = name .. "@example.com", delivery_channel = "email", signatory = true,
               sign_method = "standard_esign" }
    end
    local _, contract = call("POST", "/contracts/create", { user = ANNA, body = core.encode{
      workspace_id = 101, template_id = 201, name = "Three",
      my_party = { participants = { signatory "anna" } },
      parties = { { type = "company", name = "Buyer", participants = { signatory "bo", signatory "cia" } } },
    } })
    local id = string.format("%d", contract.id)
    local people = { contract.parties[1].participants[1], contract.parties[2].participants[1],
                     contract.parties[2].participants[2] }
    if order then
      local steps = {}
      for i, step in ipairs(order) do steps[i] = { participant_id = people[i].id, order = step } end
      assert.equal(200, (update(id, core.encode{ sign_order = steps })))
    end
    assert.equal(200, (call("POST", "/contracts/" .. id .. "/publish", { user = ANNA, body = "{}" })))
    return contract.id, people
  end

  it("the last signature signs the contract", function()
    local id, people = published()
    for i, person in ipairs(people) do
      local seen = box:sign(id, person.id)
      assert.equal(i < 3 and "pending" or "signed", seen.state)
      assert.equal("signed", seen.participants[i].sign_state)
    end
    local contract = read(id)
    assert.same({ "signed", "active" }, { contract.state, contract.lifecycle_state.lifecycle_state })
    assert.equal(contract.state_updated_time, contract.parties[2].participants[2].sign_state_updated_time)
    assert.same({ "contract:create", "contract:publish", "participant:sign", "participant:sign", "participant:sign",
                  "contract:sign" }, events(id))
  end)

  it("by all at once, and by e-mail address", function()
    local id = published()
    assert.equal("pending", box:sign(id, "cia@example.com").state)
    assert.equal("signed", box:sign(id).state)
  end)

  it("is not done twice, by one who is no signatory, or on what is not pending", function()
    local id = published()
    box:sign(id, "bo@example.com")
    for _, case in ipairs{
      { id, "bo@example.com", "The participant has signed." }, { id, "nobody@example.com", "no such participant" },
      { 4711, "cecilia@customer.example", "The contract is draft." }, { 4713, nil, "no such participant" },
      { 999, nil, "No contract 999." },
    } do
      local ok, message = pcall(box.sign, box, case[1], case[2])
      assert.is_false(ok)
      assert.truthy(string.find(message, case[3], 1, true), message)
    end
  end)

  it("follows its order; those of one step sign in any", function()
    local id = published{ 2, 1, 1 }
    local ok, message = pcall(box.sign, box, id, "anna@example.com")
    assert.is_false(ok)
    assert.truthy(string.find(message, "It is the turn of bo.", 1, true), message)
    box:sign(id, "cia@example.com")
    assert.is_false((pcall(box.sign, box, id, "anna@example.com")))
    box:sign(id, "bo@example.com")
    assert.equal("signed", box:sign(id, "anna@example.com").state)
    id = published{ 3, 2, 1 }
    assert.equal("signed", box:sign(id).state)
  end)

  it("takes a sign order of the contract's own people only, each once, and not once it is signed", function()
    local id, people = published()
    local person = people[1].id
    for _, order in ipairs{ { { participant_id = 1, order = 1 } },
                            { { participant_id = person, order = 1 }, { participant_id = person, order = 2 } } } do
      local status, body = update(id, core.encode{ sign_order = order })
      assert.equal(400, status)
      assert.is_not_nil(next(body.parameter_problems))
    end
    box:sign(id)
    assert.equal(409, (update(id, core.encode{ sign_order = { { participant_id = person, order = 1 } } })))
  end)

  it("ends when one declines, and when the owner does", function()
    local id = published()
    local seen = box:decline(id, "bo@example.com")
    assert.same({ "declined", "declined" }, { seen.state, seen.participants[2].sign_state })
    assert.is_false((pcall(box.sign, box, id, "cia@example.com")))
    assert.equal(409, (call("POST", "/contracts/" .. id .. "/publish", { user = ANNA })))
    assert.same({ "contract:create", "contract:publish", "participant:decline", "contract:decline" }, events(id))
    local status, contract, headers = call("POST", "/contracts/4714/decline", { user = ANNA })
    assert.same({ 200, "declined", "assumed" }, { status, contract.state, headers["x-oneflow-sandbox"] })
    assert.equal(409, (call("POST", "/contracts/4714/decline", { user = ANNA })))
    assert.equal(409, (call("POST", "/contracts/4711/decline", { user = ANNA })))
  end)

  it("is over with the signing period, and goes on with a later one", function()
    local id = published()
    assert.equal("overdue", box:expire(id).state)
    assert.is_false((pcall(box.sign, box, id)))
    assert.equal(409, (update(id, '{"_private":{"signing_period_expiration":'
      .. '{"type":"days_after_publish","expire_days_after_publish":3}}}')))
    local status, contract = update(id,
      '{"_private":{"signing_period_expiration":{"type":"fixed_date","expire_date":"2099-06-30"}}}')
    assert.same({ 200, "pending" }, { status, contract.state })
    assert.equal("2099-06-30T00:00:00+00:00", contract.signing_period_expiry_time)
    assert.equal("signed", box:sign(id).state)
    local seen = events(id)
    assert.same({ "contract:signing_period_expire", "contract:signing_period_revive" }, { seen[3], seen[4] })
  end)

  it("is over when the clock says so", function()
    local id = published()
    box:advance(29 * 86400)
    assert.equal("pending", read(id).state)
    box:advance(2 * 86400)
    assert.equal("overdue", read(id).state)
    assert.equal("pending", read(4714).state) -- from long ago in the seed: without an end
    local later = box:advance(1)
    box:reset()
    assert.is_true(box:advance(1) < later)
  end)

  it("starts again when the content changes", function()
    local id = published()
    box:sign(id, "bo@example.com")
    local status, _, headers = call("PUT", "/contracts/" .. id .. "/data_fields/c::start_date",
      { user = ANNA, body = '{"value":"2027-01-01"}' })
    assert.same({ 200, "assumed" }, { status, headers["x-oneflow-sandbox"] })
    assert.equal("undecided", read(id).parties[2].participants[1].sign_state)
    assert.equal("signed", box:sign(id).state)
  end)

  it("marks as signed, on the word of one client", function()
    local status, contract, headers = call("POST", "/contracts/4714/mark_as_signed", { user = ANNA })
    assert.same({ 200, "signed", "assumed" }, { status, contract.state, headers["x-oneflow-sandbox"] })
    assert.equal("signed", contract.parties[2].participants[1].sign_state)
    assert.equal(409, (call("POST", "/contracts/4714/mark_as_signed", { user = ANNA })))
  end)

  it("cannot be after a signed contract's content is asked to change: 409", function()
    local _, contract = call("GET", "/contracts/4713")
    local party = string.format("/contracts/4713/parties/%d", contract.parties[2].id)
    local person = string.format("%s/participants/%d", party, contract.parties[2].participants[1].id)
    for _, case in ipairs{
      { "PUT", "/contracts/4713/data_fields", '{"data_fields":[{"id":261,"value":"x"}]}' },
      { "PUT", "/contracts/4713/data_fields/261", '{"value":"x"}' },
      { "PUT", "/contracts/4713/product_groups", '{"product_groups":[]}' },
      { "PUT", party, '{"name":"x"}' }, { "DELETE", party }, { "PUT", person, '{"title":"x"}' }, { "DELETE", person },
      { "POST", "/contracts/4713/parties", "{}" }, { "POST", "/contracts/4713/mark_as_signed" },
    } do
      local status = call(case[1], case[2], { user = ANNA, body = case[3] })
      assert.equal(409, status, case[1] .. " " .. case[2])
    end
    -- Its name may change all the same.
    assert.equal(200, (update(4713, '{"_private":{"name":"Renamed"}}')))
  end)

  describe("an access link", function()
    local function link(id, person)
      local status, body = call("POST", string.format("/contracts/%d/participants/%d/access_link", id, person.id),
        { user = ANNA, body = "{}" })
      assert.equal(200, status)
      return body.access_link
    end
    local function follow(method, address)
      return call(method, (string.gsub(address, "^http://[^/]+", "")), { outside = true })
    end

    it("leads to a page that shows, signs and says no", function()
      local id, people = published{ 2, 1, 1 }
      local bo, anna = link(id, people[2]), link(id, people[1])
      local status, page = follow("GET", bo)
      assert.equal(200, status)
      assert.truthy(string.find(page, "Three", 1, true) and string.find(page, "/sign", 1, true))
      follow("GET", bo)
      local person = read(id).parties[2].participants[1]
      assert.same({ 2, "opened" }, { person._private_ownerside.visits, person.delivery_status })
      assert.is_string(person._private_ownerside.first_visited_time)
      assert.equal("participant:first_visit", events(id)[4])

      assert.equal(200, (follow("POST", bo .. "/sign")))
      assert.equal(409, (follow("POST", bo .. "/sign")))
      assert.equal(409, (follow("POST", anna .. "/sign"))) -- not her turn
      assert.equal(200, (follow("POST", link(id, people[3]) .. "/decline")))
      assert.equal("declined", read(id).state)
      assert.equal(405, (follow("POST", bo)))
    end)

    it("is good for six hours, for its contract, and for the control too", function()
      local id, people = published()
      local bo = link(id, people[2])
      assert.equal(404, (follow("GET", (string.gsub(bo, "/contracts/%d+/", "/contracts/4711/")))))
      assert.equal(404, (follow("GET", bo .. "x")))
      box:advance(6 * 3600 - 60)
      assert.equal(200, (follow("GET", bo)))
      local seen = box:sign{ link = bo }
      assert.equal("signed", seen.participants[2].sign_state)
      box:advance(120)
      local status, page = follow("GET", bo)
      assert.equal(404, status)
      assert.truthy(string.find(page, "expired", 1, true))
      local ok, message = pcall(box.decline, box, { link = bo })
      assert.is_false(ok)
      assert.truthy(string.find(message, "The link has expired.", 1, true))
    end)

    it("of an unknown participant is a 404, and seeing alone gives none", function()
      assert.equal(404, (call("POST", "/contracts/4714/participants/1/access_link", { user = ANNA })))
      local person = read(4714).parties[2].participants[1]
      local path = string.format("/contracts/4714/participants/%d/access_link", person.id)
      assert.equal(403, (call("POST", path, { user = "viewer@example.com" })))
      assert.equal(200, (call("POST", path)))
    end)
  end)
end)

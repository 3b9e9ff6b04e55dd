-- Where the service may know more than its pages say, the library decides nothing: open enumerations, null in place of
-- text, and rules on which sources differ. What goes out so, the sandbox takes with the mark "assumed".
local core = require "oneflow.core"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local null, SVEN = oneflow.null, "sven@example.com"

-- Enumerations that are closed: their pages give the whole list, or the library's checks hang on the value.
local CLOSED = {
  type = true, ["quantity.type"] = true, upload_as = true,
}

describe("open values:", function()
  local sent, sven
  before_each(function()
    sent = nil
    local client = oneflow.client { token = "token", transport = function(request)
      sent = request
      return 200, {}, string.format('{"id":%d,"data":[],"data_fields":[]}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  -- A party is a company or one person, never both.
  local function of_one_form(body)
    for _, party in ipairs { body, type(body.parties) == "table" and body.parties[1] or nil } do
      if type(party) == "table" and type(party.participant) == "table" then
        party.type, party.participants, party.name = "individual", nil, nil
      end
    end
    return body
  end

  local function each_body_field(visit)
    for _, operation in ipairs(operations.all()) do
      if operation.body and not operation.upload then
        operations.each_field(operation, {
          field = function(path, field, set)
            visit(operation.name .. " " .. path, field, function(value)
              return operations.call(operation, sven, nil, of_one_form(set(value)))
            end)
          end,
          object = function() end,
        })
      end
    end
  end

  it("an enumeration that grows takes a value that is not known; of the wrong form it is refused", function()
    local names = {}
    each_body_field(function(what, field, call)
      if not field.open then return end
      sent = nil
      assert(call "brand_new", what)
      assert.is_truthy(string.find(sent.body, '"brand_new"', 1, true), what)
      local value, err = call "\255"
      assert.is_nil(value, what)
      assert.equal("validation", err.kind)
      assert.is_false(pcall(call, 5), what)
      names[string.match(what, "[^.]+$")] = true
    end)
    assert.same({ delivery_channel = true, key = true, sign_method = true, two_step_authentication_method = true },
      names)
  end)

  it("those of fixed lists stay closed", function()
    local count = 0
    each_body_field(function(what, field, call)
      if not field.enum or field.open then return end
      local name = string.match(what, "[^.]+$")
      assert.is_true(CLOSED[name] or false, what)
      assert.equal("validation", select(2, call "brand_new").kind, what)
      count = count + 1
    end)
    assert.is_true(count > 10, tostring(count))
  end)

  it("a list asks for a state that is not known", function()
    assert(sven.contracts:list { filter = { states = { "signed", "canceled" } } })
    assert.is_truthy(string.find(sent.query, "=signed%2Ccanceled", 1, true), sent.query)
    local value, err = sven.contracts:list { filter = { states = { "signed,canceled" } } }
    assert.is_nil(value)
    assert.equal("filter.states", err.problems[1].path)
  end)

  it("null goes out in place of any text that is neither required nor of a closed list, and only there", function()
    local taken, refused = 0, 0
    local TEXT = { string = true, email = true, phone = true, country = true }
    each_body_field(function(what, field, call)
      if field.nullable == true or not TEXT[field.type] then return end
      sent = nil
      if field.required or (field.enum and not field.open) then
        assert.equal("validation", select(2, call(null)).kind, what)
        refused = refused + 1
      else
        local value, err = call(null)
        -- Null says nothing: what another field demands is still missing.
        assert.is_truthy(value or string.find(tostring(err), "is needed when", 1, true), what .. ": " .. tostring(err))
        if value then
          assert.is_truthy(string.find(sent.body, '"' .. string.match(what, "[^.]+$") .. '":null', 1, true), what)
          taken = taken + 1
        end
      end
    end)
    assert.is_true(taken > 40 and refused > 20, taken .. " " .. refused)
  end)

  it("a signatory without a sign method goes out; one that signs by sms still needs a phone number", function()
    local people = sven:contract(7):party(8).participants
    assert(people:create { name = "N", email = "n@example.com", delivery_channel = "email", signatory = true })
    local value, err = people:create { name = "N", delivery_channel = "none", signatory = true, sign_method = "sms" }
    assert.is_nil(value)
    assert.same({ "body.phone_number" }, { err.problems[1].path, err.problems[2] and err.problems[2].path })
  end)
end)

describe("open values in the sandbox:", function()
  local call
  before_each(function() call = requests.in_process(testing.sandbox()) end)

  -- Status, answer, the mark.
  local function send(method, path, body)
    local status, answer, headers = call(method, path, { user = "anna@example.com", body = core.encode(body) })
    return status, answer, headers["x-oneflow-sandbox"]
  end

  local function participant(more)
    local body = { name = "Nils", email = "nils@acme.example", delivery_channel = "email" }
    for name, value in pairs(more) do body[name] = value end
    return { type = "company", name = "Acme", participants = { body } }
  end

  it("a signatory without a sign method gets the preferred one, at creating and updating, and is marked", function()
    local status, party, mark = send("POST", "/contracts/4711/parties", participant { signatory = true })
    assert.same({ 200, "standard_esign", "assumed" }, { status, party.participants[1].sign_method, mark })
    status, party, mark = send("POST", "/contracts/4711/parties", participant { email = "b@acme.example" })
    assert.same({ 200, nil }, { status, mark })
    local path = string.format("/contracts/4711/parties/%d/participants/%d", party.id, party.participants[1].id)
    local person
    status, person, mark = send("PUT", path, { signatory = true })
    assert.same({ 200, "standard_esign", "assumed" }, { status, person.sign_method, mark })
    status, person, mark = send("PUT", path, { sign_method = "swedish_bankid" })
    assert.same({ 200, "swedish_bankid", nil }, { status, person.sign_method, mark })
  end)

  it("takes a value of an open enumeration, and null in place of text, and marks it", function()
    local status, party, mark = send("POST", "/contracts/4711/parties", participant { sign_method = "danish_mitid" })
    assert.same({ 200, "danish_mitid", "assumed" }, { status, party.participants[1].sign_method, mark })
    status, party, mark = send("POST", "/contracts/4711/parties",
      participant { email = "c@acme.example", title = null, identification_number = null })
    assert.same({ 200, "", "assumed" }, { status, party.participants[1].title, mark })
    status, party, mark = send("POST", "/contracts/4711/parties",
      participant { email = "d@acme.example", phone_number = null })
    assert.same({ 200, "", nil }, { status, party.participants[1].phone_number, mark }) -- its page says so
    assert.equal(400, (send("POST", "/contracts/4711/parties", participant { name = null })))
  end)
end)

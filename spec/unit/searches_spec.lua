-- What searches a contract: people over companies and individuals, values of data fields, files of a type.
local oneflow = require "oneflow"

local SVEN = "sven@example.com"

local CONTRACT = [[{
  "id": 4711, "state": "signed", "_private": { "name": "n" },
  "parties": [
    { "id": 1, "type": "company", "my_party": true, "name": "Owner AB", "participants": [
      { "id": 11, "name": "Olle", "email": "olle@example.com", "signatory": true, "sign_state": "undecided",
        "sign_state_updated_time": null, "_private_ownerside": { "custom_id": null } },
      { "id": 12, "name": "Vera", "email": "vera@example.com", "signatory": false,
        "_private_ownerside": { "custom_id": "v" } } ] },
    { "id": 2, "type": "individual", "participant":
      { "id": 21, "name": "Per", "email": "Per@example.com", "signatory": true, "sign_state": "signed",
        "sign_state_updated_time": "2026-02-04T10:00:00+00:00", "_private_ownerside": { "custom_id": "p" } } }
  ],
  "data_fields": [
    { "id": 5, "value": "2026-03-01", "_private_ownerside": { "custom_id": "start" } },
    { "id": 6, "value": "", "_private_ownerside": { "custom_id": "empty" } },
    { "id": 7, "value": null, "_private_ownerside": { "custom_id": "null" } } ]
}]]

describe("searches:", function()
  local asked, answers, sven
  before_each(function()
    asked, answers = {}, {}
    local client = oneflow.client { token = "token", transport = function(request)
      asked[#asked + 1] = request
      local answer = table.remove(answers, 1)
      if type(answer) == "number" then return answer, {}, "{}" end
      return 200, {}, answer or CONTRACT
    end }
    sven = assert(client:user(SVEN))
  end)

  local function names(list)
    local all = {}
    for i, item in ipairs(list) do all[i] = item.name end
    return table.concat(all, " ")
  end

  local function says(fn, ...)
    local good, message = pcall(fn)
    assert.is_false(good)
    for _, piece in ipairs { ... } do assert.is_truthy(string.find(message, piece, 1, true), message) end
  end

  it("find_participants: companies and individuals alike, as handles that have their party's id", function()
    local contract = assert(sven:contract(4711):get())
    assert.equal("Olle Vera Per", names(contract:find_participants()))
    assert.equal("Per", names(contract:find_participants { email = "per@EXAMPLE.com" }))
    assert.equal("Olle Per", names(contract:find_participants { signatory = true }))
    assert.equal("Vera", names(contract:find_participants { signatory = false }))
    assert.equal("Per", names(contract:find_participants { custom_id = "p", signatory = true }))
    assert.same({}, contract:find_participants { email = "nobody@example.com" })
    local per = contract:find_participants { custom_id = "p" }[1]
    assert.same({ contract = 4711, party = 2, participant = 21 }, per.ids)
    answers = { '{"id":21}' }
    assert(per:update { title = "x" })
    assert.equal("/v1/contracts/4711/parties/2/participants/21", asked[2].path)
    assert.equal("2026-02-04T10:00:00+00:00", per.signed_at)
    assert.is_nil(contract:find_participants { email = "olle@example.com" }[1].signed_at)
    answers = { '{"data":[' .. string.match(CONTRACT, '"parties": %[(.-)%],%s+"data_fields"') .. ']}' }
    local parties = assert(contract.parties:list())
    assert.equal("Olle Vera", names(parties[1]:find_participants()))
    assert.equal("Per", names(parties[2]:find_participants()))
    assert.equal("Per", parties[2].name) -- an individual's name is the person's
    assert.equal("Owner AB", parties[1].name)
  end)

  it("find_participants: unknown criteria and wrong types raise; what was not sent is never an empty answer", function()
    local contract = assert(sven:contract(4711):get())
    says(function() return contract:find_participants { mail = "x" } end, 'did you mean "email"')
    says(function() return contract:find_participants { email = 5 } end, "string expected")
    says(function() return contract:find_participants "x" end, "expected, got string")
    says(function() return sven:contract(1):find_participants() end, "is not loaded")
    answers = { '{"data":[{"id":1,"state":"draft"}]}', '{"id":1,"parties":[{"id":2,"participants":[{"id":3}]}]}' }
    local partial = assert(sven.contracts:list())[1]
    says(function() return partial:find_participants() end, "comes from a list", "use :get()")
    says(function() return partial:data_field_values() end, "comes from a list")
    local hidden = assert(sven:contract(1):get())
    says(function() return hidden:find_participants { custom_id = "x" } end, "may not see it")
    assert.equal(1, #hidden:find_participants())
  end)

  it("data_field_values: by custom id, null left out; raises when custom ids are hidden", function()
    local contract = assert(sven:contract(4711):get())
    assert.same({ start = "2026-03-01", empty = "" }, contract:data_field_values())
    answers = { '{"id":1,"data_fields":[{"id":5,"value":"x"}]}', '{"id":1,"data_fields":[]}', '{"id":1}' }
    contract = assert(sven:contract(1):get())
    says(function() return contract:data_field_values() end, "may not see it")
    assert.same({}, assert(sven:contract(1):get()):data_field_values())
    contract = assert(sven:contract(1):get())
    says(function() return contract:data_field_values() end, "did not send")
  end)

  it("files_of: asks for all pages, gives those of the type; an error comes back", function()
    answers = {
      '{"count":3,"data":[{"id":1,"type":"contract"},{"id":5,"type":"attachment"}],'
        .. '"_links":{"next":{"href":"?offset=2"}}}',
      '{"count":3,"data":[{"id":6,"type":"attachment"}]}', 403,
    }
    local contract = sven:contract(4711)
    local files = assert(contract:files_of "attachment")
    assert.equal(2, #files)
    assert.same({ contract = 4711, file = 6 }, files[2].ids)
    assert.equal("limit=100&offset=2", asked[2].query)
    local value, err = contract:files_of "attachment"
    assert.is_nil(value)
    assert.equal("permission", err.kind)
    says(function() return contract:files_of() end, "is a string")
    says(function() return contract:files_of("attachment", { as = SVEN }) end, "acts as one user only")
  end)
end)

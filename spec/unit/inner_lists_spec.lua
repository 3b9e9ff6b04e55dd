-- Lists inside of answers come as arrays or as envelopes: both are read, and what cannot be read is never empty.
local cjson = require "cjson"
local core = require "oneflow.core"
local oneflow = require "oneflow"

local SVEN = "sven@example.com"

local PEOPLE = '[{"id":31,"name":"Maja","email":"maja@buyer.example","signatory":true,"_private_ownerside":'
  .. '{"custom_id":"m"}},{"id":32,"name":"Nils","email":"","signatory":false,"_private_ownerside":{}}]'
local FIELDS = '[{"id":5,"value":"2027-01-01","_private_ownerside":{"custom_id":"start"}},'
  .. '{"id":6,"value":"7","_private_ownerside":{"custom_id":null},"custom_id":"months"},'
  .. '{"id":7,"value":null,"custom_id":"none"},{"id":8,"value":"?","_private_ownerside":{"custom_id":null}}]'

-- An array, and the same in an envelope, with what else may be in it.
local FORMS = {
  array = function(list) return list end,
  bare_envelope = function(list) return '{"data":' .. list .. "}" end,
  envelope = function(list)
    return string.format('{"_links":{"next":{"href":null}},"count":%d,"data":%s}', #core.decode(list), list)
  end,
}

describe("inner lists:", function()
  local answer, asked, sven
  before_each(function()
    asked = {}
    local client = oneflow.client { token = "token", transport = function(request)
      asked[#asked + 1] = request
      return 200, {}, type(answer) == "function" and answer(request) or answer
    end }
    sven = assert(client:user(SVEN))
  end)

  local function contract_with(parties, fields)
    answer = string.format('{"id":9,"parties":%s,"data_fields":%s}', parties, fields or "[]")
    return assert(sven:contract(9):get())
  end

  local function raises(f, piece)
    local good, message = pcall(f)
    assert.is_false(good, piece)
    assert.is_truthy(string.find(message, piece, 1, true), message)
  end

  it("people and values are found in either form, at each level", function()
    local seen = 0
    for outer, form in pairs(FORMS) do
      for inner, within in pairs(FORMS) do
        local where = outer .. " " .. inner
        local contract = contract_with(
          form('[{"id":3,"type":"company","name":"Buyer AB","participants":' .. within(PEOPLE) .. "}]"), form(FIELDS))
        local maja = contract:find_participants { email = "Maja@buyer.example" }
        assert.same({ 1, { contract = 9, party = 3, participant = 31 } }, { #maja, maja[1].ids }, where)
        assert.equal(2, #contract:find_participants(), where)
        assert.equal(1, #contract:find_participants { custom_id = "m" }, where)
        assert.same({ start = "2027-01-01", months = "7" }, contract:data_field_values(), where)
        answer = form('[{"id":3,"type":"company","name":"Buyer AB","participants":' .. within(PEOPLE) .. "}]")
        local party = assert(contract.parties:list())[1]
        assert.equal(32, party:find_participants { signatory = false }[1].id, where)
        seen = seen + 1
      end
    end
    assert.equal(9, seen)
    assert.same({}, contract_with('{"count":0,"data":[]}'):find_participants())
  end)

  it("what is no list, or only a part of one, raises", function()
    for _, parties in ipairs { "{}", '{"data":{}}', "null", '"x"', "5", '{"data":null}', '{"data":{"a":1}}',
                               '{"items":[]}', '["x"]', '{"data":[7]}' } do
      local contract = contract_with(parties, parties)
      raises(function() contract:find_participants() end, "did not send what `find_participants` is read from")
      raises(function() contract:data_field_values() end, "did not send what `data_field_values` is read from")
    end
    for _, people in ipairs { "null", '"x"', '{"data":null}', '{"people":[]}', "[1]" } do
      local contract = contract_with('[{"id":3,"participants":' .. people .. "}]")
      raises(function() contract:find_participants() end, "did not send what `find_participants` is read from")
    end
    local contract = contract_with('{"count":3,"data":[{"id":3,"participants":[]}]}', '{"count":40,"data":' .. FIELDS
      .. "}")
    raises(function() contract:find_participants() end, "contract 9: the service sent 1 of the 3 that")
    raises(function() contract:data_field_values() end, "contract 9: the service sent 4 of the 40 that")
  end)

  it("a person or a data field of whom the decisive part is hidden raises", function()
    local function of(person) return contract_with('[{"id":3,"participants":[' .. person .. "]}]") end
    for person, criteria in pairs {
      ['{"id":1,"email":"x@example.com"}'] = { custom_id = "m" },
      ['{"id":1,"email":"x@example.com","_private_ownerside":null}'] = { custom_id = "m" },
      ['{"id":1,"signatory":true}'] = { email = "x@example.com" },
      ['{"id":2,"email":"x@example.com"}'] = { signatory = false },
    } do
      raises(function() of(person):find_participants(criteria) end, "did not send what `find_participants`")
      assert.equal(1, #of(person):find_participants())
    end
    assert.same({}, of('{"id":1,"email":null}'):find_participants { email = "x@example.com" })
    for _, field in ipairs { '{"id":1,"value":"x","_private_ownerside":null}', '{"id":1,"value":"x"}',
                             '{"id":1,"_private_ownerside":{"custom_id":"a"}}' } do
      local contract = contract_with("[]", "[" .. field .. ',{"id":2,"value":"y","custom_id":"b"}]')
      raises(function() contract:data_field_values() end, "did not send what `data_field_values`")
    end
  end)

  it("a list of webhooks is an array, `data` or `webhooks`; of a type's data fields `data_fields` or `data`", function()
    local hooks = '[{"webhook_id":8,"callback_url":"https://a.example/x"},{"id":9}]'
    for _, text in ipairs { hooks, '{"data":' .. hooks .. "}", '{"webhooks":' .. hooks .. "}",
                            '{"count":2,"webhooks":' .. hooks .. "}" } do
      answer = text
      local page = assert(sven.webhooks:list())
      assert.same({ 2, 8, 9 }, { #page, page[1].id, page[2].id }, text)
    end
    for _, name in ipairs { "data_fields", "data" } do
      answer = '{"' .. name .. '":' .. FIELDS .. "}"
      assert.equal(4, #assert(sven:template_type(4).data_fields:list()), name)
    end
    for _, text in ipairs { '{"hooks":[]}', '{"webhooks":null}', '{"webhooks":{"a":1}}', "{}", '{"count":0}' } do
      answer = text
      local page, err = sven.webhooks:list()
      assert.is_nil(page, text)
      assert.same({ "decode", "unknown" }, { err.kind, err.outcome }, text)
    end
  end)

  it("webhooks:ensure leaves a webhook whose filters came in an envelope", function()
    local rules = '{"data":[{"type":"EVENT_TYPE","values":{"data":["contract:sign","contract:publish"]}}]}'
    answer = '{"webhooks":[{"id":8,"callback_url":"https://a.example/x","sign_key":"k","template_group_id":null,'
      .. '"filters":{"data":[{"filter_rules":' .. rules .. "}]}}]}"
    local function wanted(...)
      return { callback_url = "https://a.example/x", sign_key = "k",
               filters = { { filter_rules = { { type = "EVENT_TYPE", values = { ... } } } } } }
    end
    local hook, what = sven.webhooks:ensure(wanted("contract:publish", "contract:sign"))
    assert.same({ 8, "unchanged" }, { hook and hook.id, what })
    assert.equal(1, #asked)
    local listed = answer
    answer = function(request) return request.method == "GET" and listed or '{"id":8}' end
    assert.equal("updated", select(2, sven.webhooks:ensure(wanted("contract:publish"))))
  end)

  it("what came in an envelope can be written back, when it is the whole list", function()
    answer = '{"id":4,"products":{"count":2,"data":[{"id":1,"name":"A"},{"id":2,"name":"B"}]}}'
    local group = assert(sven:contract(9):product_group(4):get())
    local products = group.data.products
    products.data[2].name = "C"
    assert(group:update { products = products })
    assert.same({ products = { { id = 1, name = "A" }, { id = 2, name = "C" } } }, cjson.decode(asked[2].body))
    products.count = 3
    local value, err = group:update { products = products }
    assert.is_nil(value)
    assert.same({ "body.products", { "holds 2 of 3 items" } }, { err.problems[1].path, err.problems[1].messages })
    assert.equal(2, #asked)
  end)
end)

describe("accessors of a contract:", function()
  local function contract_of(text)
    local client = oneflow.client { token = "token", transport = function() return 200, {}, text end }
    return assert(client:user(SVEN):contract(9):get())
  end

  it("published_time, created_time and lifecycle_state read the right place in the data", function()
    local contract = contract_of('{"id":9,"published_time":"2026-01-03T00:00:00+00:00","_private_ownerside":'
      .. '{"created_time":"2026-01-02T00:00:00+00:00"},"lifecycle_state":{"lifecycle_state":"active","period":1}}')
    assert.same({ "2026-01-03T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "active" },
      { contract.published_time, contract.created_time, contract.lifecycle_state })
    contract = contract_of '{"id":9,"published_time":null,"_private_ownerside":null,"lifecycle_state":null}'
    assert.is_nil(contract.published_time)
    assert.is_nil(contract.created_time)
    assert.is_nil(contract.lifecycle_state)
    assert.is_false(pcall(function() return contract_of('{"data":1}').published_time end))
  end)

  it("raise for an item of a list that left them out", function()
    local client = oneflow.client { token = "token", transport = function()
      return 200, {}, '[{"id":9,"state":"draft","published_time":null}]'
    end }
    local item = assert(client:user(SVEN).contracts:list())[1]
    assert.is_nil(item.published_time)
    for _, name in ipairs { "created_time", "lifecycle_state" } do
      local good, message = pcall(function() return item[name] end)
      assert.is_false(good, name)
      assert.matches("which left out what `" .. name .. "` is read from", message)
    end
  end)
end)

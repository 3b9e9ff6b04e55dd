-- `unchecked` may name what it concerns: the checks of that are lifted, all others stay.
local cjson = require "cjson"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"

local SVEN = "sven@example.com"

describe("unchecked by paths:", function()
  local asked, client, sven
  before_each(function()
    asked = {}
    client = oneflow.client { token = "token", transport = function(request)
      asked[#asked + 1] = request
      return 200, {}, string.format('{"id":%d,"data":[],"data_fields":[]}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  local function refused(value, err)
    assert.is_nil(value)
    assert.same({ "validation", "not_sent" }, { err.kind, err.outcome })
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    return paths, tostring(err)
  end

  local function raises(piece, f, ...)
    local good, message = pcall(f, ...)
    assert.is_false(good)
    assert.is_truthy(string.find(message, piece, 1, true), message)
  end

  it("lets each field of each body pass by its own path, with and without body., and by no other's", function()
    local count = 0
    for _, operation in ipairs(operations.all()) do
      if operation.body and not operation.upload then
        operations.each_field(operation, {
          field = function(path, field, set)
            local wrong = operations.wrong_values(field)[1]
            local holes = type(wrong) == "table" and wrong[1] == nil and wrong[2] ~= nil
            if wrong == nil or wrong == "\255" or wrong ~= wrong or holes then return end -- no JSON
            local body, what = set(wrong), operation.name .. " " .. path
            local short = string.match(path, "^body%.(.*)$")
            for _, name in ipairs { path, short } do
              local value, err = operations.call(operation, sven, { unchecked = { "body.other", name } }, body)
              local others = value and {} or refused(value, err) -- what other fields demand
              for _, other in ipairs(others) do assert.are_not.equal(path, other, what) end
              if value then assert.same(body, cjson.decode(asked[#asked].body), what) end
            end
            for _, name in ipairs { "body.other", path .. "x", string.sub(short, 1, -2), "body[1]", "" } do
              refused(operations.call(operation, sven, { unchecked = { name } }, body))
            end
            count = count + 1
          end,
          object = function(path, put)
            local body = put(function(object) object.unheard_of = { { 1 } } end)
            local value = operations.call(operation, sven, { unchecked = { path .. ".unheard_of" } }, body)
            if value then assert.same(body, cjson.decode(asked[#asked].body), operation.name .. " " .. path) end
            raises("has no field", operations.call, operation, sven, { unchecked = { path .. ".unheard" } }, body)
          end,
        })
      end
    end
    assert.is_true(count > 120, tostring(count))
  end)

  it("leaves the other checks on, also those of a list that stays a list", function()
    local body = {
      workspace_id = 1, template_id = 2, tags = {},
      parties = { { type = "company", name = "A", country_code = "Sverige", colour = "red",
                    participants = { { name = "", delivery_channel = "email" } } } },
    }
    local free = { "parties[1].country_code", "body.parties[1].colour" }
    assert.same({ "body.parties[1].participants[1].email", "body.parties[1].participants[1].name" },
      (refused(sven.contracts:create(body, { unchecked = free }))))
    body.parties[1].participants[1] = { name = "N", delivery_channel = "none" }
    assert(sven.contracts:create(body, { unchecked = free }))
    assert.same(body, cjson.decode(asked[1].body))
    assert.is_truthy(string.find(asked[1].body, '"tags":[]', 1, true))
  end)

  it("lifts what fields demand of each other, and totals, at their paths", function()
    local person = { name = "N", delivery_channel = "email" }
    refused(sven:contract(1):party(2).participants:create(person))
    assert(sven:contract(1):party(2).participants:create(person, { unchecked = { "email" } }))
    local products = {}
    for i = 1, 151 do products[i] = { name = "x" } end
    local groups = { product_groups = { { id = 1, products = products } } }
    assert.same({ "body.product_groups", "body.product_groups[1].products" },
      (refused(sven:contract(1).product_groups:update(groups))))
    assert(sven:contract(1).product_groups:update(groups, { unchecked = { "product_groups" } }))
    assert.same({ "body.product_groups" }, (refused(sven:contract(1).product_groups:update(groups,
      { unchecked = { "product_groups[1].products" } }))))
    assert.same({ "body.workspace_id" }, (refused(sven.contracts:create({ template_id = 1 }))))
    assert(sven.contracts:create({ template_id = 1 }, { unchecked = { "workspace_id" } }))
  end)

  it("names a filter, the sort, a limit or a parameter of a list", function()
    local function query(given, ...) return sven.contracts:list(given, { unchecked = { ... } }) end
    raises('has no filter "lifecycle_states"', query, { filter = { lifecycle_states = "active" } }, "filter.other")
    assert(query({ filter = { lifecycle_states = "active" } }, "filter.lifecycle_states"))
    assert.equal("filter%5Blifecycle_states%5D=active", asked[1].query)
    assert.same({ "filter.created_time.from", "limit", "sort" },
      (refused(query({ filter = { created_time = { from = "x" } }, sort = "colour", limit = 500 }, "filter.states"))))
    assert(query({ filter = { created_time = { from = "x" } }, sort = "colour", limit = 500 }, "filter", "sort",
      "limit"))
    assert.equal("filter%5Bcreated_time%5D=x%7C&sort=colour&limit=500", asked[2].query)
    assert(sven.contacts:list({}, { unchecked = { "workspace_id" } }))
    raises("unknown name", function() return sven.contacts:list({ workspace_id = 1, q = "x" }, { unchecked = {} }) end)
    assert(sven.contacts:list({ workspace_id = 1, q = "x" }, { unchecked = { "q" } }))
    assert.equal("workspace_id=1&q=x", asked[#asked].query)
  end)

  it("an unknown filter given as a list is written as the service writes lists", function()
    for _, free in ipairs { true, { "filter.contract_ids" } } do
      assert(sven.contracts:list({ filter = { contract_ids = { 4711, "4712", 3 } } }, { unchecked = free }))
      assert.equal("filter%5Bcontract_ids%5D=4711%2C4712%2C3", asked[#asked].query)
    end
    assert(sven.contracts:list({ filter = { is_canceled = true } }, { unchecked = true }))
    assert.equal("filter%5Bis_canceled%5D=true", asked[#asked].query)
    raises("filter.x[2]: string, number or boolean expected", function()
      return sven.contracts:list({ filter = { x = { 1, {} } } }, { unchecked = true })
    end)
    raises("filter.x: string or list expected", function()
      return sven.contracts:list({ filter = { x = {} } }, { unchecked = true })
    end)
  end)

  it("the anonymous administrator, where a page demands a user, by `as`", function()
    local admin = client:user(oneflow.ANONYMOUS_ADMIN)
    local paths, text = refused(admin:contract(1):party(2):delete { unchecked = { "id" } })
    assert.same({ "as" }, paths)
    assert.is_truthy(string.find(text, 'unchecked = { "as" } sends it all the same', 1, true), text)
    assert(admin:contract(1):party(2):delete { unchecked = { "as" } })
  end)

  it("never lifts what is no check of a value: ids of the path, a header, the encoding", function()
    for _, name in ipairs { "contract id", "body", "id" } do
      assert.same({ "contract id" }, (refused(sven:contract("../x"):update({}, { unchecked = { name } }))))
    end
    assert.same({ "body._private.name" }, (refused(sven:contract(1):update({ _private = { name = "\255" } },
      { unchecked = { "_private.name" } }))))
    assert.same({}, asked)
  end)

  it("the errors name it: an error the paths, a raise for an unknown name the name", function()
    local _, text = refused(sven.contracts:create { workspace_id = 1, template_id = 2, name = string.rep("n", 131) })
    assert.is_truthy(string.find(text, ' (unchecked = { "body.name" } sends it all the same)', 1, true), text)
    _, text = refused(sven.contracts:create {})
    assert.is_truthy(string.find(text, '(unchecked = { "body.template_id", "body.workspace_id" } sends them', 1, true),
      text)
    _, text = refused(sven:contract("x"):update {})
    assert.is_nil(string.find(text, "unchecked", 1, true), text)
    _, text = refused(sven.contracts:list { sort = "colour", limit = 0, offset = -1, filter = { states = {} } })
    assert.is_truthy(string.find(text, '{ "filter.states", "limit", "offset", ... } sends them', 1, true), text)
    raises('unchecked = { "body.sign_method_preferred" } sends it', function()
      return sven:contract(1):party(2):participant(3):update { sign_method_preferred = "x" }
    end)
    raises('unchecked = { "filter.contract_ids" } sends it', function()
      return sven.contracts:list { filter = { contract_ids = { 1 } } }
    end)
    local good, message = pcall(function() return sven:contract(1):update { ["a\r\nb"] = 1 } end)
    assert.is_false(good)
    assert.is_nil(string.find(message, "\r", 1, true))
  end)

  it("takes true, false or a list of paths, which is the call's own copy", function()
    for _, value in ipairs { "body.name", 1, { 5 }, { name = true }, { [2] = "x" }, print } do
      raises("unchecked", function() return sven:contract(1):update({}, { unchecked = value }) end)
    end
    refused(sven.contracts:create({}, { unchecked = false }))
    refused(sven.contracts:create({}, { unchecked = {} }))
    assert(sven:request("GET", "/contracts", { decode = false }, { unchecked = { "x" } }))
  end)
end)

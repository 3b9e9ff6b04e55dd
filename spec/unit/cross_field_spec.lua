-- Cross-field rules of a body are checked before anything is sent, all of them at once.
local oneflow = require "oneflow"
local operations = require "spec.support.operations"

local build = oneflow.build
local SVEN = "sven@example.com"

describe("cross-field rules:", function()
  local sent, sven
  before_each(function()
    sent = {}
    local client = oneflow.client { token = "token", transport = function(request)
      sent[#sent + 1] = require("cjson").decode(request.body)
      return 200, {}, string.format('{"id":%d}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  local function create(fields)
    local body = { workspace_id = 1, template_id = 2 }
    for name, value in pairs(fields) do body[name] = value end
    return sven.contracts:create(body)
  end

  -- path -> the first message, of a body that is refused
  local function problems(value, err)
    assert.is_nil(value)
    assert.equal("validation", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, #sent)
    local found = {}
    for _, problem in ipairs(err.problems) do found[problem.path] = problem.messages[1] end
    return found
  end

  local function paths(value, err)
    local list = {}
    for path in pairs(problems(value, err)) do list[#list + 1] = path end
    table.sort(list)
    return list
  end

  local function company(...) return { type = "company", name = "Acme", participants = { ... } } end

  it("of a participant: what the channel, the second factor and signing need", function()
    local found = problems(create { parties = { company(
      { name = "a", delivery_channel = "email" },
      { name = "b", delivery_channel = "sms", email = "b@example.com" },
      { name = "c", delivery_channel = "email_and_sms", email = "", phone_number = oneflow.null },
      { name = "d", delivery_channel = "none", two_step_authentication_method = "sms" },
      { name = "e", delivery_channel = "same_device", two_step_authentication_method = "email" },
      { name = "f", delivery_channel = "none", signatory = true, two_step_authentication_method = "email" },
      { name = "g", delivery_channel = "none", signatory = true, sign_method = "sms" },
      { name = "h", delivery_channel = "none" }
    ) } })
    local at = "body.parties[1].participants[%d].%s"
    assert.equal("is needed when delivery_channel is email", found[at:format(1, "email")])
    assert.equal("is needed when delivery_channel is sms", found[at:format(2, "phone_number")])
    assert.is_truthy(found[at:format(3, "email")])
    assert.is_truthy(found[at:format(3, "phone_number")])
    assert.equal("is needed when two_step_authentication_method is sms", found[at:format(4, "phone_number")])
    assert.equal("is needed when two_step_authentication_method is email", found[at:format(5, "email")])
    assert.equal("is needed when two_step_authentication_method is email", found[at:format(6, "email")])
    assert.equal("is needed when sign_method is sms", found[at:format(7, "phone_number")])
    local count = 0
    for _ in pairs(found) do count = count + 1 end
    assert.equal(8, count)
  end)

  it("the same for parties:create and participants:create; an update may leave out what stays", function()
    local contract = sven:contract(1)
    assert.same({ "body.phone_number" }, paths(contract:party(2).participants:create {
      name = "a", delivery_channel = "none", sign_method = "sms",
    }))
    assert.same({ "body.participant.email" }, paths(contract.parties:create {
      type = "individual", participant = { name = "a", delivery_channel = "email" },
    }))
    assert(contract:party(2):participant(3):update { signatory = true, delivery_channel = "sms" })
  end)

  it("of a party: a company has a name and people, an individual is one person", function()
    assert.same({ "body.parties[1].name", "body.parties[1].participants" }, paths(create {
      parties = { { type = "company" } } }))
    assert.same({ "body.parties[1].participants" }, paths(create {
      parties = { { type = "company", name = "x", participants = {} } } }))
    assert.same({ "body.parties[1].participant", "body.parties[1].participants" }, paths(create {
      parties = { { type = "individual", participants = { { name = "a", delivery_channel = "none" } } } } }))
    assert.same({ "body.participant" }, paths(sven:contract(1).parties:create {
      type = "company", name = "x", participants = { { name = "a", delivery_channel = "none" } },
      participant = { name = "a", delivery_channel = "none" } }))
  end)

  it("40 participants over all parties, the owner side's and individuals among them", function()
    local function of(count)
      local people = {}
      for i = 1, count do people[i] = { name = "p" .. i, delivery_channel = "none" } end
      return people
    end
    local individual = { type = "individual", participant = of(1)[1] }
    local mine = { participants = { { email = "o@example.com" } } }
    assert(create { my_party = mine, parties = { individual, company((table.unpack or unpack)(of(38))) } })
    sent = {}
    local found = problems(create { my_party = mine, parties = { individual,
      company((table.unpack or unpack)(of(39))) } })
    assert.equal("41 participants together: a contract has at most 40", found["body.parties"])
    assert.same({ "body.participants" }, paths(sven:contract(1).parties:create(
      company((table.unpack or unpack)(of(41))))))
  end)

  it("150 products over all groups", function()
    local function group(count)
      local products = {}
      for i = 1, count do products[i] = { name = "x" } end
      return { id = count, products = products }
    end
    assert(create { product_groups = { group(100), group(50) } })
    sent = {}
    assert.same({ "body.product_groups" }, paths(create { product_groups = { group(100), group(51) } }))
    assert.same({ "body.product_groups" }, paths(sven:contract(1).product_groups:update {
      product_groups = { group(100), group(51) } }))
    assert.same({ "body.products" }, paths(sven:contract(1):product_group(1):update(
      { products = group(151).products })))
  end)

  it("of a product: one discount, choices of 0 or 1, one single choice a group", function()
    local products = sven:contract(1):product_group(2).products
    local function priced(more)
      local price = { base_amount = { amount = "100.00" } }
      for name, value in pairs(more) do price[name] = value end
      return { name = "x", price_1 = price }
    end
    assert(products:create(priced { discount_percent = 10 }))
    assert(products:create(priced { discount_amount = { amount = "5" } }))
    assert(products:create { quantity = { type = "single_choice", amount = "1" } })
    assert(products:create { quantity = { type = "quantity", amount = "2.5" } })
    sent = {}
    assert.same({ "body.price_1" }, paths(products:create(
      priced { discount_percent = "10", discount_amount = { amount = "5" } })))
    assert.same({ "body.price_1" }, paths(products:create(
      priced { discount_percent = "0.01", discount_amount = { amount = "0.01" } })))
    assert.same({ "body.quantity.amount" }, paths(products:create { quantity = { type = "single_choice",
      amount = 2 } }))
    assert.same({ "body.quantity.amount" }, paths(products:create { quantity = { type = "multiple_choice",
      amount = "0.5" } }))
    local chosen = { quantity = { type = "single_choice", amount = 1 } }
    local other = { quantity = { type = "single_choice", amount = "0" } }
    assert(sven:contract(1):product_group(2):update { products = { chosen, other } })
    sent = {}
    assert.same({ "body.products" }, paths(sven:contract(1):product_group(2):update { products = { chosen, chosen } }))
  end)

  it("beside the discount of a product that is meant, null and 0 say nothing, and go out as they are", function()
    local products = sven:contract(1):product_group(2).products
    local null = oneflow.null
    for _, price in ipairs {
      { discount_percent = "12.5", discount_amount = null },
      { discount_percent = 7, discount_amount = { amount = "0.00" } },
      { discount_percent = null, discount_amount = { amount = "3.20" } },
      { discount_percent = 0, discount_amount = { amount = "3.20" } },
      { discount_percent = "0.0", discount_amount = { amount = "0" } },
      { discount_percent = null, discount_amount = null },
    } do
      price.base_amount = { amount = "80.00" }
      assert(products:create { name = "x", price_2 = price })
      assert.same(price, sent[#sent].price_2)
    end
    assert.equal(6, #sent)
  end)

  it("of a signing period, and of data fields without any id", function()
    local function period(fields)
      return sven:contract(1):update { _private = { signing_period_expiration = fields } }
    end
    assert(period { type = "never" })
    assert(period { type = "fixed_date", expire_date = "2026-12-31" })
    sent = {}
    local at = "body._private.signing_period_expiration."
    assert.same({ at .. "expire_date" }, paths(period { type = "fixed_date" }))
    assert.same({ at .. "expire_days_after_publish" }, paths(period { type = "days_after_publish" }))
    assert.same({ "body.data_fields[2]" }, paths(sven:contract(1).data_fields:update {
      data_fields = { { id = 5, value = "x" }, { value = "x" } } }))
  end)

  it("a sign order begins at 1, and two may have the same turn", function()
    assert(sven:contract(1):update { sign_order = { { participant_id = 5, order = 1 },
      { participant_id = 6, order = 1 } } })
    sent = {}
    assert.same({ "body.sign_order[2].order" }, paths(sven:contract(1):update { sign_order = {
      { participant_id = 5, order = 1 }, { participant_id = 6, order = 0 } } }))
  end)

  it("unchecked sends all of it", function()
    assert(sven:contract(1).parties:create({ type = "company", participants = { { signatory = true } } },
      { unchecked = true }))
    assert.equal(1, #sent)
  end)

  it("builders give bodies that are good, and shapes that the service wants", function()
    local body = {
      workspace_id = 1, template_id = 2,
      my_party = build.my_party { name = "Owner AB", build.organizer { email = "olle@example.com", signatory = true } },
      parties = {
        build.company { name = "Acme", country_code = "SE", custom_id = "crm-7",
          build.signatory { name = "Anna", email = "anna@example.com" },
          build.influencer { name = "Ivar", email = "ivar@example.com", title = "CFO" },
          build.viewer { name = "Vera", delivery_channel = "none", custom_id = "v" } },
        build.individual { country_code = "NO", build.signatory { name = "Per", phone_number = "+4740000001",
          delivery_channel = "sms", sign_method = "sms" } },
      },
      data_fields = build.data_fields { start = "2026-03-01", ["org-nr"] = "556000-0001" },
      product_groups = { build.product_group { id = 3,
        build.product { name = "Inspection", price_1 = "1200.00", quantity = 2, custom_id = "i" } } },
    }
    assert(sven.contracts:create(body))
    assert.same({
      workspace_id = 1, template_id = 2,
      my_party = { name = "Owner AB", participants = { {
        email = "olle@example.com", organizer = true, signatory = true, _permissions = { ["contract:update"] = true },
      } } },
      parties = {
        { type = "company", name = "Acme", country_code = "SE", _private_ownerside = { custom_id = "crm-7" },
          participants = {
            { name = "Anna", email = "anna@example.com", delivery_channel = "email", signatory = true,
              sign_method = "standard_esign", _permissions = { ["contract:update"] = true } },
            { name = "Ivar", email = "ivar@example.com", title = "CFO", delivery_channel = "email", signatory = false,
              _permissions = { ["contract:update"] = true } },
            { name = "Vera", delivery_channel = "none", signatory = false, _private_ownerside = { custom_id = "v" },
              _permissions = { ["contract:update"] = false } },
          } },
        { type = "individual", country_code = "NO", participant = {
          name = "Per", phone_number = "+4740000001", delivery_channel = "sms", sign_method = "sms", signatory = true,
          _permissions = { ["contract:update"] = true } } },
      },
      data_fields = { { custom_id = "org-nr", value = "556000-0001" }, { custom_id = "start", value = "2026-03-01" } },
      product_groups = { { id = 3, products = { {
        name = "Inspection", price_1 = { base_amount = { amount = "1200.00" } },
        quantity = { type = "quantity", amount = 2 }, _private_ownerside = { custom_id = "i" },
      } } } },
    }, sent[1])
    assert(sven:contract(1).data_fields:update { data_fields = build.data_field_changes { b = "x", a = "" } })
    assert.same({ data_fields = { { _private_ownerside = { custom_id = "a" }, value = "" },
                                  { _private_ownerside = { custom_id = "b" }, value = "x" } } }, sent[2])
  end)

  it("builders leave the caller's tables alone, refuse what is in two places, and check nothing twice", function()
    local given = { name = "Acme", custom_id = "x", { name = "a" } }
    build.company(given)
    assert.same({ name = "Acme", custom_id = "x", { name = "a" } }, given)
    for _, bad in ipairs {
      function() return build.company { participants = {}, { name = "a" } } end,
      function() return build.individual { { name = "a" }, { name = "b" } } end,
      function() return build.individual { participant = {}, { name = "b" } } end,
      function() return build.signatory { "Anna" } end,
      function() return build.product { "x" } end,
      function() return build.company "Acme" end,
      function() return build.data_fields { "x" } end,
      function() return build.data_fields() end,
      function() return create { parties = { build.company { nmae = "Acme" } } } end,
    } do
      local good, message = pcall(bad)
      assert.is_false(good)
      assert.is_truthy(string.find(message, "cross_field_spec.lua:%d+: oneflow: "), message)
    end
    assert.equal(0, #sent)
  end)
end)

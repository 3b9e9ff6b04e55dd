-- What is in a contract: data fields, products, comments, reminders, events.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ANNA = "anna@example.com"

describe("content:", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function send(method, path, body, user)
    return call(method, path, { user = user or ANNA, body = type(body) == "string" and body or core.encode(body) })
  end

  local function event_types(id)
    local types = {}
    for i, event in ipairs(select(2, call("GET", "/contracts/" .. id .. "/events")).data) do types[i] = event.type end
    return types
  end

  -- Data fields ------------------------------------------------------------------------------------------------

  it("data fields are listed with their custom ids", function()
    local _, page = call("GET", "/contracts/4711/data_fields")
    assert.equal(2, page.count)
    assert.same({ 262, "org-nr", "556000-0001", "556000-0000" }, { page.data[2].id,
      page.data[2]._private_ownerside.custom_id, page.data[2].value, page.data[2].placeholder })
  end)

  it("one data field is named by its id or its custom id", function()
    local status, field = send("PUT", "/contracts/4711/data_fields/262", { value = "1" })
    assert.same({ 200, "1" }, { status, field.value })
    assert.is_string(field._private_ownerside.updated_time)
    for _, path in ipairs{ "c::org-nr", "c%3A%3Aorg-nr" } do
      status, field = send("PUT", "/contracts/4711/data_fields/" .. path, { value = path })
      assert.same({ 200, path, 262 }, { status, field.value, field.id })
    end
    for _, path in ipairs{ "999", "c::none", "c::", "org-nr" } do
      assert.equal(404, (send("PUT", "/contracts/4711/data_fields/" .. path, { value = "x" })), path)
    end
  end)

  it("a value that is left out stays, \"\" and null empty it, another type is refused", function()
    local function value(body) return select(2, send("PUT", "/contracts/4711/data_fields/262", body)).value end
    assert.equal("556000-0001", value "{}")
    assert.equal("", value '{"value":""}')
    assert.equal("x", value '{"value":"x"}')
    assert.equal("", value '{"value":null}')
    assert.equal(400, (send("PUT", "/contracts/4711/data_fields/262", '{"value":5}')))
    assert.equal(400, (send("PUT", "/contracts/4711/data_fields/262", { value = string.rep("x", 1025) })))
  end)

  it("ids in the body are those of the path", function()
    local path = "/contracts/4711/data_fields/262"
    assert.equal(200, (send("PUT", path, { id = 262, _private_ownerside = { custom_id = "org-nr" }, value = "1" })))
    assert.equal(400, (send("PUT", path, { id = 261, value = "2" })))
    assert.equal(400, (send("PUT", path, { _private_ownerside = { custom_id = "start_date" }, value = "2" })))
    assert.equal("1", select(2, call("GET", "/contracts/4711")).data_fields[2].value)
  end)

  it("several change at once, or none of them", function()
    local path = "/contracts/4711/data_fields"
    local status, answer = send("PUT", path, { data_fields = {
      { id = 261, value = "2027-01-01" }, { _private_ownerside = { custom_id = "org-nr" }, value = "2" },
    } })
    assert.same({ 200, "2027-01-01", "2" },
      { status, answer.data_fields[1].value, answer.data_fields[2].value })
    status, answer = send("PUT", path, { data_fields = { { id = 261, value = "no" }, { value = "x" } } })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems["data_fields[1]"])
    status, answer = send("PUT", path, { data_fields = {
      { id = 261, value = "no" }, { id = 999, value = "x" },
      { id = 261, _private_ownerside = { custom_id = "org-nr" }, value = "x" },
    } })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems["data_fields[1]"])
    assert.is_table(answer.parameter_problems["data_fields[2]"])
    assert.equal("2027-01-01", select(2, call("GET", path)).data[1].value)
  end)

  it("a field of the system answers 200 and stays", function()
    local seed = core.decode((assert(core.encode(require "oneflow.sandbox.seed"))))
    seed.accounts[1].template_types[1].data_fields[2].source = "system"
    box = testing.sandbox{ seed = seed }
    call = requests.in_process(box)
    local status, field = send("PUT", "/contracts/4711/data_fields/262", { value = "x" })
    assert.same({ 200, "556000-0001" }, { status, field.value })
    assert.same({ "contract:create" }, event_types(4711))
  end)

  -- Products ---------------------------------------------------------------------------------------------------

  local function group_of(id)
    return select(2, call("GET", "/contracts/" .. id .. "/product_groups")).data[1]
  end

  it("a contract has its template's product tables", function()
    local _, made = send("POST", "/contracts/create", { workspace_id = 101, template_id = 201 })
    local group = made.product_groups[1]
    assert.same({ 292, 0, 2 }, { group.created_from, #group.products, group.configuration.price_precision })
    assert.same({ "name", "description", "price_1", "price_2", "count" }, group.enabled_columns)
    assert.equal(group.id, group_of(string.format("%d", made.id)).id) -- and keeps it
    local status, answer = send("POST", "/contracts/create",
      { workspace_id = 102, template_id = 202, product_groups = { { products = { { name = "A" } } } } },
      "sven@example.com")
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems["product_groups[0]"])
  end)

  it("prices are decimal strings, a discount is of one kind, what they come to is worked out", function()
    local group = group_of(4711)
    local path = string.format("/contracts/4711/product_groups/%d/products", group.id)
    local function price(body)
      local status, product = send("POST", path, { name = "P", price_1 = body })
      return status == 200 and product.price_1.amount.amount or product.parameter_problems
    end
    assert.equal("1200", price{ base_amount = { amount = "1200" } })
    assert.equal("1199.50", price{ base_amount = { amount = "1200" }, discount_amount = { amount = "0.50" } })
    assert.equal("900.00", price{ base_amount = { amount = "1200" }, discount_percent = 25 })
    assert.equal("1080.00", price{ base_amount = { amount = "1200" }, discount_percent = 10,
                                   discount_amount = core.null })
    assert.equal("1080.00", price{ base_amount = { amount = "1200" }, discount_percent = 10,
                                   discount_amount = { amount = "0.00" } })
    assert.equal("1195", price{ base_amount = { amount = "1200" }, discount_percent = 0,
                                discount_amount = { amount = "5" } })
    assert.equal("1200", price{ base_amount = { amount = "1200" }, discount_percent = core.null,
                                discount_amount = core.null })
    assert.is_table(price{ base_amount = { amount = 1200 } }["price_1.base_amount.amount"])
    assert.is_table(price{ base_amount = { amount = "1,200" } }["price_1.base_amount.amount"])
    assert.is_table(price{ base_amount = { amount = "1" }, discount_amount = { amount = "1" }, discount_percent = 5 }
      .price_1)
  end)

  it("a group's configuration has a tax column, as it was given", function()
    local group = group_of(4711)
    local path = string.format("/contracts/4711/product_groups/%d", group.id)
    local status, after = send("PUT", path, { configuration = { tax_1 = { label = "VAT", rate = "25" } } })
    assert.equal(200, status)
    assert.same({ label = "VAT", rate = "25" }, after.configuration.tax_1)
    assert.same({ label = "VAT", rate = "25" }, group_of(4711).configuration.tax_1)
    assert.equal(400, (send("PUT", path, { configuration = { tax_1 = "VAT" } })))
  end)

  it("choices are 0 or 1, and of a group's single choices one is 1", function()
    local group = group_of(4711)
    local path = string.format("/contracts/4711/product_groups/%d", group.id)
    local function choice(kind, amount) return { name = "C", quantity = { type = kind, amount = amount } } end
    assert.equal(400, (send("POST", path .. "/products", choice("multiple_choice", 2))))
    assert.equal(200, (send("POST", path .. "/products", choice("multiple_choice", 1))))
    local _, first = send("POST", path .. "/products", choice("single_choice", 1))
    assert.equal(400, (send("POST", path .. "/products", choice("single_choice", 1))))
    local _, second = send("POST", path .. "/products", choice("single_choice", 0))
    assert.equal(400, (send("PUT", string.format("%s/products/%d", path, second.id), { quantity = { amount = 1 } })))
    assert.equal(200, (send("PUT", string.format("%s/products/%d", path, first.id), { quantity = { amount = 0 } })))
    local without_group = string.format("/contracts/4711/products/%d", second.id)
    assert.equal(200, (send("PUT", without_group, { quantity = { amount = 1 } })))
    -- What the change would make of it is what counts.
    local _, many = send("POST", path .. "/products", { name = "M", quantity = { type = "quantity", amount = 5 } })
    path = string.format("%s/products/%d", path, many.id)
    assert.equal(400, (send("PUT", path, { quantity = { type = "multiple_choice" } })))
    path = string.format("/contracts/4711/product_groups/%d", group.id)
    local status, answer = send("PUT", path, { products = { choice("single_choice", 1), choice("single_choice", 1) } })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems.products)
  end)

  it("a group's products are made, changed, reordered and deleted by naming the whole", function()
    local group = group_of(4711)
    local path = string.format("/contracts/4711/product_groups/%d", group.id)
    local old = group.products[1]
    local status, after = send("PUT", path, {
      configuration = { hide_price_summation = true },
      products = { { name = "First" }, { id = old.id, name = "Second" } },
    })
    assert.equal(200, status)
    assert.same({ "First", "Second", old.id, "1200.00", true }, { after.products[1].name, after.products[2].name,
      after.products[2].id, after.products[2].price_1.amount.amount, after.configuration.hide_price_summation })
    assert.equal(400, (send("PUT", path, { products = { { id = 1, name = "?" } } })))
    assert.equal(2, select(2, call("GET", "/contracts/4711/products")).count)
    status = send("PUT", "/contracts/4711/product_groups", { product_groups = { { products = core.array{} } } })
    assert.equal(200, status)
    assert.equal(0, select(2, call("GET", "/contracts/4711/products")).count)
    status = send("PUT", "/contracts/4711/product_groups", { product_groups = { { id = 1 } } })
    assert.equal(400, status)
  end)

  it("a product is found and deleted without its group, and not in another's", function()
    local product = group_of(4711).products[1]
    local path = string.format("/contracts/4711/products/%d", product.id)
    assert.equal("Inspection", select(2, call("GET", path)).name)
    assert.equal(404, (send("PUT", string.format("/contracts/4711/product_groups/1/products/%d", product.id), {})))
    assert.equal(200, (call("DELETE", path, { user = ANNA })))
    assert.equal(404, (call("GET", path)))
    assert.equal(404, (call("DELETE", path, { user = ANNA })))
  end)

  it("a contract has at most 150 products", function()
    local many = {}
    for i = 1, 151 do many[i] = { name = "P" } end
    assert.equal(400, (send("PUT", "/contracts/4711/product_groups", { product_groups = { { products = many } } })))
    many[151] = nil
    assert.equal(200, (send("PUT", "/contracts/4711/product_groups", { product_groups = { { products = many } } })))
    local path = string.format("/contracts/4711/product_groups/%d/products", group_of(4711).id)
    assert.equal(400, (send("POST", path, { name = "one more" })))
    assert.equal(404, (send("POST", "/contracts/4711/product_groups/1/products", { name = "x" })))

    local seed = core.decode((assert(core.encode(require "oneflow.sandbox.seed"))))
    seed.accounts[1].templates[1].product_groups = { { id = 501 }, { id = 502 } }
    box = testing.sandbox{ seed = seed }
    call = requests.in_process(box)
    local _, page = call("GET", "/contracts/4713/product_groups")
    assert.same({ 501, 502 }, { page.data[1].created_from, page.data[2].created_from })
    local _, made = send("POST", "/contracts/create", { workspace_id = 101, template_id = 201, name = "Two tables" })
    for i = 101, 150 do many[i] = nil end
    for i, expected in ipairs{ 200, 400 } do
      local group_path = string.format("/contracts/%d/product_groups/%d", made.id, made.product_groups[i].id)
      assert.equal(expected, (send("PUT", group_path, { products = many })))
    end
    -- With two tables it must be said which one is meant.
    assert.equal(400, (send("POST", "/contracts/create",
      { workspace_id = 101, template_id = 201, product_groups = { { products = { { name = "A" } } } } })))
    local _, second = send("POST", "/contracts/create",
      { workspace_id = 101, template_id = 201, product_groups = { { id = 502, products = { { name = "A" } } } } })
    assert.same({ 0, 1 }, { #second.product_groups[1].products, #second.product_groups[2].products })
  end)

  -- Comments and reminders -------------------------------------------------------------------------------------

  it("comments have a sender, recipients and answers, one level deep", function()
    local _, contract = call("GET", "/contracts/4714")
    local pia = contract.parties[2].participants[1]
    local status, comment = send("POST", "/contracts/4714/comments", { body = "Hi", recipients = { pia.id } })
    local sender, recipient = comment.participants.sender, comment.participants.recipients[1]
    assert.same({ 200, "Hi", false, "Anna Example", "Pia Pilot", "Pilot Customer AB" }, { status, comment.body,
      comment.private, sender.participant_name, recipient.participant_name, recipient.party_name })
    local _, reply = send("POST", "/contracts/4714/comments", { body = "Yes", parent_id = comment.id, private = true })
    assert.same({ comment.id, true }, { reply.parent_id, reply.private })
    assert.equal(400, (send("POST", "/contracts/4714/comments", { body = "No", parent_id = reply.id })))
    assert.equal(400, (send("POST", "/contracts/4714/comments", { body = "No", recipients = { 1 } })))
    assert.equal(400, (send("POST", "/contracts/4714/comments", { body = "" })))
    assert.equal(2, select(2, call("GET", "/contracts/4714/comments")).count)
    local types = event_types(4714)
    assert.equal("comment:create", types[#types])
  end)

  it("reminders are in the future, and for users who take part on the owner side", function()
    local function remind(changes)
      local body = { date_time = "2099-01-01T08:00:00+00:00", subject = "S", message = "M",
                     reminder_recipients = { 302 } }
      for name, value in pairs(changes) do body[name] = value end
      local status, answer = send("POST", "/contracts/4714/reminders", body)
      return status, answer
    end
    local status, reminder = remind{}
    assert.same({ 200, 4714, "anna@example.com", "anna@example.com" }, { status, reminder.contract_id,
      reminder.users.created_by.email, reminder.users.recipients[1].email })
    assert.equal(200, (remind{ reminder_recipients = { { email = ANNA }, { id = 302 } } }))
    for name, value in pairs{
      date_time = "2020-01-01T08:00:00+00:00", subject = string.rep("x", 151), message = "",
    } do
      local refused, answer = remind{ [name] = value }
      assert.equal(400, refused)
      assert.is_table(answer.parameter_problems[name], name)
    end
    local refused, answer = remind{ reminder_recipients = { 302, 303 } }
    assert.equal(400, refused)
    assert.is_table(answer.parameter_problems["reminder_recipients[1]"])
    assert.equal(2, select(2, call("GET", "/contracts/4714/reminders")).count)
  end)

  -- Events -----------------------------------------------------------------------------------------------------

  it("events tell what operations did, in order, and who did it", function()
    send("PUT", "/contracts/4714/data_fields/261", { value = "x" })
    send("POST", "/contracts/4714/parties", { type = "individual",
      participant = { name = "I", email = "i@i.example", delivery_channel = "email" } })
    box:sign(4714, "pia@pilot.example")
    local _, page = call("GET", "/contracts/4714/events", { query = "sort=-id" })
    local types = {}
    for i, event in ipairs(page.data) do types[i] = event.type end
    assert.same({ "participant:sign", "participant:create", "party:create", "data_field:update", "contract:publish",
                  "contract:create" }, types)
    local _, event = call("GET", string.format("/contracts/4714/events/%d", page.data[1].id))
    local pia = select(2, call("GET", "/contracts/4714")).parties[2]
    assert.same({ { id = pia.id }, { id = pia.participants[1].id } }, { event.actor.party, event.actor.participant })
    assert.equal(404, (call("GET", "/contracts/4711/events/" .. string.format("%d", page.data[1].id))))
    assert.equal(400, (call("GET", "/contracts/4714/events", { query = "sort=actor" })))
  end)

  it("webhooks get events once, by contract, after each request and control", function()
    box:add_webhook "http://127.0.0.1:1/hook"
    call("GET", "/contracts/4711/events")
    call("POST", "/contracts/4711/publish", { user = ANNA })
    call("POST", "/contracts/4711/publish", { user = ANNA }) -- 409
    box:sign(4711)
    call("DELETE", "/contracts/4711", { user = ANNA })
    local seen = {}
    for i, delivery in ipairs(box:deliveries()) do
      local told = core.decode(delivery.body)
      seen[i] = {}
      for e, event in ipairs(told.events) do seen[i][e] = event.type end
      assert.equal(4711, told.contract.id)
    end
    assert.same({ { "contract:publish" }, { "participant:sign", "contract:sign" }, { "contract:delete" } }, seen)
    -- The events are those of the contract.
    box:sign(4714)
    local _, page = call("GET", "/contracts/4714/events", { query = "sort=-id&limit=1" })
    local deliveries = box:deliveries()
    local told = core.decode(deliveries[#deliveries].body).events
    assert.same({ page.data[1].id, "contract:sign" }, { told[#told].id, told[#told].type })
  end)
end)

-- What an account has beside contracts: templates and their types, workspaces, folders, contacts, tags, webhooks, log.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ADMIN, ANNA, SVEN = "admin@example.com", "anna@example.com", "sven@example.com"

describe("account:", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function send(method, path, body, user)
    return call(method, path, { user = user or ADMIN, body = core.encode(body) })
  end

  local function ids(path, query, user)
    local status, page = call("GET", path, { query = query, user = user or ADMIN })
    local list = {}
    for i, item in ipairs(status == 200 and page.data or {}) do list[i] = item.id end
    return status == 200 and list or status
  end

  local function seeded(change)
    local seed = core.decode((assert(core.encode(require "oneflow.sandbox.seed"))))
    change(seed.accounts[1])
    box = testing.sandbox{ seed = seed }
    call = requests.in_process(box)
  end

  it("what an operation that no official page confirms answers is assumed, of a confirmed one it is not", function()
    local expected = {
      ["/webhooks"] = "assumed", ["/contracts/4711/data_fields"] = "assumed", ["/tags"] = "assumed",
      ["/contracts/4711"] = "no", ["/templates"] = "no", ["/workspaces"] = "no",
    }
    for path, said in pairs(expected) do
      local status, _, headers = call("GET", path, { user = ADMIN })
      assert.same({ 200, said }, { status, headers["x-oneflow-sandbox"] or "no" }, path)
    end
  end)

  it("templates are those of the workspaces that one sees; the active ones unless others are asked for", function()
    seeded(function(account)
      account.templates[3] = { id = 204, name = "Old", workspaces = { 101 }, active = false, tags = { 272 } }
    end)
    assert.same({ 201, 202 }, ids "/templates")
    assert.same({ 201 }, ids("/templates", nil, ANNA))
    assert.same({ 202 }, ids("/templates", "filter[workspace_ids]=102,999"))
    assert.same({ 204 }, ids("/templates", "filter[active]=false"))
    assert.same({ 201, 202, 204 }, ids("/templates", "filter[active]="))
    assert.same({ 202, 201 }, ids("/templates", "sort=name"))
    assert.same({ 202 }, ids("/templates", "extension_type=hubspot"))
    assert.same({}, ids("/templates", "extension_type=lime"))
    assert.same({ 201 }, ids("/templates", "template_type_id=251"))
    for _, query in ipairs{ "extension_type=telegraph", "template_type_id=x", "filter[active]=maybe",
                            "filter[workspace_ids]=a", "sort=id" } do
      assert.equal(400, ids("/templates", query), query)
    end
    assert.equal(400, (call("GET", "/templates"))) -- needs a user
    local _, template = call("GET", "/templates/201")
    assert.same({ "Service agreement", true, 251, 101, true }, { template.name, template.template_active,
      template.template_type.id, template.workspaces[1].id, template.available_options.can_receive_attachments })
    assert.same({ { id = 272, name = "Pilot" } }, select(2, call("GET", "/templates/204")).tags)
    assert.equal(core.null, select(2, call("GET", "/templates/204")).template_type)
    assert.equal(404, (call("GET", "/templates/201", { user = SVEN })))
    local status, answer = send("POST", "/contracts/create", { workspace_id = 101, template_id = 204 })
    assert.same({ 403, "The template is not active." }, { status, answer.detail })
  end)

  it("what is needed to make a contract comes as a bare array", function()
    local _, _, text = box.transport{ method = "GET", path = "/v1/helpers/contract_create_data", query = "",
      headers = { ["x-oneflow-user-email"] = ANNA }, token_sha256 = core.sha256(box.token) }
    assert.equal("[", string.sub(text, 1, 1))
    assert.same({ { id = 101, name = "Sales", templates = { { id = 201, name = "Service agreement" } } } },
      core.decode(text))
    assert.same({}, select(2, call("GET", "/helpers/contract_create_data", { user = "viewer@example.com" })))
    local _, list = call("GET", "/helpers/contract_create_data", { user = ADMIN, query = "template_type_id=252" })
    assert.same({ 0, 1 }, { #list[1].templates, #list[2].templates })
  end)

  it("a template type's data fields are replaced as a whole, from the templates too", function()
    local status, answer = send("PUT", "/template_types/251/data_fields", { data_fields = {
      { custom_id = "org-nr", name = "Number" }, { custom_id = "colour", name = "Colour", value = "red" },
    } })
    assert.same({ 200, 262, "user", "red" }, { status, answer.data_fields[1].id, answer.data_fields[1].source,
      answer.data_fields[2].value })
    local _, helper = call("GET", "/helpers/template_types/251/data_fields")
    assert.same(answer, helper)
    assert.same(answer.data_fields, select(2, call("GET", "/template_types/251")).data_fields)
    -- A new contract has the new ones, with their values; an old one keeps what it had.
    local _, made = send("POST", "/contracts/create", { workspace_id = 101, template_id = 201 })
    assert.same({ 2, "red" }, { #made.data_fields, made.data_fields[2].value })
    assert.equal(1, select(2, call("GET", "/contracts", { query = "filter[data_field_match]=colour:red" })).count)
    assert.equal("start_date",
      select(2, call("GET", "/contracts/4711")).data_fields[1]._private_ownerside.custom_id)
    status, answer = send("POST", "/contracts/create",
      { workspace_id = 101, template_id = 201, data_fields = { { custom_id = "start_date", value = "x" } } })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems["data_fields[0].custom_id"])
    status, answer = send("PUT", "/template_types/251/data_fields",
      { data_fields = { { custom_id = "a", name = "A" }, { custom_id = "a", name = "B" } } })
    assert.equal(400, status)
    assert.is_table(answer.parameter_problems["data_fields[1].custom_id"])
  end)

  it("a template type is made, renamed and deleted while no template has it", function()
    local _, made = send("POST", "/template_types", { name = "Leases" })
    assert.same({ 251, 252, made.id }, ids "/template_types")
    assert.same({ 251, made.id, 252 }, ids("/template_types", "sort=name"))
    assert.equal("Rent", select(2, send("PUT", string.format("/template_types/%d", made.id), { name = "Rent" })).name)
    assert.equal(409, (send("DELETE", "/template_types/251", {})))
    assert.equal(200, (send("DELETE", string.format("/template_types/%d", made.id), {})))
    assert.equal(404, (call("GET", string.format("/template_types/%d", made.id))))
  end)

  it("workspaces are those in which one has a role", function()
    assert.same({ 101, 102 }, ids "/workspaces")
    assert.same({ 101 }, ids("/workspaces", nil, ANNA))
    assert.same({ 102, 101 }, ids("/workspaces", "sort=name"))
    assert.same({ 101 }, ids("/workspaces", "filter[id]=101,999"))
    assert.same({ 102 }, ids("/workspaces", "filter[name]=purch"))
    assert.equal(400, ids("/workspaces", "filter[id]=x"))
    assert.equal(404, (call("GET", "/workspaces/102", { user = ANNA })))
    local _, seen = call("GET", "/workspaces/101", { user = "viewer@example.com" })
    assert.is_false(seen._permissions["contract:create"])
  end)

  it("folders are in workspaces and in each other, and have contracts", function()
    assert.same({ 281, 282 }, ids("/folders", nil, ANNA))
    local _, made = send("POST", "/folders", { name = "Old", workspace_id = 101, parent_id = 282 }, ANNA)
    assert.same({ 282, { 281, 282 }, 101 }, { made.parent_id, made.path, made.workspace_id })
    local path = string.format("/folders/%d", made.id)
    assert.equal(400, (send("PUT", "/folders/281", { parent_id = made.id }, ANNA))) -- inside itself
    assert.equal(400, (send("PUT", path, { parent_id = 283 }))) -- another workspace's
    assert.equal(404, (send("POST", "/folders", { name = "x", workspace_id = 102 }, ANNA)))
    assert.equal(404, (send("POST", "/folders", { name = "x", workspace_id = 101, parent_id = 999 }, ANNA)))
    assert.equal(404, (send("POST", "/contracts/create", { workspace_id = 101, template_id = 201, folder_id = 999 })))
    assert.equal(core.null, select(2, send("PUT", path, { parent_id = core.null, name = "Older" }, ANNA)).parent_id)
    local status, contract = send("POST", "/contracts/create",
      { workspace_id = 101, template_id = 201, folder_id = made.id }, ANNA)
    assert.same({ 200, "Older" }, { status, contract._private.folder.name })
    assert.equal(409, (send("DELETE", path, {}, ANNA)))
    assert.equal(409, (send("DELETE", "/folders/281", {}, ANNA))) -- a folder is in it
    assert.equal(200, (send("POST", string.format("/contracts/%d/move", contract.id), { workspace_id = 101 }, ANNA)))
    assert.equal(200, (send("DELETE", path, {}, ANNA)))
    assert.equal(400, (send("POST", "/contracts/create", { workspace_id = 101, template_id = 201, folder_id = 283 })))
  end)

  it("contracts are copied and moved to where one may make some", function()
    local status, copy = send("POST", "/contracts/4713/copy", { workspace_id = 101, name = "Again" }, ANNA)
    assert.same({ 200, "Again", "draft", "556000-0004", "undecided" }, { status, copy._private.name, copy.state,
      copy.data_fields[2].value, copy.parties[2].participants[1].sign_state })
    assert.equal(404, (send("POST", "/contracts/4713/copy", { workspace_id = 102 }, ANNA)))
    assert.equal(404, (send("POST", "/contracts/4713/move", { workspace_id = 102 }, ANNA)))
    local _, products = send("POST", "/contracts/4711/copy", { workspace_id = 101 }, ANNA)
    assert.equal("Inspection", products.product_groups[1].products[1].name)
    assert.equal(200, (send("POST", "/contracts/4711/move", { workspace_id = 102, folder_id = 283 })))
    assert.equal(404, (call("GET", "/contracts/4711", { user = ANNA })))
    assert.equal(200, (call("GET", "/contracts/4711", { user = SVEN })))
  end)

  it("contacts belong to a workspace", function()
    assert.same({ 284 }, ids("/contacts", "workspace_id=101"))
    assert.same({}, ids("/contacts", "workspace_id=102"))
    assert.equal(400, ids "/contacts")
    assert.equal(400, ids("/contacts", "workspace_id=x"))
    assert.equal(404, ids("/contacts", "workspace_id=101", SVEN))
    local _, made = send("POST", "/contacts", { workspace_id = 101, name = "N", email = "n@n.example" }, ANNA)
    assert.same({ "N", core.null, core.null }, { made.name, made.title, made.updated_time })
    local path = string.format("/contacts/%d", made.id)
    local _, changed = send("PUT", path, { title = "T", email = core.null }, ANNA)
    assert.same({ "N", "T", core.null }, { changed.name, changed.title, changed.email })
    assert.equal(400, (send("PUT", path, { email = "no address" }, ANNA)))
    assert.equal(404, (call("GET", path, { user = SVEN })))
    assert.equal(200, (send("DELETE", path, {}, ANNA)))
    assert.equal(404, (call("GET", path)))
  end)

  it("a tag that is renamed or deleted is so on its contracts", function()
    local function on_4713()
      local names = {}
      for i, tag in ipairs(select(2, call("GET", "/contracts/4713")).tags) do names[i] = tag.name end
      return names
    end
    assert.same({ "Renewal" }, on_4713())
    send("PUT", "/tags/271", { name = "Renewed" })
    assert.same({ "Renewed" }, on_4713())
    assert.equal(409, (send("POST", "/tags", { name = "Renewed" })))
    assert.equal(400, (send("POST", "/tags", {})))
    send("DELETE", "/tags/271", {})
    assert.same({}, on_4713())
    assert.same({ 272 }, ids "/tags")
  end)

  it("webhooks are kept as they are written", function()
    local body = {
      callback_url = "https://hooks.example.com/oneflow", sign_key = "a-sign-key", template_group_id = 251,
      filters = { { filter_rules = { { type = "EVENT_TYPE", values = { "contract:sign" } },
                                     { type = "WORKSPACE", values = { 101 } } } } },
    }
    local status, made = send("POST", "/webhooks", body)
    assert.same({ 200, "a-sign-key", 251, core.null }, { status, made.sign_key, made.template_group_id,
      made.integration_process_id })
    assert.same(body.filters, made.filters)
    local path = string.format("/webhooks/%d", made.id)
    assert.same(made, select(2, call("GET", path)))
    local _, after = send("PUT", path, { callback_url = "https://hooks.example.com/other" })
    assert.same({ made.id, core.null, {} }, { after.id, after.sign_key, after.filters })
    for _, case in ipairs{
      { "callback_url", { callback_url = "http://hooks.example.com/" } }, { "callback_url", {} },
      { "integration_process_id", { callback_url = "https://x.example/", integration_process_id = 5 } },
      { "filters[0].filter_rules[0].values[0]",
        { callback_url = "https://x.example/",
          filters = { { filter_rules = { { type = "WORKSPACE", values = { 999 } } } } } } },
      { "filters[0].filter_rules[0].values[1]",
        { callback_url = "https://x.example/",
          filters = { { filter_rules = { { type = "EVENT_TYPE", values = { "contract:sign", 5 } } } } } } },
    } do
      local refused, answer = send("POST", "/webhooks", case[2])
      assert.equal(400, refused)
      assert.is_table(answer.parameter_problems[case[1]], case[1])
    end
    assert.equal(404, (send("POST", "/webhooks", { callback_url = "https://x.example/", template_group_id = 999 })))
    assert.equal(200, (send("DELETE", path, {})))
    assert.same({}, ids "/webhooks")
  end)

  it("the log has who changed what", function()
    send("PUT", "/contracts/4711", { _private = { name = "x" } }, ANNA)
    send("POST", "/tags", { name = "T" })
    call("GET", "/contracts/4711")
    send("POST", "/tags", { name = "T" }) -- refused
    local _, page = call("GET", "/logs")
    assert.equal(2, page.count)
    assert.same({ "contract.update", ANNA, "tag.create" }, { page.data[1].type, page.data[1].user.email,
      page.data[2].type })
  end)

  it("an error's code is explained at the address that its type gives", function()
    local _, missing = call("GET", "/contracts/1")
    local _, code = call("GET", (string.match(missing.type, "/v1(/.*)$")))
    assert.same({ 4040000, "Not Found" }, { code.error_code, code.title })
    assert.equal("Bad Request", select(2, call("GET", "/error_codes/4000003")).title)
    for _, text in ipairs{ "404", "9990000", "x" } do assert.equal(404, (call("GET", "/error_codes/" .. text))) end
  end)

  it("a rate limit's body is another one", function()
    box:fault("ping", { status = 429 })
    local status, body = call("GET", "/ping")
    assert.same({ 429, 4290000, nil, nil }, { status, body.error_code, body.type, body.request_id })
    assert.is_string(body.info)
  end)
end)

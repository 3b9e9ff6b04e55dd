-- The library and the sandbox together: every operation through the objects, in-process and over a socket.
local api = require "oneflow.api"
local testing = require "oneflow.testing"

local PERSON = { name = "Bo", email = "bo@buyer.example", delivery_channel = "email" }

-- Each line calls one operation or more; a failure raises its error.
local function walk(client, anna, admin)
  assert(client:root())
  assert(client:ping())
  assert(anna:ping())
  assert(client:account():get())
  assert.equal("anna@example.com", assert(admin.users:get(assert(admin.users:list())[2].id)).email)
  assert(admin.logs:list())
  assert(admin:error_code(4040000):get())

  local contact = assert(anna.contacts:create{ workspace_id = 101, name = "C" })
  assert.equal(2, assert(anna.contacts:list{ workspace_id = 101 }).count)
  assert.equal("T", assert(assert(contact:get()):update{ title = "T" }).data.title)
  assert(contact:delete())

  local contract = assert(anna.contracts:create{ workspace_id = 101, template_id = 201, name = "N" })
  contract = assert(assert(contract:get()):update{ _private = { name = "M" } })
  assert.equal("M", contract.name)
  assert.equal(4, assert(anna.contracts:list{ filter = { states = { "draft", "signed", "pending" } } }).count)
  local copy = assert(contract:copy{ workspace_id = 101 })
  assert(admin:contract(copy.id):move{ workspace_id = 102 })
  assert.equal("signed", assert(admin:contract(copy.id):mark_as_signed()).state)

  local party = assert(contract.parties:create{ type = "company", name = "Buyer AB", participants = { PERSON } })
  assert.equal(2, assert(contract.parties:list()).count)
  party = assert(assert(party:get()):update{ name = "Buyer Ltd" })
  local person = assert(party.participants:create{
    name = "Di", email = "di@buyer.example", delivery_channel = "email",
  })
  assert.equal("CFO", assert(person:update{ title = "CFO" }).data.title)
  assert(string.find(assert(contract:participant(person.id):access_link()).access_link, "/contracts/%d+/at/"))
  assert(person:delete())
  assert(party:delete())

  local fields = assert(contract.data_fields:list())
  assert(contract.data_fields:update{ data_fields = { { id = fields[1].id, value = "1" } } })
  assert.equal("2", assert(contract:data_field "c::org-nr":update{ value = "2" }).value)

  local group = assert(assert(contract.product_groups:list())[1]:get())
  assert(contract.product_groups:update{ product_groups = { { id = group.id, products = { { name = "A" } } } } })
  assert(group:update{ products = { { name = "B" } } })
  local product = assert(group.products:create{ name = "C" })
  assert.equal("D", assert(group:product(product.id):update{ name = "D" }).name)
  assert.equal("E", assert(assert(contract:product(product.id):get()):update{ name = "E" }).name)
  assert(contract:product(product.id):update{ name = "E" })
  assert.equal(2, assert(contract.products:list()).count)
  assert(contract:product(product.id):delete())

  assert(contract.comments:create{ body = "Hi" })
  assert.equal(1, assert(contract.comments:list()).count)
  assert(anna:contract(4714).reminders:create{
    date_time = "2099-01-01T08:00:00+00:00", subject = "S", message = "M", reminder_recipients = { 302 },
  })
  assert.equal(1, assert(anna:contract(4714).reminders:list()).count)
  assert(contract:event(assert(contract.events:list{ sort = "-id" })[1].id):get())
  assert.equal("contract", assert(contract:file(assert(contract.files:list())[1].id):get()).type)
  local list = assert(contract.files:create{ content = "some bytes", name = "list.txt", upload_as = "attachment" })
  assert.equal("some bytes", assert(contract:file(list.id):download()))

  local folder = assert(anna.folders:create{ name = "F", workspace_id = 101 })
  assert.equal(3, assert(anna.folders:list()).count)
  assert.equal("G", assert(folder:update{ name = "G" }).name)
  assert(folder:delete())
  assert(assert(assert(anna.templates:list())[1]:get()):file(291):get())
  local kind = assert(admin.template_types:create{ name = "T" })
  assert.equal(3, assert(admin.template_types:list()).count)
  assert(assert(kind:get()):update{ description = "D" })
  assert(kind.data_fields:replace{ data_fields = { { custom_id = "a", name = "A" } } })
  assert.equal("a", assert(kind.data_fields:list())[1].custom_id)
  assert(kind:delete())
  assert.equal("Sales", assert(anna.helpers:contract_create_data())[1].name)
  assert(assert(anna.workspaces:list())[1]:get())
  local tag = assert(admin.tags:create{ name = "New" })
  assert.equal(3, assert(admin.tags:list()).count)
  assert.equal("Newer", assert(assert(tag:get()):update{ name = "Newer" }).name)
  assert(tag:delete())
  local webhook = assert(admin.webhooks:create{ callback_url = "https://example.com/", sign_key = "k" })
  assert.equal(1, assert(admin.webhooks:list()).count)
  assert(assert(webhook:get()):update{ callback_url = "https://example.com/x" })
  assert(webhook:delete())

  assert.equal("pending", assert(anna:contract(4711):publish{ subject = "S" }).state)
  assert.equal("declined", assert(anna:contract(4711):decline()).state)
  assert(contract:delete())
end

-- A path with each id as #.
local function without_ids(path)
  return (string.gsub(string.gsub(path, "c::[^/]+", "#"), "/%d+", "/#"))
end

-- spec/fixtures/wire.txt: operation -> { method, path, email }
local function written_by_hand()
  local lines = {}
  for line in io.lines "spec/fixtures/wire.txt" do
    local name, method, path, _, email = string.match(line, "^([%l_.]+)%s+(%u+)%s+(/%S*)%s+(%S+)%s+(%S+)$")
    if name then lines[name] = { method = method, path = path, email = email } end
  end
  return lines
end

for _, kind in ipairs{ "sandbox", "server" } do
  describe("the library against testing." .. kind, function()
    local box
    setup(function() box = testing[kind]() end)
    teardown(function() box:stop() end)

    it("every operation does what it says, at the method and path that are written by hand", function()
      local client = box:client()
      local ok, problem = pcall(walk, client, assert(client:user "anna@example.com"),
        assert(client:user "admin@example.com"))
      assert.is_true(ok, tostring(problem))
      local called, missing, lines = {}, {}, written_by_hand()
      for _, entry in ipairs(box:journal()) do
        local line = lines[entry.operation]
        assert.same({ 200, "start" }, { entry.status, entry.token })
        assert.equal(line.method .. " /v1" .. without_ids(line.path), entry.method .. " " .. without_ids(entry.path))
        if line.email == "sven" then assert.is_string(entry.user_email) end
        called[entry.operation] = true
      end
      for name in pairs(api.operations) do
        if not called[name] then missing[#missing + 1] = name end
      end
      assert.same({}, missing)
      client:close()
    end)

    it("each visits every one of many, while drafts are published", function()
      box:reset()
      box:add_contracts(350, { created_from = "2025-01-01T00:00:00+00:00", created_to = "2025-03-01T00:00:00+00:00" })
      local client = box:client()
      local anna, seen, count = assert(client:user "anna@example.com"), {}, 0
      for draft in anna.contracts:each{ filter = { states = { "draft" } } } do
        assert.is_nil(seen[draft.id])
        seen[draft.id], count = true, count + 1
        if count % 7 == 0 then assert(draft:publish{}) end
      end
      assert.equal(351, count)
      client:close()
    end)

    it("files come at once, or from the storage without any credential", function()
      box:reset()
      local client = box:client()
      local file = assert(client:user "anna@example.com"):contract(4711):file(1)
      local bytes = assert(file:download())
      assert.equal("%PDF-", string.sub(bytes, 1, 5))
      box:set_downloads "redirect"
      assert.equal(bytes, assert(file:download()))
      local journal = box:journal()
      local last = journal[#journal]
      assert.same({ 200, "none" }, { last.status, last.token })
      assert.is_nil(last.user_email)
      assert.truthy(string.find(last.path, "/_storage/", 1, true))
      client:close()
    end)

    it("problems of a body come back by their paths, though the library did not look", function()
      local client = box:client()
      local _, err = assert(client:user "anna@example.com").contracts:create({
        workspace_id = 101, template_id = 201, name = string.rep("x", 131), parties = { { type = "company" } },
      }, { unchecked = true })
      assert.same({ "validation", "refused", 400 }, { err.kind, err.outcome, err.status })
      local found = {}
      for _, each in ipairs(err.problems) do found[each.path] = each.messages[1] end
      for _, path in ipairs{ "name", "parties[0].name", "parties[0].participants" } do
        assert.is_string(found[path], path)
      end
      client:close()
    end)
  end)
end

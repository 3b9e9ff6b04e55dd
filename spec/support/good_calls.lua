-- A valid call of every operation, against a new sandbox, through the objects as a script would make it: one sequence
-- in which later calls use what earlier ones created.
local M = {}

local ADMIN, ANNA = "admin@example.com", "anna@example.com"

local PERSON = { name = "Bo", email = "bo@buyer.example", delivery_channel = "email" }

local function same(expected, got)
  if expected ~= got then error(string.format("%s expected, got %s", tostring(expected), tostring(got)), 2) end
end

-- { operation, user, call(who, ids) -> value, err, check(value, ids), ids = others than those of the sequence } `who`
-- is the client or a user. `check` raises if the value is wrong, and stores new ids.
local CALLS = {
  { "root", ANNA, function(who) return who:root() end, function(root) same("v1", root.api_version) end },
  { "ping", ANNA, function(who) return who:ping() end },
  { "account.get", ANNA, function(who) return who:account():get() end,
    function(account) same("Example Company AB", account.data.name) end },
  { "user.list", ADMIN, function(who) return who.users:list() end, function(users) same(5, users.count) end },
  { "user.get", ADMIN, function(who, ids) return who.users:get(ids.user) end,
    function(user) same(ANNA, user.email) end },
  { "log.list", ADMIN, function(who) return who.logs:list() end },
  { "error_code.get", ADMIN, function(who, ids) return who:error_code(ids.error_code):get() end },

  { "contact.create", ANNA, function(who) return who.contacts:create { workspace_id = 101, name = "C" } end,
    function(contact, ids) ids.contact = contact.id end },
  { "contact.list", ANNA, function(who) return who.contacts:list { workspace_id = 101 } end,
    function(contacts) same(2, contacts.count) end },
  { "contact.get", ANNA, function(who, ids) return who:contact(ids.contact):get() end,
    function(contact) same("C", contact.data.name) end },
  { "contact.update", ANNA, function(who, ids) return who:contact(ids.contact):update { title = "T" } end,
    function(contact) same("T", contact.data.title) end },
  { "contact.delete", ANNA, function(who, ids) return who:contact(ids.contact):delete() end },

  { "contract.create", ANNA,
    function(who) return who.contracts:create { workspace_id = 101, template_id = 201, name = "N" } end,
    function(contract, ids) ids.contract = contract.id end },
  { "contract.get", ANNA, function(who, ids) return who:contract(ids.contract):get() end,
    function(contract) same("N", contract.name) end },
  { "contract.update", ANNA,
    function(who, ids) return who:contract(ids.contract):update { _private = { name = "M" } } end,
    function(contract) same("M", contract.name) end },
  { "contract.list", ANNA, function(who) return who.contracts:list { filter = { states = { "signed" } } } end,
    function(contracts) same(1, contracts.count) end },

  { "party.create", ANNA, function(who, ids)
    return who:contract(ids.contract).parties:create {
      type = "company", name = "Buyer AB", participants = { PERSON },
    }
  end, function(party, ids) ids.party = party.id end },
  { "party.list", ANNA, function(who, ids) return who:contract(ids.contract).parties:list() end,
    function(parties) same(2, parties.count) end },
  { "party.get", ANNA, function(who, ids) return who:contract(ids.contract):party(ids.party):get() end,
    function(party) same("Buyer AB", party.data.name) end },
  { "party.update", ANNA,
    function(who, ids) return who:contract(ids.contract):party(ids.party):update { name = "Buyer Ltd" } end,
    function(party) same("Buyer Ltd", party.data.name) end },
  { "participant.create", ANNA, function(who, ids)
    return who:contract(ids.contract):party(ids.party).participants:create {
      name = "Di", email = "di@buyer.example", delivery_channel = "email",
    }
  end, function(participant, ids) ids.participant = participant.id end },
  { "participant.update", ANNA, function(who, ids)
    return who:contract(ids.contract):party(ids.party):participant(ids.participant):update { title = "CFO" }
  end, function(participant) same("CFO", participant.data.title) end },
  { "participant.access_link", ANNA,
    function(who, ids) return who:contract(ids.contract):participant(ids.participant):access_link() end,
    function(link) same("string", type(string.match(link.access_link, "^http://.*/at/"))) end },
  { "participant.delete", ANNA,
    function(who, ids) return who:contract(ids.contract):party(ids.party):participant(ids.participant):delete() end },
  { "party.delete", ANNA, function(who, ids) return who:contract(ids.contract):party(ids.party):delete() end },

  { "data_field.list", ANNA, function(who, ids) return who:contract(ids.contract).data_fields:list() end,
    function(fields, ids) ids.data_field = fields[1].id end },
  { "data_fields.update", ANNA, function(who, ids)
    return who:contract(ids.contract).data_fields:update { data_fields = { { id = ids.data_field, value = "1" } } }
  end },
  { "data_field.update", ANNA,
    function(who, ids) return who:contract(ids.contract):data_field(ids.data_field):update { value = "2" } end,
    function(field) same("2", field.value) end },
  { "data_field.update", ANNA,
    function(who, ids) return who:contract(ids.contract):data_field(ids.data_field):update { value = "3" } end,
    function(field) same("3", field.value) end, ids = { data_field = "c::org-nr" } },

  { "product_group.list", ANNA, function(who, ids) return who:contract(ids.contract).product_groups:list() end,
    function(groups, ids) ids.product_group = groups[1].id end },
  { "product_group.get", ANNA,
    function(who, ids) return who:contract(ids.contract):product_group(ids.product_group):get() end },
  { "product_groups.update", ANNA, function(who, ids)
    return who:contract(ids.contract).product_groups:update {
      product_groups = { { id = ids.product_group, products = { { name = "A" } } } },
    }
  end },
  { "product_group.update", ANNA, function(who, ids)
    return who:contract(ids.contract):product_group(ids.product_group):update { products = { { name = "B" } } }
  end },
  { "product.create", ANNA, function(who, ids)
    return who:contract(ids.contract):product_group(ids.product_group).products:create { name = "C" }
  end, function(product, ids) ids.product = product.id end },
  { "product_group.product.update", ANNA, function(who, ids)
    return who:contract(ids.contract):product_group(ids.product_group):product(ids.product):update { name = "D" }
  end, function(product) same("D", product.name) end },
  { "product.list", ANNA, function(who, ids) return who:contract(ids.contract).products:list() end,
    function(products) same(2, products.count) end },
  { "product.get", ANNA, function(who, ids) return who:contract(ids.contract):product(ids.product):get() end,
    function(product) same("D", product.name) end },
  { "product.update", ANNA,
    function(who, ids) return who:contract(ids.contract):product(ids.product):update { name = "E" } end,
    function(product) same("E", product.name) end },
  { "product.delete", ANNA, function(who, ids) return who:contract(ids.contract):product(ids.product):delete() end },

  { "comment.create", ANNA, function(who, ids) return who:contract(ids.contract).comments:create { body = "Hi" } end },
  { "comment.list", ANNA, function(who, ids) return who:contract(ids.contract).comments:list() end,
    function(comments) same("Hi", comments[1].data.body) end },
  { "reminder.create", ANNA, function(who, ids)
    return who:contract(ids.contract).reminders:create {
      date_time = "2099-01-01T08:00:00+00:00", subject = "S", message = "M", reminder_recipients = { 302 },
    }
  end, ids = { contract = 4714 } },
  { "reminder.list", ANNA, function(who, ids) return who:contract(ids.contract).reminders:list() end,
    function(reminders) same("S", reminders[1].data.subject) end, ids = { contract = 4714 } },
  { "event.list", ANNA, function(who, ids) return who:contract(ids.contract).events:list { sort = "-id" } end,
    function(events, ids) ids.event = events[1].id end },
  { "event.get", ANNA, function(who, ids) return who:contract(ids.contract):event(ids.event):get() end,
    function(event) same("comment:create", event.type) end },

  { "file.create", ANNA, function(who, ids)
    return who:contract(ids.contract).files:create {
      content = "some bytes", name = "list.txt", upload_as = "attachment",
    }
  end, function(file, ids) ids.file = file.id end },
  { "file.list", ANNA, function(who, ids) return who:contract(ids.contract).files:list() end,
    function(files) same(2, files.count) end },
  { "file.get", ANNA, function(who, ids) return who:contract(ids.contract):file(ids.file):get() end,
    function(file) same("list", file.data.name) end },
  { "file.get", ANNA, function(who, ids) return who:contract(ids.contract):file(ids.file):download() end,
    function(bytes) same("some bytes", bytes) end },

  { "folder.create", ANNA, function(who) return who.folders:create { name = "F", workspace_id = 101 } end,
    function(folder, ids) ids.folder = folder.id end },
  { "folder.list", ANNA, function(who) return who.folders:list() end,
    function(folders) assert(folders.count >= 3, "fewer folders than were made") end },
  { "folder.update", ANNA, function(who, ids) return who:folder(ids.folder):update { name = "G" } end,
    function(folder) same("G", folder.name) end },
  { "folder.delete", ANNA, function(who, ids) return who:folder(ids.folder):delete() end },

  { "template.list", ANNA, function(who) return who.templates:list() end,
    function(templates) same(201, templates[1].id) end },
  { "template.get", ANNA, function(who, ids) return who:template(ids.template):get() end,
    function(template) same("Service agreement", template.data.name) end },
  { "template_file.get", ANNA, function(who, ids) return who:template(ids.template):file(ids.file):get() end,
    function(file) same("Terms", file.data.name) end, ids = { file = 291 } },
  { "template_file.get", ANNA, function(who, ids) return who:template(ids.template):file(ids.file):download() end,
    function(bytes) same("%PDF", string.sub(bytes, 1, 4)) end, ids = { file = 291 } },

  { "template_type.create", ADMIN, function(who) return who.template_types:create { name = "T" } end,
    function(kind, ids) ids.template_type = kind.id end },
  { "template_type.list", ADMIN, function(who) return who.template_types:list() end,
    function(kinds) same(3, kinds.count) end },
  { "template_type.get", ADMIN, function(who, ids) return who:template_type(ids.template_type):get() end,
    function(kind) same("T", kind.data.name) end },
  { "template_type.update", ADMIN,
    function(who, ids) return who:template_type(ids.template_type):update { description = "D" } end,
    function(kind) same("D", kind.data.description) end },
  { "template_type_data_fields.replace", ADMIN, function(who, ids)
    return who:template_type(ids.template_type).data_fields:replace {
      data_fields = { { custom_id = "a", name = "A" } },
    }
  end },
  { "template_type_data_field.list", ADMIN,
    function(who, ids) return who:template_type(ids.template_type).data_fields:list() end,
    function(fields) same("a", fields[1].custom_id) end },
  { "template_type.delete", ADMIN, function(who, ids) return who:template_type(ids.template_type):delete() end },

  { "helper.contract_create_data", ANNA, function(who) return who.helpers:contract_create_data() end,
    function(workspaces) same("Sales", workspaces[1].name) end },
  { "workspace.list", ANNA, function(who) return who.workspaces:list() end,
    function(workspaces) same(101, workspaces[1].id) end },
  { "workspace.get", ANNA, function(who, ids) return who:workspace(ids.workspace):get() end,
    function(workspace) same("Sales", workspace.name) end },

  { "tag.create", ADMIN, function(who) return who.tags:create { name = "New" } end,
    function(tag, ids) ids.tag = tag.id end },
  { "tag.list", ADMIN, function(who) return who.tags:list() end, function(tags) same(3, tags.count) end },
  { "tag.get", ADMIN, function(who, ids) return who:tag(ids.tag):get() end, function(tag) same("New", tag.name) end },
  { "tag.update", ADMIN, function(who, ids) return who:tag(ids.tag):update { name = "Newer" } end,
    function(tag) same("Newer", tag.name) end },
  { "tag.delete", ADMIN, function(who, ids) return who:tag(ids.tag):delete() end },

  { "webhook.create", ADMIN, function(who)
    return who.webhooks:create { callback_url = "https://example.com/", sign_key = "k" }
  end, function(webhook, ids) ids.webhook = webhook.id end },
  { "webhook.list", ADMIN, function(who) return who.webhooks:list() end,
    function(webhooks) same(1, webhooks.count) end },
  { "webhook.get", ADMIN, function(who, ids) return who:webhook(ids.webhook):get() end,
    function(webhook) same("https://example.com/", webhook.data.callback_url) end },
  { "webhook.update", ADMIN,
    function(who, ids) return who:webhook(ids.webhook):update { callback_url = "https://example.com/x" } end,
    function(webhook) same("https://example.com/x", webhook.data.callback_url) end },
  { "webhook.delete", ADMIN, function(who, ids) return who:webhook(ids.webhook):delete() end },

  { "contract.copy", ANNA, function(who, ids) return who:contract(ids.contract):copy { workspace_id = 101 } end,
    function(copy, ids) ids.original, ids.contract = ids.contract, copy.id end },
  { "contract.move", ADMIN, function(who, ids) return who:contract(ids.contract):move { workspace_id = 102 } end,
    function(contract) same(102, contract.workspace_id) end },
  { "contract.mark_as_signed", ADMIN, function(who, ids) return who:contract(ids.contract):mark_as_signed() end,
    function(contract, ids)
      ids.contract = ids.original
      same("signed", contract.state)
    end },
  { "contract.delete", ANNA, function(who, ids) return who:contract(ids.contract):delete() end },
  { "contract.publish", ANNA, function(who, ids) return who:contract(ids.contract):publish { subject = "S" } end,
    function(contract) same("pending", contract.state) end, ids = { contract = 4711 } },
  { "contract.decline", ANNA, function(who, ids) return who:contract(ids.contract):decline() end,
    function(contract) same("declined", contract.state) end, ids = { contract = 4711 } },
}

--- Makes every call. `visit(name, user, ids, call)` makes one: `call(who)` -> value, error, and checks the result.
--- Returns what is wrong, one line each.
function M.each(visit)
  local story, problems = { user = 302, error_code = 4040000, workspace = 101, template = 201 }, {}
  for _, each in ipairs(CALLS) do
    local name, user, call, check = each[1], each[2], each[3], each[4]
    local ids = setmetatable(each.ids or {}, { __index = story })
    local good, problem = pcall(function()
      local value, err = visit(name, user, ids, function(who) return call(who, ids) end)
      if not value then error(tostring(err), 0) end
      if check then check(value, story) end
    end)
    if not good then problems[#problems + 1] = name .. ": " .. tostring(problem) end
  end
  return problems
end

return M

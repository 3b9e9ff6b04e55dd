-- The data to start from: the default, and what is wrong with another.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local sandbox = require "oneflow.sandbox"
local seed_fields = require "oneflow.sandbox.seed_fields"
local testing = require "oneflow.testing"

-- The default seed as a user has it: printed as JSON, and read again.
local function printed()
  return (assert(core.decode((assert(core.encode(require "oneflow.sandbox.seed"))))))
end

local function paths(seed)
  local list = {}
  for path in pairs(seed_fields.problems(seed) or {}) do list[#list + 1] = path end
  table.sort(list)
  return list
end

describe("the seed", function()
  it("is right as it is, and as JSON", function()
    assert.same({}, paths(require "oneflow.sandbox.seed"))
    assert.same({}, paths(printed()))
    assert.equal(4, #testing.sandbox{ seed = printed() }.contracts)
  end)

  it("may give all kinds of things", function()
    local seed = printed()
    local account = seed.accounts[1]
    account.webhooks = { { id = 290, callback_url = "https://x.example/", sign_key = "k" } }
    account.contracts[1].folder_id = 282
    account.contracts[1].files = { { id = 295, name = "List", extension = "txt", text = "some text" } }
    account.contracts[1].lifecycle_settings = { type = "recurring", duration = "12m" }
    account.templates[1].tags = { 271 }
    assert.same({}, paths(seed))
    local call = requests.in_process(testing.sandbox{ seed = seed })
    assert.equal("k", select(2, call("GET", "/webhooks/290")).sign_key)
    local _, contract = call("GET", "/contracts/4711")
    assert.same({ "Renewals", "12m" }, { contract._private.folder.name, contract.lifecycle_settings.duration })
    assert.equal("some text", select(2, call("GET", "/contracts/4711/files/295", { query = "download=true" })))
    assert.equal("Renewal", select(2, call("GET", "/templates/201")).tags[1].name)
  end)

  it("has the people whom the readme names", function()
    local users = {}
    for _, user in ipairs(testing.sandbox().users) do users[user.email] = user end
    assert.same({ "user", "user", "admin", "viewer" }, {
      users["anna@example.com"].role, users["sven@example.com"].role, users["admin@example.com"].role,
      users["viewer@example.com"].role,
    })
    assert.is_false(users["inactive@example.com"].active)
  end)

  -- What is done to a good seed, and the paths that must be named.
  local CASES = {
    ["not an object"] = { function() return 1 end, { "body" } },
    ["no accounts"] = { function() return {} end, { "accounts" } },
    ["an empty list of accounts"] = { function() return { accounts = core.array{} } end, { "accounts" } },
    ["an unknown field"] = { function(seed) seed.accounts[1].colour = "red" end, { "accounts[0].colour" } },
    ["a contract without its id and with another state"] = {
      function(seed) seed.accounts[1].contracts[1].id, seed.accounts[1].contracts[1].state = nil, "lost" end,
      { "accounts[0].contracts[0].id", "accounts[0].contracts[0].state" },
    },
    ["an id of another type"] = {
      function(seed) seed.accounts[1].users[2].id = "302" end, { "accounts[0].users[1].id" },
    },
    ["a fraction for an id"] = {
      function(seed) seed.accounts[1].users[2].id = 302.5 end, { "accounts[0].users[1].id" },
    },
    ["an e-mail that is none"] = {
      function(seed) seed.accounts[2].users[1].email = "olle" end, { "accounts[1].users[0].email" },
    },
    ["a role that is none"] = {
      function(seed) seed.accounts[1].users[2].roles[1].role = "king" end, { "accounts[0].users[1].roles[0].role" },
    },
    ["a time that is none"] = {
      function(seed) seed.accounts[1].contracts[2].created_time = "yesterday" end,
      { "accounts[0].contracts[1].created_time" },
    },
    ["a day that there is not"] = {
      function(seed) seed.accounts[1].contracts[2].created_time = "2026-02-30T08:00:00+00:00" end,
      { "accounts[0].contracts[1].created_time" },
    },
    ["a null"] = { function(seed) seed.accounts[1].name = core.null end, { "accounts[0].name" } },
    ["a workspace of the other account"] = {
      function(seed) seed.accounts[1].contracts[1].workspace_id = 103 end,
      { "accounts[0].contracts[0].workspace_id" },
    },
    ["a template, a tag, a role's workspace that are nowhere"] = {
      function(seed)
        seed.accounts[1].contracts[1].template_id = 999
        seed.accounts[1].contracts[3].tags[1] = 999
        seed.accounts[1].users[2].roles[1].workspace_id = 999
        seed.accounts[1].templates[1].workspaces[1] = 999
      end,
      { "accounts[0].contracts[0].template_id", "accounts[0].contracts[2].tags[0]",
        "accounts[0].templates[0].workspaces[0]", "accounts[0].users[1].roles[0].workspace_id" },
    },
    ["a folder inside itself, in another workspace's place"] = {
      function(seed)
        seed.accounts[1].folders[1].parent_id = 282
        seed.accounts[1].folders[3].workspace_id = 103
      end,
      { "accounts[0].folders[0].parent_id", "accounts[0].folders[1].parent_id",
        "accounts[0].folders[2].workspace_id" },
    },
    ["a contact, a webhook, a file that are not right"] = {
      function(seed)
        seed.accounts[1].contacts[1].email = "none"
        seed.accounts[1].webhooks = { { id = 1, callback_url = "http://x" } }
        seed.accounts[1].contracts[1].files = { { name = "x" } }
      end,
      { "accounts[0].contacts[0].email", "accounts[0].contracts[0].files[0].extension",
        "accounts[0].webhooks[0].callback_url" },
    },
    ["a contact in no workspace, a contract in no folder"] = {
      function(seed)
        seed.accounts[1].contacts[1].workspace_id = 999
        seed.accounts[1].contracts[1].folder_id = 999
      end,
      { "accounts[0].contacts[0].workspace_id", "accounts[0].contracts[0].folder_id" },
    },
    ["the same id twice"] = {
      function(seed) seed.accounts[2].contracts[1].id = 4711 end, { "accounts[1].contracts[0].id" },
    },
    ["the same e-mail twice in an account"] = {
      function(seed) seed.accounts[1].users[3].email = "anna@example.com" end, { "accounts[0].users[2].email" },
    },
  }
  for title, case in pairs(CASES) do
    it("with " .. title .. " is refused by its path", function()
      local seed = printed()
      seed = case[1](seed) or seed
      assert.same(case[2], paths(seed))
      local ok, message = pcall(sandbox.new, { seed = seed })
      assert.is_false(ok)
      for _, path in ipairs(case[2]) do assert.truthy(string.find(message, path .. ": ", 1, true)) end
    end)
  end

  it("is not changed by what happens in a sandbox", function()
    local before, seed = printed(), printed()
    local box = testing.sandbox{ seed = seed }
    local client = box:client()
    assert(client:contract(4711):publish({}, { as = "anna@example.com" }))
    assert(client:contract(4713):update({ tags = core.array{} }, { as = "anna@example.com" }))
    box:set_user("anna@example.com", { active = false })
    assert.same(before, seed)
    assert.is_nil(seed.accounts[1].contracts[1].product_groups[1].id) -- each sandbox assigns its own
    box:reset()
    assert.equal("draft", assert(client:contract(4711):get{ as = "anna@example.com" }).state)
  end)
end)

describe("an operation without a handler", function()
  it("is an error when a sandbox is made", function()
    local operations = { ping = { name = "ping", method = "GET", path = "/ping", as = "none" } }
    assert.has_error(function() sandbox.new{ operations = operations, handlers = {} } end)
    assert.has_no.errors(function()
      sandbox.new{ operations = operations, handlers = { ping = function() return {} end } }
    end)
  end)
end)

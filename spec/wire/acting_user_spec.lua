-- No call without an acting user, and no way from a user to anything but what its user may do.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"

local ANNA, SVEN = "anna@example.com", "sven@example.com"

describe("acting user:", function()
  local box, client, sven
  setup(function() box = testing.server {} end)
  teardown(function() box:stop() end)
  before_each(function()
    box:clear_journal()
    client = box:client()
    sven = assert(client:user(SVEN))
  end)
  after_each(function() client:close() end)

  local function raises(fn, pattern, what)
    local good, message = pcall(fn)
    assert.is_false(good, what)
    assert.equal("string", type(message), what)
    assert.is_truthy(string.find(message, pattern), what .. ": " .. message)
    return message
  end

  it("missing in every form raises at the caller's line, and nothing arrives", function()
    local calls = {
      get = function(opts) return client:contract(4711):get(opts) end,
      update = function(opts) return client:contract(4711):update({}, opts) end,
      publish = function(opts) return client:contract(4711):publish({}, opts) end,
      delete = function(opts) return client:contract(4711):delete(opts) end,
      create = function(opts) return client.contracts:create({ workspace_id = 101, template_id = 201 }, opts) end,
      list = function(opts) return client.contracts:list(nil, opts) end,
      each = function(opts) return client.contracts:each(nil, opts) end,
      pages = function(opts) return client.contracts:pages(nil, opts) end,
      users = function(opts) return client.users:list(nil, opts) end,
      template_types = function(opts) return client.template_types:create({ name = "x" }, opts) end,
      request = function(opts) return client:request("GET", "/contracts/4711", nil, opts) end,
    }
    local forms = {
      ["no options"] = function() return nil end, ["empty options"] = function() return {} end,
      ["as = nil"] = function() return { as = nil, timeout = 5 } end,
      ["as = false"] = function() return { as = false } end, ["as = ''"] = function() return { as = "" } end,
      ["as = null"] = function() return { as = oneflow.null } end,
      ["unchecked"] = function() return { unchecked = true } end,
    }
    for name, call in pairs(calls) do
      for form, make in pairs(forms) do
        local message = raises(function() local value, err = call(make()) return value, err end,
          "no acting user", name .. ", " .. form)
        assert.is_truthy(string.find(message, "acting_user_spec.lua:%d+: "), message)
        assert.is_truthy(string.find(message, "client:user(", 1, true), "names the one way")
        assert.is_truthy(string.find(message, "as =", 1, true), "names the other way")
      end
    end
    for _, nobody in ipairs { "", false, oneflow.null } do
      raises(function() return client:user(nobody) end, "no user given", tostring(nobody))
    end
    raises(function() return client:user() end, "no user given", "nothing")
    raises(function() return client:ping { as = "" } end, "no acting user", "ping as nobody")
    assert.equal(0, #box:journal())
    assert(client:contract(4711):get { as = ANNA }) -- and the journal does count
    assert.equal(1, #box:journal())
  end)

  it("no escape from a user: each raises, and nothing arrives", function()
    local contract = assert(assert(client:user(ANNA)):contract(4711):get())
    local page = assert(assert(client:user(ANNA)).contracts:list())
    local user = assert(client:user(ANNA))
    local other = box:client()
    box:clear_journal()
    local attempts = {
      ["another as"] = function() return user:contract(4711):get { as = SVEN } end,
      ["administrator as"] = function() return user:contract(4711):get { as = oneflow.ANONYMOUS_ADMIN } end,
      ["as false"] = function() return user:contract(4711):get { as = false } end,
      ["as in a payload"] = function() return user:contract(4711):publish { as = SVEN } end,
      ["as in list"] = function() return user.contracts:list(nil, { as = SVEN }) end,
      ["as in each"] = function() return user.contracts:each(nil, { as = SVEN }) end,
      ["as in ping"] = function() return user:ping { as = SVEN } end,
      ["as in request"] = function() return user:request("GET", "/contracts", nil, { as = SVEN }) end,
      ["as in a loaded handle"] = function() return contract:publish({}, { as = SVEN }) end,
      ["as in a page"] = function() return page[1]:get { as = SVEN } end,
      ["user"] = function() return user:user(SVEN) end,
      ["user, method of the client"] = function() return client.user(user, SVEN) end,
      ["close"] = function() return user:close() end,
      ["field client"] = function() return user.client end,
      ["field token"] = function() return user.token end,
      ["field scope"] = function() return contract.scope end,
      ["field of a page"] = function() return page.fetch end,
      ["assignment"] = function() user.user = client.user end,
      ["assignment to a handle"] = function() contract.data = {} end,
      ["assignment to a page"] = function() page.next = nil error(page.next and "kept" or "lost") end,
      ["setmetatable"] = function() return setmetatable(page, {}) end,
      ["a sealed object of another kind"] = function() return user.contract(contract, 1) end,
      ["a table as self"] = function() return user.contract({ client = user }, 1) end,
      ["a user of another client"] = function() return client:contract(4711):get { as = other:user(ANNA) } end,
      ["a user of another client, to client:user"] = function() return client:user(other:user(ANNA)) end,
      ["a contract as user"] = function() return client:user(contract) end,
      ["a table as user"] = function() return client:user { email = ANNA } end,
    }
    for name, attempt in pairs(attempts) do raises(attempt, ".", name) end
    for name, object in pairs { user = user, contract = contract, page = page, items = page[1],
                                collection = user.contracts } do
      assert.is_false(getmetatable(object), name)
    end
    assert.is_nil(string.find(tostring(user) .. tostring(contract), box.token, 1, true))
    assert.equal(0, #box:journal())
  end)

  it("request(): the two headers, host and hop headers cannot be given, and nothing arrives", function()
    for _, name in ipairs { "x-oneflow-user-email", "X-Oneflow-User-Email", "x_oneflow_user_email",
                            "x-oneflow-api-token", "Host", "Connection", "Transfer-Encoding", "Content-Length",
                            "Cookie", "x_y z", "a:b", "" } do
      raises(function() return sven:request("GET", "/contracts", { headers = { [name] = "x" } }) end, "header", name)
    end
    for _, value in ipairs { "a\r\nx-oneflow-user-email: " .. ANNA, "a\nb", "a\0b", "\255" } do
      local got, err = sven:request("GET", "/contracts", { headers = { ["x-extra"] = value } })
      assert.is_nil(got)
      assert.equal("validation", err.kind)
    end
    assert.equal(0, #box:journal())
    assert(sven:request("GET", "/contracts/4712", { headers = { ["x-extra"] = "one" } }))
  end)

  it("a handle stays with the user it was fetched as; `as` holds for one call only", function()
    local contract = assert(sven:contract(4712):get())
    assert(contract:update {})
    local mine = assert(client:contract(4712):get { as = SVEN })
    raises(function() return mine:get() end, "no acting user", "the next call says it again")
    assert(mine:get { as = assert(client:user(SVEN)) }) -- a user of the same client
    for _, entry in ipairs(box:journal()) do assert.equal(SVEN, entry.user_email) end
    assert.equal(4, #box:journal())
  end)

  it("a user's record names the user", function()
    local record
    for user in client.users:each(nil, { as = oneflow.ANONYMOUS_ADMIN }) do
      if user.email == SVEN then record = user end
    end
    box:clear_journal()
    assert(assert(client:user(record)):contract(4712):get())
    assert(client:contract(4712):get { as = record })
    for _, entry in ipairs(box:journal()) do assert.equal(SVEN, entry.user_email) end
  end)

  it("ping tests the token, through a user token and user; root and account need no user", function()
    assert.is_true((client:ping()))
    assert.is_true((sven:ping()))
    assert.equal("Example Company AB", assert(client:account():get()).name)
    assert.equal("custom", client:account():get():at("token_info", "integration", "key"))
    assert.equal("string", type(assert(client:root()).message))
    local journal = box:journal()
    assert.is_nil(journal[1].user_email)
    assert.equal(SVEN, journal[2].user_email)
    local _, err = assert(client:user "inactive@example.com"):ping()
    assert.equal("authentication", err.kind)
    assert.is_truthy(string.find(tostring(err), "ping", 1, true), "says how to find out which is bad")
  end)

  it("the anonymous administrator is refused locally where a user is demanded, unless unchecked", function()
    local admin = assert(client:user(oneflow.ANONYMOUS_ADMIN))
    local value, err = admin:contract(4711):publish {}
    assert.is_nil(value)
    assert.equal("validation", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal("anonymous administrator", err.acting_user)
    assert.equal(0, #box:journal())
    value, err = admin:contract(4711):publish({}, { unchecked = true })
    assert.is_nil(value)
    assert.equal(400, err.status)
    assert.equal(1, #box:journal())
  end)
end)

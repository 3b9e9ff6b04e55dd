-- What a script holds and how it spells things: no wire, the sandbox answers in-process.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"

local ANNA = "anna@example.com"

describe("objects:", function()
  local box, client, anna
  before_each(function()
    box = testing.sandbox {}
    client = box:client()
    anna = assert(client:user(ANNA))
  end)

  local function says(fn, ...)
    local good, message = pcall(fn)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "objects_spec.lua:%d+: "), "points at the caller: " .. message)
    for _, piece in ipairs { ... } do assert.is_truthy(string.find(message, piece, 1, true), message) end
  end

  it("wrong spellings teach", function()
    says(function() local _ = client:contracts() end, "use client.contracts:list()")
    says(function() local _ = client.contract(1) end, "call with a colon: client:contract")
    says(function() local _ = client.contracts.list({}) end, "call with a colon: contracts:list")
    says(function() local _ = client.contracct end, 'did you mean "contract"')
    says(function() local _ = client:contract(1).publsih end, 'did you mean "publish"')
    says(function() local _ = client.contracts.get end, "contracts has no")
    says(function() client.x = 1 end, "cannot be changed")
    says(function() local _ = anna:contract(1, { timeout = 1 }) end, "options go to its methods")
    says(function() local _ = client:account(7) end, "takes no id")
    says(function() local _ = anna:contract() end, "contract id", "nothing")
  end)

  it("unknown options, fields, filters and query names raise with the nearest one", function()
    says(function() return (anna:contract(1):get { tiemout = 1 }) end, 'did you mean "timeout"')
    says(function() return (anna.contracts:list { fliter = {} }) end, 'did you mean "filter"')
    says(function() return (anna.contracts:list { filter = { state = "draft" } }) end, 'did you mean "states"')
    says(function() return (anna.contracts:list { states = { "draft" } }) end, "filter = { states = ... }")
    says(function() return (anna:contract(1):publish { subjet = "x" }) end, 'did you mean "subject"')
    says(function() return (anna:contract(1):publish { timeout = 1 }) end, "is an option", "after the payload")
    says(function() return (anna.contracts:list { timeout = 1 }) end, "is an option", "after the query")
    says(function() return (anna.contracts:each { limit = 1 }) end, "page_size")
    says(function()
      return (anna.contracts:create { workspace_id = 1, template_id = 1, parties = { { nmae = 1 } } })
    end, "body.parties[1] has no field", 'did you mean "name"')
    says(function() return (oneflow.client { token = "x", as = ANNA }) end, "no default user")
    says(function() return (oneflow.client { token = "x", tokn = "y" }) end, 'did you mean "token"')
    assert.equal(0, #box:journal())
  end)

  it("wrong Lua types and times raise", function()
    says(function() return (anna:contract(1):get(5)) end, "table expected")
    says(function() return (anna:contract(1):get { timeout = "5" }) end, "number of seconds expected")
    says(function() return (anna:contract(1):get { timeout = 5000 }) end, "seconds, not milliseconds")
    says(function() return (anna:contract(1):get { timeout = 0 }) end, "above 0")
    says(function() return (anna:contract(1):get { timeout = 0 / 0 }) end, "above 0")
    says(function() return (anna:contract(1):get { decode = 1 }) end, "boolean expected")
    says(function() return (anna:contract(1):get { retry = true }) end, "retry")
    says(function() return (anna:contract(1):publish("x")) end, "body: table expected")
    says(function() return (anna:contract(1):publish { subject = 5 }) end, "body.subject: string expected")
    says(function() return (anna.contracts:create { workspace_id = {}, template_id = 1 }) end, "body.workspace_id")
    says(function() return (anna:contract(1):update { _private = { value = { amount = 5.5 } } }) end,
      "decimal string")
    says(function() return (oneflow.client { token = "x", token_env = "y" }) end, "one of token")
    says(function() return (oneflow.client {}) end, "one of token")
    says(function() return (oneflow.client { token = "x", environment = "prod" }) end, "production")
    says(function() return (oneflow.client { token = "x", environment = "test", base_url = "https://x" }) end,
      "both")
    says(function() return (oneflow.client { token = "x", hooks = { on_reqest = print } }) end, "on_request")
    says(function() return (oneflow.client { token = "x", app = "a b" }) end, "name/version")
    says(function() return (oneflow.client(nil)) end, "table of options")
    assert.equal(0, #box:journal())
  end)

  it("wrong values come back together, each with its path", function()
    local value, err = anna.contracts:create {
      workspace_id = -1, name = string.rep("n", 131), value = { amount = "1,5", currency = "SE" },
      parties = { { type = "firm", participants = { { name = "", email = "pigeon" } } } },
      folder_id = oneflow.null,
    }
    assert.is_nil(value)
    assert.equal("validation", err.kind)
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    assert.same({
      "body.folder_id", "body.name", "body.parties[1].participants[1].delivery_channel",
      "body.parties[1].participants[1].email", "body.parties[1].participants[1].name", "body.parties[1].type",
      "body.template_id", "body.value.amount",
      "body.value.currency", "body.workspace_id",
    }, paths)
    assert.equal(0, #box:journal())
  end)

  it("unchecked sends what the library would refuse", function()
    local _, err = anna:contract(4711):update({ unheard_of = true }, { unchecked = true })
    assert.is_true(err == nil or err.status == 400, tostring(err))
    assert.equal(1, #box:journal())
  end)

  it("a handle is ids until it is loaded, and never changes", function()
    local contract = anna:contract "4711"
    assert.equal(4711, contract.id)
    assert.equal("oneflow contract 4711 (not loaded)", tostring(contract))
    says(function() return (contract.data) end, "contract 4711 is not loaded: use :get()")
    says(function() return (contract.name) end, "not loaded")
    says(function() return (contract:at "name") end, "not loaded")
    local loaded = assert(contract:get())
    says(function() return (contract.data) end, "not loaded")
    assert.equal("draft", loaded.state)
    assert.equal(4711, loaded.id)
    assert.equal(200, loaded.meta.status)
    local published = assert(loaded:publish {})
    assert.equal("pending", published.state)
    assert.equal("draft", loaded.state)
  end)

  it("an id may be a handle of the same kind, and of no other", function()
    assert.equal(4711, anna:contract(anna:contract(4711)).id)
    local user = assert(anna.users:list())[1]
    says(function() return (anna:contract(user)) end, "contract id: a user given")
  end)

  it("accessors reach into the service's shapes; null and missing are nil", function()
    local contract = assert(anna:contract(4711):get())
    assert.equal("Service agreement - Example Customer AB", contract.name)
    assert.equal(201, contract.template_id)
    assert.equal(101, contract.workspace_id)
    assert.equal("2400.00", contract.value.amount)
    assert.equal("SEK", contract:at("_private", "value", "currency"))
    assert.equal("Example Customer AB", contract:at("parties", 2, "name") or contract:at("parties", 1, "name"))
    assert.is_nil(contract:at "published_time")
    assert.is_nil(contract:at("no", "such", "thing"))
    assert.equal(oneflow.null, contract.data.published_time)
    says(function() return (contract:at {}) end, "names and positions")
  end)

  it("an item of a list says what the list left out", function()
    local answers = { '{"count":1,"data":[{"id":1,"state":"draft","_private":{"value":null}}]}' }
    local partial = box:client { transport = function() return 200, {}, answers[1] end }
    local contract = assert(partial.contracts:list(nil, { as = ANNA }))[1]
    assert.equal("draft", contract.state)
    assert.is_nil(contract.value) -- sent, and null
    says(function() return (contract.template_id) end, "comes from a list", "use :get()")
    says(function() return (contract.name) end, "comes from a list")
  end)

  it("lists that are envelopes and lists that are bare arrays read the same", function()
    for _, body in ipairs { '[{"id":1},{"id":2}]', '{"data":[{"id":1},{"id":2}]}',
                            '{"data":[{"id":1},{"id":2}],"count":2,"_links":{"next":{"href":null}}}',
                            '{"data":[{"id":1},{"id":2}],"count":2,"_links":{"next":null}}' } do
      local list = box:client { transport = function() return 200, {}, body end }
      local page = assert(list.users:list(nil, { as = ANNA }))
      assert.equal(2, #page)
      assert.equal(2, page[2].id)
      assert.is_false(page:next())
    end
    for _, body in ipairs { '{"data":{"id":1}}', '{"id":1}', '[1]', '"x"', '{"data":null}', '{"count":1}', "null" } do
      local list = box:client { transport = function() return 200, {}, body end }
      local page, err = list.users:list(nil, { as = ANNA })
      assert.is_nil(page, body)
      assert.equal("decode", err.kind)
      assert.equal(200, err.status)
    end
  end)

  it("a link to the next page is read for its offset only, and must lead on", function()
    local asked = {}
    local function answering(href)
      return box:client { transport = function(request)
        asked[#asked + 1] = request.query
        if #asked > 1 then return 200, {}, '{"count":2,"data":[{"id":2}],"_links":{"next":{"href":null}}}' end
        return 200, {}, '{"count":2,"data":[{"id":1}],"_links":{"next":{"href":"' .. href .. '"}}}'
      end }
    end
    local page = assert(answering("https://elsewhere.example/v1/users?offset=1&limit=1").users
      :list({ limit = 1 }, { as = ANNA }))
    assert.equal(2, assert(page:next())[1].id)
    assert.same({ "limit=1", "limit=1&offset=1" }, asked)
    for _, href in ipairs { "https://api.oneflow.com/v1/users?offset=0", "/v1/users", "?offset=-1" } do
      asked = {}
      local got, err = answering(href).users:list({ limit = 1 }, { as = ANNA })
      assert.is_nil(got)
      assert.equal("decode", err.kind)
    end
  end)

  it("a page that was asked for the next one wrongly can still be asked rightly", function()
    local page = assert(client.contracts:list({ limit = 1 }, { as = ANNA }))
    local next_page, err = page:next { as = "no address" }
    assert.is_nil(next_page)
    assert.equal("validation", err.kind)
    next_page, err = page:next()
    assert.equal(1, #assert(next_page, tostring(err)))
  end)

  it("decode = false gives the text and the meta", function()
    local text, meta = anna:contract(4711):get { decode = false }
    assert.equal("string", type(text))
    assert.equal(4711, require("cjson").decode(text).id)
    assert.equal(200, meta.status)
    text = anna.contracts:list({ limit = 1 }, { decode = false })
    assert.equal("string", type(text))
    says(function() return (anna.contracts:each(nil, { decode = false })) end, "which has no items")
  end)

  it("the caller's tables are copied: changing them later changes nothing", function()
    local query = { filter = { states = { "draft" } } }
    local opts = { page_size = 1 }
    local walk = anna.contracts:each(query, opts)
    query.filter.states[1], query.filter, opts.page_size = "signed", nil, 100
    assert.equal("draft", walk().state)
    local sneaky = setmetatable({}, { __index = function() error "asked" end, __pairs = function() error "asked" end })
    assert(anna:contract(4711):get(sneaky))
  end)

  it("errors are objects that print as one line, join strings and show no metatable", function()
    local _, err = assert(client:user "sven@example.com"):contract(4711):get()
    assert.equal("not_found", err.kind)
    assert.equal("contract.get", err.operation)
    assert.equal("sven@example.com", err.acting_user)
    assert.equal(4040000, err.code)
    assert.is_false(err.retryable)
    assert.is_truthy(string.find("failed: " .. err, "missing, or no access", 1, true))
    assert.is_false(getmetatable(err))
  end)

  it("after close every call raises, close again does nothing", function()
    local contract = assert(anna:contract(4711):get())
    client:close()
    client:close()
    says(function() return (contract:get()) end, "the client is closed")
    says(function() return (client:ping()) end, "the client is closed")
    assert.equal("draft", contract.state)
  end)

  it("no JSON null is taken for true: oneflow.null is cjson's and the core's", function()
    assert.equal(require("cjson").null, oneflow.null)
    assert.equal("userdata", type(oneflow.null))
  end)
end)

-- webhooks:ensure against an emulated service: made, updated or left as it is, whatever form its list has.
local core = require "oneflow.core"
local oneflow = require "oneflow"
local testing = require "oneflow.testing"
local webhooks = require "oneflow.sandbox.webhooks"

local URL = "https://hooks.example.com/oneflow"
local ANNA = { as = "anna@example.com" }

local function filters(...)
  return { { filter_rules = { { type = "EVENT_TYPE", values = { ... } } } } }
end

describe("webhooks:ensure", function()
  local box, client, calls, account, form

  -- The five operations over the sandbox's records; every other request is the sandbox's own.
  before_each(function()
    box = testing.sandbox {}
    calls, form = {}, "envelope"
    local store = box.emulator.store
    account = store:account()
    local function shown(webhook)
      local copy = {}
      for name, value in pairs(webhook) do copy[name] = value end
      if form == "without keys" then copy.sign_key = nil end
      return copy
    end
    local function answer(request)
      calls[#calls + 1] = table.concat({ request.method, request.path, request.headers["x-oneflow-user-email"] }, " ")
      local id = tonumber(string.match(request.path, "/webhooks/(%d+)$"))
      local body = request.body and core.decode(request.body)
      if request.method == "POST" then return webhooks.subscribe(store, account, body) end
      if request.method == "PUT" then return webhooks.update(webhooks.find(account, id), body) end
      if id then return webhooks.find(account, id) end
      local list = core.array {}
      for i, webhook in ipairs(webhooks.list(account)) do list[i] = shown(webhook) end
      if form == "bare" then return list end
      local limit, offset = 2, tonumber(string.match(request.query or "", "offset=(%d+)")) or 0
      local page = core.array {}
      for i = offset + 1, math.min(#list, offset + limit) do page[#page + 1] = list[i] end
      local more = offset + limit < #list
      return { data = page, count = #list, _links = { next = { href = more
        and "/v1/webhooks?offset=" .. offset + limit or oneflow.null } } }
    end
    client = box:client { transport = function(request)
      if not string.find(request.path, "/webhooks", 1, true) then return box.transport(request) end
      return 200, {}, (assert(core.encode(answer(request))))
    end }
  end)

  local function asked()
    local methods = {}
    for i, call in ipairs(calls) do methods[i] = string.match(call, "^%u+") end
    calls = {}
    return table.concat(methods, " ")
  end

  local function ensure(wanted, opts)
    local webhook, what = client.webhooks:ensure(wanted, opts or ANNA)
    return webhook, what
  end

  it("makes, leaves as it is, updates; as the acting user", function()
    local wanted = { callback_url = URL, sign_key = "k1", filters = filters("contract:sign", "contract:publish") }
    local webhook, what = ensure(wanted)
    assert.equal("created", what)
    assert.same({ "GET /v1/webhooks anna@example.com", "POST /v1/webhooks anna@example.com" }, calls)
    assert.equal(URL, webhook.data.callback_url)
    asked()
    local again
    again, what = ensure { callback_url = URL, sign_key = "k1", filters = filters("contract:publish", "contract:sign") }
    assert.same({ "unchanged", webhook.id, "GET" }, { what, again.id, asked() })
    again, what = ensure { callback_url = URL, sign_key = "k2", filters = filters "contract:sign" }
    assert.same({ "updated", webhook.id, "GET PUT" }, { what, again.id, asked() })
    assert.same({ "unchanged", "GET" }, { select(2, ensure { callback_url = URL, sign_key = "k2" }), asked() })
    local stored = webhooks.find(account, webhook.id)
    assert.equal("k2", stored.sign_key)
    assert.same({ "contract:sign" }, stored.filters[1].filter_rules[1].values)
    assert.equal(1, #webhooks.list(account))
    local user = assert(client:user "sven@example.com")
    assert.equal("unchanged", select(2, user.webhooks:ensure { callback_url = URL, sign_key = "k2" }))
    assert.equal("GET /v1/webhooks sven@example.com", calls[1])
  end)

  it("reads bare lists, envelopes, pages, and lists that leave the sign key out", function()
    for i = 1, 7 do
      webhooks.subscribe(box.emulator.store, account, { callback_url = URL .. i, sign_key = "k" .. i })
    end
    for _, case in ipairs { { "bare", "GET" }, { "envelope", "GET GET GET GET" },
                            { "without keys", "GET GET GET GET GET" } } do
      form = case[1]
      local _, what = ensure { callback_url = URL .. 7, sign_key = "k7" }
      assert.same({ "unchanged", case[2] }, { what, asked() }, form)
    end
    assert.equal("updated", select(2, ensure { callback_url = URL .. 7, sign_key = "other" }))
    assert.equal(7, #webhooks.list(account))
  end)

  it("what is not named stays as it is, in a PUT too", function()
    webhooks.subscribe(box.emulator.store, account, { callback_url = URL, sign_key = "old", template_group_id = 251,
      filters = filters "contract:sign", configuration = { a = 1 } })
    local webhook, what = ensure { callback_url = URL, sign_key = "new", template_group_id = "251" }
    assert.equal("updated", what)
    local stored = webhooks.find(account, webhook.id)
    assert.same({ "new", 251, 1 }, { stored.sign_key, stored.template_group_id, stored.configuration.a })
    assert.same({ "contract:sign" }, stored.filters[1].filter_rules[1].values)
    assert.equal("updated", select(2, ensure { callback_url = URL, sign_key = "new", template_group_id = 251,
      filters = {} }))
    assert.equal(0, #webhooks.find(account, webhook.id).filters)
  end)

  it("one of another template type, or of the legacy format, is another", function()
    webhooks.subscribe(box.emulator.store, account, { callback_url = URL, sign_key = "k", template_group_id = 251 })
    webhooks.subscribe(box.emulator.store, account, { callback_url = URL, sign_key = "k" }).legacy_webhook = true
    assert.equal("created", select(2, ensure { callback_url = URL, sign_key = "k" }))
    assert.equal("unchanged", select(2, ensure { callback_url = URL, sign_key = "k" }))
    assert.equal(3, #webhooks.list(account))
  end)

  it("no sign key must be said aloud", function()
    assert.equal("created", select(2, ensure { callback_url = URL, sign_key = oneflow.null }))
    assert.equal("unchanged", select(2, ensure { callback_url = URL, sign_key = oneflow.null }))
    assert.equal("updated", select(2, ensure { callback_url = URL, sign_key = "k" }))
    assert.equal("updated", select(2, ensure { callback_url = URL, sign_key = oneflow.null }))
  end)

  it("several of one address: the right one is left, and none is guessed at", function()
    for _, key in ipairs { "a", "b" } do
      webhooks.subscribe(box.emulator.store, account, { callback_url = URL, sign_key = key })
    end
    assert.equal("unchanged", select(2, ensure { callback_url = URL, sign_key = "b" }))
    asked()
    local webhook, err = ensure { callback_url = URL, sign_key = "c" }
    assert.is_nil(webhook)
    assert.same({ "conflict", "not_sent", "webhooks.ensure" }, { err.kind, err.outcome, err.operation })
    assert.equal("GET", asked())
    assert.is_nil(string.find(tostring(err), "sign_key", 1, true))
  end)

  it("errors of the service come back as they are", function()
    local failing = box:client { transport = function() return 403, {}, "{}" end }
    local webhook, err = failing.webhooks:ensure({ callback_url = URL, sign_key = "k" }, ANNA)
    assert.is_nil(webhook)
    assert.same({ "permission", "webhook.list" }, { err.kind, err.operation })
  end)

  it("bad values come back together before anything is sent; wrong names and types raise", function()
    local webhook, err = ensure { callback_url = "http://hooks.example.com/", sign_key = "",
      filters = { { filter_rules = {} } } }
    assert.is_nil(webhook)
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    table.sort(paths)
    assert.same({ "body.callback_url", "body.filters[1].filter_rules", "body.sign_key" }, paths)
    for _, url in ipairs { "ftp://x/", "hooks.example.com", "https://", "http://127.0.0.1.example.com/x",
                           "https://a/" .. string.rep("x", 1000) } do
      assert.is_nil((ensure { callback_url = url, sign_key = "k" }), url)
    end
    for _, case in ipairs {
      { { { callback_url = URL, sign_key = "k", fliters = {} } }, 'did you mean "filters"' },
      { { { callback_url = URL } }, "oneflow.null for a webhook that signs nothing" },
      { { { callback_url = URL, sign_key = "k", filters = filters "contract:signed" } },
        'did you mean "contract:sign"' },
      { { { callback_url = URL, sign_key = 5 } }, "body.sign_key: string expected" },
      { { nil }, "a table expected" },
      { { { callback_url = URL, sign_key = "k" }, { as = "anna@example.com", decode = false } }, "no decode = false" },
      { { { callback_url = URL, sign_key = "k" }, {} }, "no acting user" },
    } do
      local good, message = pcall(function() return (ensure(case[1][1], case[1][2])) end)
      assert.is_false(good, case[2])
      assert.is_truthy(string.find(message, "subscriptions_spec.lua:%d+: "), message)
      assert.is_truthy(string.find(message, case[2], 1, true), message)
    end
    local good, message = pcall(function() return (client.webhooks.ensure { callback_url = URL, sign_key = "k" }) end)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "call with a colon: webhooks:ensure", 1, true), message)
    assert.equal("", asked())
    assert.equal("created", select(2, ensure({ callback_url = URL, sign_key = "k", filters = filters "moon:landing" },
      { as = "anna@example.com", unchecked = true })))
  end)
end)

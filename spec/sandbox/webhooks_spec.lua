-- The sandbox delivers signed webhooks: to whom, what, and when again. The receiving end is the library's, in nginx.
local core = require "oneflow.core"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local testing = require "oneflow.testing"
local webhooks = require "oneflow.sandbox.webhooks"

local KEY = "a-sign-key-of-the-specs"
local ANNA = { as = "anna@example.com" }

local function rules(...) return { filter_rules = { ... } } end
local function of_types(...) return { type = "EVENT_TYPE", values = { ... } } end

describe("webhooks of the sandbox", function()
  describe("in-process:", function()
    local box, client, receiver
    before_each(function()
      box = testing.sandbox {}
      client = box:client()
      receiver = assert(oneflow.webhook.receiver { sign_key = KEY })
    end)

    it("what happens to a contract waits for the receiver, signed", function()
      local id = box:add_webhook("http://127.0.0.1:1/hook", { sign_key = KEY })
      local made = assert(client.contracts:create({ workspace_id = 101, template_id = 201, name = "Offer" }, ANNA))
      assert(client:contract(4711):update({ _private = { name = "New" } }, ANNA))
      assert(client:contract(4711):update({}, ANNA)) -- nothing happens
      assert(client:contract(4711):publish({}, ANNA))
      assert(client:contract(4711):delete(ANNA))
      local seen = {}
      for i, delivery in ipairs(box:deliveries()) do
        assert.same({ id, "http://127.0.0.1:1/hook", "waiting" },
          { delivery.webhook_id, delivery.callback_url, delivery.state })
        assert.equal(200, (receiver:receive(delivery.body, function(got)
          assert.equal(delivery.callback_id, got.callback_id)
          assert.equal(40, #got.callback_id)
          assert(oneflow.time.parse(got.events[1].created_time))
          seen[i] = got.contract_id .. " " .. got.events[1].type .. " " .. #got.events
          return true
        end)))
      end
      assert.same({ made.id .. " contract:create 1", "4711 contract:content_update 1", "4711 contract:publish 1",
                    "4711 contract:delete 1" }, seen)
      box:reset()
      assert.same({}, box:deliveries())
      assert(client:contract(4711):publish({}, ANNA))
      assert.same({}, box:deliveries())
    end)

    it("filters: rules of one are taken together, of several one suffices; template type; account", function()
      local function count(more, contract, event_type)
        box:reset()
        more.sign_key = KEY
        box:add_webhook("http://127.0.0.1:1/hook", more)
        box:emit(contract or 4711, event_type or "contract:sign")
        return #box:deliveries()
      end
      assert.equal(1, count {})
      assert.equal(1, count { filters = {} })
      assert.equal(1, count { filters = { rules(of_types("contract:sign", "contract:publish")) } })
      assert.equal(0, count { filters = { rules(of_types "contract:publish") } })
      local sales, purchasing = { type = "WORKSPACE", values = { 101 } }, { type = "WORKSPACE", values = { 102 } }
      assert.equal(1, count { filters = { rules(of_types "contract:sign", sales) } })
      assert.equal(0, count { filters = { rules(of_types "contract:sign", purchasing) } })
      assert.equal(0, count { filters = { rules(of_types "contract:publish", sales) } })
      assert.equal(1, count { filters = { rules(purchasing), rules(of_types "contract:sign") } })
      assert.equal(1, count { template_group_id = 251 })
      assert.equal(0, count { template_group_id = 252 })
      assert.equal(1, count({}, 4711, "moon:landing"))
      assert.equal(0, count { account = "Other Company AB" })
    end)

    it("a webhook without key sends unsigned; one body holds all events of one moment", function()
      box:add_webhook "http://127.0.0.1:1/hook"
      local store = box.emulator.store
      webhooks.emit(store, store:account().contracts[4711], { "participant:sign", "contract:sign" })
      local delivery = assert(oneflow.webhook.parse(box:deliveries()[1].body))
      assert.is_nil(delivery.data.signature)
      assert.is_true(delivery:has "participant:sign" and delivery:has "contract:sign")
    end)

    it("the waits are the service's, scaled; ten tries, and only 200 ends them", function()
      for _, scale in ipairs { 1, 0.01 } do
        box:reset()
        box:scale_retries(scale)
        box:add_webhook "http://127.0.0.1:1/hook"
        box:emit(4711, "contract:sign")
        local store = box.emulator.store
        local delivery = webhooks.take(store)[1]
        local waits, statuses = {}, { 500, 204, 302, 201, 199, 404, 503, 206, 418 }
        for i, status in ipairs(statuses) do
          waits[i] = webhooks.attempted(store, delivery, status) / scale
          assert.equal("waiting", delivery.state)
        end
        for i, wait in ipairs { 1, 5, 10, 30, 60, 300, 600, 1800, 3600 } do
          assert.is_true(math.abs(waits[i] - wait) < 1e-6, i .. ": " .. waits[i])
        end
        assert.is_nil(webhooks.attempted(store, delivery, nil, "refused"))
        assert.equal("failed", delivery.state)
        assert.equal(10, #box:deliveries()[1].attempts)
        assert.same({}, webhooks.take(store))
      end
    end)

    it("subscriptions: made, listed, changed, removed", function()
      local store = box.emulator.store
      local account = store:account()
      local first = webhooks.subscribe(store, account, { callback_url = "https://a.example/", sign_key = "k" })
      local second = webhooks.subscribe(store, account, { callback_url = "https://b.example/" })
      assert.same({ first, second }, webhooks.list(account))
      assert.equal(oneflow.null, second.sign_key)
      webhooks.update(first, { callback_url = "https://c.example/" })
      local found = webhooks.find(account, first.id)
      assert.same({ "https://c.example/", oneflow.null }, { found.callback_url, found.sign_key })
      webhooks.remove(account, first.id)
      assert.same({ second }, webhooks.list(account))
      assert.is_nil(webhooks.find(account, first.id))
    end)

    it("controls refuse unknown arguments", function()
      for _, case in ipairs {
        { "add_webhook", "http://hooks.example.com/", nil, "callback_url" },
        { "add_webhook", "https://a.example/", { filters = { rules { type = "X", values = { "a" } } } },
          "filters[0].filter_rules[0].type" },
        { "emit", 1, "contract:sign", "No contract 1." }, { "scale_retries", 2, nil, "0 to 1" },
      } do
        local good, message = pcall(box[case[1]], box, case[2], case[3])
        assert.is_false(good)
        assert.is_truthy(string.find(message, case[4], 1, true), message)
      end
    end)
  end)

  describe("served:", function()
    local box, web
    setup(function()
      box = testing.server()
      web = nginx.start {
        lua = true, env = { LUA_PATH = false, LUA_CPATH = false },
        main = "env SIGN_KEY=" .. KEY .. "; env SANDBOX=" .. box.base_url .. "; env TOKEN=" .. box.token .. ";",
        http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
          .. "lua_package_cpath '%s/build/luajit/?.so;;'; lua_shared_dict hooks 1m; lua_shared_dict seen 1m;\n"
          .. "init_by_lua_block { webhook = require('oneflow').webhook\n"
          .. "hooks = assert(webhook.receiver { sign_key = os.getenv 'SIGN_KEY', store = webhook.shared 'hooks' })\n"
          .. "client = assert(require('oneflow').client {\n"
          .. "base_url = os.getenv 'SANDBOX', token = os.getenv 'TOKEN' })\n"
          .. "anna = assert(client:user 'anna@example.com') }\n",
          host.root, host.root, host.root),
        server = [[
          location /hook { content_by_lua_block { hooks:serve(function(delivery)
            local tries = ngx.shared.seen:incr(delivery.callback_id, 1, 0)
            if ngx.var.arg_fail and tries <= tonumber(ngx.var.arg_fail) then return nil, "not yet" end
            return true
          end) } }
          location /fetch { content_by_lua_block { hooks:serve(function(delivery)
            local contract, err = delivery:contract(anna):get()
            if not contract then return nil, err end
            ngx.shared.seen:set("state", contract.state)
            return delivery:has "contract:publish"
          end) } }
          location /state { content_by_lua_block { ngx.print(ngx.shared.seen:get "state") } }
          location /other { return 204; }
        ]],
      }
    end)
    before_each(function() box:reset() end)
    teardown(function()
      box:stop()
      process.clean()
    end)

    -- The only delivery, once it is in that state, and the statuses of its tries.
    local function delivered(state)
      local late = core.monotonic() + 20
      local delivery
      repeat
        delivery = box:deliveries()[1]
        if core.monotonic() > late then error("no delivery is " .. state .. ": " .. core.encode(box:deliveries())) end
      until delivery and delivery.state == state
      local statuses = {}
      for i, attempt in ipairs(delivery.attempts) do statuses[i] = attempt.status or attempt.problem end
      return statuses, delivery
    end

    it("a publish arrives, verified, over http and https", function()
      local client = box:client()
      for _, url in ipairs { web.url, web.https } do
        box:reset()
        box:add_webhook(url .. "/hook", { sign_key = KEY })
        assert(client:contract(4711):publish({}, ANNA))
        assert.same({ 200 }, (delivered "delivered"))
      end
    end)

    it("the receiver fetches the contract afresh, without blocking its worker", function()
      box:add_webhook(web.url .. "/fetch", { sign_key = KEY })
      assert(box:client():contract(4711):publish({}, ANNA))
      assert.same({ 200 }, (delivered "delivered"))
      assert.equal("pending", host.shell("curl -sS " .. web.url .. "/state"))
    end)

    it("a receiver that fails is called again, with the same callback id, until it answers 200", function()
      box:scale_retries(0.001)
      box:add_webhook(web.url .. "/hook?fail=3", { sign_key = KEY })
      box:emit(4711, "contract:sign")
      assert.same({ 500, 500, 500, 200 }, (delivered "delivered"))
    end)

    it("after ten tries it is given up: 204 is a failure, like no answer, a wrong key, and another machine", function()
      for url, problem in pairs {
        [web.url .. "/other"] = 204, ["http://127.0.0.1:1/hook"] = "connection refused",
        [web.url .. "/hook"] = 401, ["https://hooks.example.com/"] = "the sandbox delivers to this machine only",
      } do
        box:reset()
        box:scale_retries(0)
        box:add_webhook(url, { sign_key = "another key" })
        box:emit(4711, "contract:sign")
        local expected = {}
        for i = 1, 10 do expected[i] = problem end
        assert.same(expected, (delivered "failed"))
      end
    end)

    it("the first wait is a second, unscaled, and a reset ends the tries", function()
      box:add_webhook(web.url .. "/hook?fail=1", { sign_key = KEY })
      local before = core.monotonic()
      box:emit(4711, "contract:sign")
      assert.same({ 500, 200 }, (delivered "delivered"))
      local seconds = core.monotonic() - before
      assert.is_true(seconds > 0.9 and seconds < 5, tostring(seconds))
    end)

    it("many at once: each arrives", function()
      box:add_webhook(web.url .. "/hook", { sign_key = KEY })
      local client = box:client()
      local ids = box:add_contracts(200)
      for _, id in ipairs(ids) do assert(client:contract(id):publish({}, ANNA)) end
      local late = core.monotonic() + 20
      local done
      repeat
        done = 0
        for _, delivery in ipairs(box:deliveries()) do
          if delivery.state == "delivered" then done = done + 1 end
        end
      until done == 200 or core.monotonic() > late
      assert.equal(200, done)
    end)
  end)
end)

-- Misuse of objects: methods called on another object, tables changed by one of several holders.
local core = require "oneflow.core"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local run = require "oneflow.object.run"
local testing = require "oneflow.testing"
local tree = require "oneflow.object.tree"

local INGE = "inge@example.com"

-- A client whose requests are counted, and answered with the id of the path.
local function counting()
  local sent = {}
  local function transport(request)
    sent[#sent + 1] = request.method .. " " .. request.path
    return 200, {}, string.format('{"id":%d,"count":1,"data":[{"id":8}]}', operations.id_of(request.path))
  end
  local client = oneflow.client { token = ("k"):rep(40), base_url = "http://127.0.0.1:1/v1", transport = transport }
  return assert(client), sent
end

-- One object of each kind of the tree: { kind =, object =, label = }, with the user's as root.
local function of_each_kind(user)
  local all, next_id = {}, 100
  local function grow(place, parent, up, label)
    for name, kind in pairs(place.collections) do
      all[#all + 1] = { kind = kind, object = parent[name], label = label .. "." .. name }
    end
    for _, kind in pairs(place.records) do
      next_id = next_id + 1
      local name = kind.resource.item
      local object
      if name then
        object = kind.resource.singleton and parent[name](parent) or parent[name](parent, next_id)
      else
        object = run.new_item(kind, {}, up, next_id)
      end
      all[#all + 1] = { kind = kind, object = object, label = label .. ":" .. kind.name }
      grow(kind, object, { type = kind, up = up, id = next_id }, label .. ":" .. kind.name)
    end
  end
  grow(tree.root, user, nil, "user")
  return all
end

describe("objects:", function()
  it("case 71: a method of one kind, called on an object of any other, raises, and nothing is sent", function()
    local client, sent = counting()
    local user = assert(client:user(INGE))
    local all = of_each_kind(user)
    local others = {
      user = user, client = client, page = assert(user.contracts:list()), iterator = user.contracts:each(),
      gatherer = oneflow.gatherer(), box = testing.sandbox {},
      receiver = oneflow.webhook.receiver { unsigned = true }, text = "x", number = 7, table = {}, nothing = false,
    }
    local asked, tried = #sent, 0
    local function refused(method, owner, self, came)
      for _, arguments in ipairs { { {}, {} }, { 8 } } do
        tried = tried + 1
        local good, message = pcall(method, self, arguments[1], arguments[2])
        local what = owner .. " on " .. came .. ": "
        assert.is_false(good, what .. "it did not raise")
        assert.is_truthy(string.find(message, "objects_spec.lua:%d+: oneflow: ") or came == "nothing", what .. message)
        assert.is_truthy(string.find(message, " expected, got ", 1, true)
          or string.find(message, "call with a colon: ", 1, true), what .. message)
      end
    end
    for _, entry in ipairs(all) do
      for _, methods in ipairs { entry.kind.methods, entry.kind.items or {} } do
        for name, method in pairs(methods) do
          local owner = entry.label .. ":" .. name
          for _, other in ipairs(all) do
            if other.kind ~= entry.kind then refused(method, owner, other.object, other.label) end
          end
          for came, other in pairs(others) do refused(method, owner, other, came) end
        end
      end
    end
    local roots = { request = user.request, ping = user.ping, root = user.root }
    for name in pairs(tree.root.items) do roots[name] = user[name] end
    for name, method in pairs(roots) do
      for _, other in ipairs(all) do refused(method, "user:" .. name, other.object, other.label) end
    end
    assert.is_true(#all > 40 and tried > 5000, #all .. " kinds, tried " .. tried)
    assert.equal(asked, #sent, sent[#sent])
  end)

  it("case 71: so do those of pages, gatherers, receivers and boxes", function()
    local client, sent = counting()
    local user = assert(client:user(INGE))
    local page = assert(user.contracts:list())
    local gatherer, box = oneflow.gatherer(), testing.sandbox {}
    local receiver = oneflow.webhook.receiver { unsigned = true }
    local asked = #sent
    local objects = { user = user, client = client, contract = user:contract(7), page = page, gatherer = gatherer,
      box = box, receiver = receiver, collection = user.contracts, table = {}, text = "x" }
    local methods = {
      page = { "next" }, receiver = { "read", "receive", "serve" },
      gatherer = { "add", "cancel", "poll", "wait", "fd", "pollfd", "events", "timeout" },
      box = { "client", "stop", "journal", "reset", "fault", "sign", "revoke_token", "advance" },
    }
    for owner, names in pairs(methods) do
      for _, name in ipairs(names) do
        local method = objects[owner][name]
        for came, self in pairs(objects) do
          local good, message = true, nil
          if came ~= owner then good, message = pcall(method, self, "{}", print) end
          assert.is_true(came == owner or not good, owner .. ":" .. name .. " on " .. came)
          assert.is_true(came == owner or string.find(message, " expected, got ", 1, true) ~= nil
            or string.find(message, "call with a colon: ", 1, true) ~= nil, message)
        end
      end
    end
    assert.equal(asked, #sent, sent[#sent])
    assert.equal(0, #box:journal())
  end)

  it("case 71: the message names the method, its object, and the value given", function()
    local client = counting()
    local user = assert(client:user(INGE))
    local contract = user:contract(31)
    for message, call in pairs {
      ["contract:delete: a contract expected, got oneflow party 5 of contract 31"] = function()
        return contract.delete(contract:party(5))
      end,
      ["party:update: a party of a contract expected, got oneflow contract 31"] = function()
        return contract:party(5).update(contract, {})
      end,
      ["parties:list: the collection parties of a contract expected, got oneflow collection contracts"] = function()
        return contract.parties.list(user.contracts)
      end,
      ["contracts:each: the collection contracts expected, got oneflow collection users"] = function()
        return client.contracts.each(user.users)
      end,
      ["participants:create: the collection participants of a party of a contract expected, got oneflow collection "
        .. "parties of contract 31"] = function()
        return contract:party(5).participants.create(contract.parties, {})
      end,
      ["client:ping: a client or a user expected, got oneflow contract 31"] = function() return user.ping(contract) end,
    } do
      local good, got = pcall(call)
      assert.is_false(good, message)
      assert.is_truthy(string.find(got, message, 1, true), got)
    end
  end)

  it("the methods of a kind work on every object of it, however it was made", function()
    local client, sent = counting()
    local inge, ulf = assert(client:user(INGE)), assert(client:user "ulf@example.com")
    assert(inge:contract(1).publish(ulf:contract(2), {}))
    assert(inge.contracts.list(client.contracts, nil, { as = INGE }))
    assert(inge:contract(1).parties.list(ulf:contract(3).parties))
    assert.same({ "POST /v1/contracts/2/publish", "GET /v1/contracts", "GET /v1/contracts/3/parties" }, sent)
  end)

  -- ---- what one holder changes ------------------------------------------------------------------------------------

  local RECORDS = {
    ["/v1/users"] = '{"count":1,"data":[{"id":61,"email":"ulf@example.com","name":"Ulf"}]}',
    ["/v1/users/61"] = '{"id":61,"email":"ulf@example.com","name":"Ulf"}',
    ["/v1/contracts"] = '{"count":1,"data":[{"id":31,"state":"draft","_private":{"value":{"amount":"1.00"}}}]}',
    ["/v1/contracts/31"] = [[{"id":31,"state":"draft",
      "_private":{"name":"Lease","value":{"amount":"7.50","currency":"SEK"}},
      "parties":[{"id":51,"name":"Acme","type":"company","participants":[
        {"id":71,"email":"eva@example.com","_private_ownerside":{"custom_id":"buyer"}}]}],"tags":[{"id":3}],
      "data_fields":[{"_private_ownerside":{"custom_id":"rent"},"value":"100"}]}]],
  }

  -- A user whose records are those above -> user, client, the requests as "GET /path as user"
  local function with_records()
    local sent = {}
    local client = assert(oneflow.client { token = ("k"):rep(40), base_url = "http://127.0.0.1:1/v1",
      transport = function(request)
        sent[#sent + 1] = request.method .. " " .. request.path .. " as "
          .. tostring(request.headers["x-oneflow-user-email"])
        return 200, {}, RECORDS[request.path] or '{"id":71}'
      end })
    return assert(client:user(INGE)), client, sent
  end

  -- Overwrites everything in a table, to all depths.
  local function spoil(value, seen)
    seen = seen or {}
    if type(value) ~= "table" or seen[value] then return end
    seen[value] = true
    for key, item in pairs(value) do
      spoil(item, seen)
      value[key] = type(item) == "number" and 666 or type(item) == "string" and "mallory@example.com" or nil
    end
    value.email, value.id, value.custom_id = "mallory@example.com", 666, "spoiled"
  end

  it("case 60: who acts and what is addressed is as the service sent it, whatever is written into `data`", function()
    local user, client, sent = with_records()
    local listed, record = assert(user.users:list())[1], assert(user.users:get(61))
    for _, who in ipairs { listed, record } do
      for _ = 1, 2 do
        spoil(who.data)
        spoil(who.ids)
        spoil(who:at())
        client:contract(31):get { as = who }
        assert.equal("GET /v1/contracts/31 as ulf@example.com", sent[#sent])
        assert.equal("oneflow user ulf@example.com", tostring(assert(client:user(who))))
      end
    end
    local contract = assert(user:contract(31):get())
    spoil(contract.data)
    spoil(contract.data.parties)
    local person = contract:find_participants { email = "eva@example.com" }[1]
    spoil(person.data)
    assert.equal("eva@example.com", person.email)
    person:update { name = "Eva" }
    assert.equal("PUT /v1/contracts/31/parties/51/participants/71 as " .. INGE, sent[#sent])
    assert.same({}, contract:find_participants { email = "mallory@example.com" })
    assert.equal(71, contract:find_participants { custom_id = "buyer" }[1].id)
    contract:publish {}
    assert.equal("POST /v1/contracts/31/publish as " .. INGE, sent[#sent])
  end)

  it("case 60: what one holder changes in a table that it was given, no other sees", function()
    local user = with_records()
    local contract, page = assert(user:contract(31):get()), assert(user.contracts:list())
    local event = oneflow.webhook.parse [[{"callback_id":"c","contract":{"id":31},
      "events":[{"id":2,"type":"contract:sign"}],"more":{"x":1}}]]
    local tables = {
      data = function() return contract.data end, meta = function() return contract.meta end,
      ids = function() return contract.ids end, value = function() return contract.value end,
      part = function() return contract:at("parties", 1) end, whole = function() return contract:at() end,
      fields = function() return contract:data_field_values() end,
      person = function() return contract:find_participants()[1].data end,
      ["person's meta"] = function() return contract:find_participants()[1].meta end,
      item = function() return page[1].data end, ["item's meta"] = function() return page[1].meta end,
      ["page's meta"] = function() return page.meta end,
      events = function() return event.events end, body = function() return event.data end,
    }
    local before = {}
    for name, get in pairs(tables) do before[name] = assert(core.encode(get())) end
    for _, get in pairs(tables) do spoil(get()) end
    for name, get in pairs(tables) do assert.equal(before[name], core.encode(get()), name) end
    assert.equal("Lease", contract.name)
    assert.equal("7.50", contract.value.amount)
    for _, name in ipairs { "callback_id", "contract_id", "events", "verified", "data", "x" } do
      assert.is_false((pcall(function() event[name] = 5 end)), name)
    end
    assert.equal(31, event:contract(user).id)
    assert.is_true(event:has "contract:sign")
  end)

  it("a copy of `data` is the decoded table: lists stay lists, null stays null, numbers exact", function()
    local text = '{"id":1,"a":[1,[],{"b":null}],"c":{},"d":9007199254740991,"e":"' .. ("x"):rep(500)
      .. '","f":1.5,"g":[null,2]}'
    local client = assert(oneflow.client { token = ("k"):rep(40), transport = function() return 200, {}, text end })
    local contract = assert(client:contract(1):get { as = INGE })
    assert.same(core.decode(text), contract.data)
    assert.equal(oneflow.null, contract.data.a[3].b)
    assert.same({ oneflow.null, 2 }, contract:at "g")
    assert.is_true(contract.data ~= contract.data)
    local deep = ("["):rep(127) .. "7" .. ("]"):rep(127)
    text = '{"id":1,"deep":' .. deep .. "}"
    assert.equal(deep, core.encode(assert(client:contract(1):get { as = INGE }).data.deep))
  end)

  -- ---- what a user made -------------------------------------------------------------------------------------------

  it("case 60: what a call on the client with `as` brought is for no other user", function()
    local _, client, sent = with_records()
    local as = { as = INGE }
    local contract, page = assert(client:contract(31):get(as)), assert(client.contracts:list(nil, as))
    local each, pages = client.contracts:each(nil, as), client.contracts:pages(nil, as)
    local brought = {
      get = contract, list = page[1], each = each(), pages = pages()[1], update = assert(contract:update({}, as)),
      create = assert(client.contracts:create({ workspace_id = 1, template_id = 2 }, as)),
    }
    local calls = {}
    for way, item in pairs(brought) do
      calls[way] = function(opts) return item:publish({}, opts) end
      calls[way .. ", below"] = function(opts) return item:party(51):update({}, opts) end
      calls[way .. ", a collection"] = function(opts) return item.parties:list(nil, opts) end
      calls[way .. ", each"] = function(opts) return item.files:each(nil, opts)() end
      calls[way .. ", a file"] = function(opts) return item:file(3):download(nil, opts) end
      calls[way .. ", files_of"] = function(opts) return item:files_of("attachment", opts) end
    end
    calls.person = function(opts) return contract:find_participants()[1]:update({}, opts) end
    local asked = #sent
    for what, call in pairs(calls) do
      for _, other in ipairs { "ulf@example.com", oneflow.ANONYMOUS_ADMIN, assert(client:user "ulf@example.com") } do
        local good, message = pcall(call, { as = other })
        assert.is_false(good, what)
        assert.is_truthy(string.find(message, "a call as " .. INGE .. ", and belongs to that user", 1, true),
          what .. ": " .. message)
      end
      local good, message = pcall(call)
      assert.is_false(good, what)
      assert.is_truthy(string.find(message, "no acting user", 1, true), what .. ": " .. message)
    end
    assert.equal(asked, #sent, sent[#sent])
    for what, call in pairs(calls) do
      local before = #sent
      pcall(call, as) -- whatever that answer is to it
      assert.is_true(#sent > before, what)
      assert.is_truthy(string.find(sent[#sent], " as " .. INGE, 1, true), what .. ": " .. sent[#sent])
    end
    assert(client:contract(31):get { as = "ulf@example.com" }) -- a new handle
  end)

  it("case 60: nor is the next page", function()
    local sent = {}
    local client = assert(oneflow.client { token = ("k"):rep(40), transport = function(request)
      sent[#sent + 1] = tostring(request.headers["x-oneflow-user-email"])
      return 200, {}, '{"count":9,"data":[{"id":' .. #sent .. '}]}'
    end })
    local page = assert(client.contracts:list({ limit = 1 }, { as = INGE }))
    assert.is_false((pcall(page.next, page, { as = "ulf@example.com" })))
    local second = assert(page:next())
    assert.is_false((pcall(second.next, second, { as = oneflow.ANONYMOUS_ADMIN })))
    assert(second:next { as = INGE, timeout = 5 })
    assert.same({ INGE, INGE, INGE }, sent)
  end)

  it("a page, and an iterator, are collected once nothing references them", function()
    local user = with_records()
    local held = setmetatable({}, { __mode = "k" })
    for _ = 1, 20 do held[assert(user.contracts:list())], held[user.contracts:each()] = true, true end
    collectgarbage()
    collectgarbage()
    assert.is_true(next(held) == nil or next(held, (next(held))) == nil) -- the last may be on a stack
  end)

  it("case 60: an error prints, whatever its holder wrote into it", function()
    local client = counting()
    for _, name in ipairs { "operation", "kind", "outcome", "problems", "acting_user", "title", "status" } do
      for _, value in ipairs { {}, print, true, { {} }, { { path = {}, messages = { {} } } }, { 5 } } do
        local _, err = client:contract(0):get { as = INGE }
        err[name] = value
        assert.equal("string", type(tostring(err)), name)
        assert.equal("string", type("it says: " .. err), name)
      end
    end
    local _, err = client:contract(0):get { as = INGE }
    err.kind = nil
    assert.equal("an error of oneflow, whose fields were changed", tostring(err))
  end)
end)

-- A receiver loses nothing and hands on nothing twice: what each outcome of the callback and of the store answers.
local core = require "oneflow.core"
local oneflow = require "oneflow"
local webhook = oneflow.webhook

local KEY = "a-sign-key-of-the-specs"

local function body(callback_id, contract_id)
  return (assert(core.encode {
    callback_id = callback_id, contract = { id = contract_id or 4711 }, events = { { id = 1, type = "contract:sign" } },
    signature = webhook.sign(callback_id, KEY),
  }))
end

-- For what time alone brings about.
local function wait_until(done, what)
  local late = core.monotonic() + 20
  while not done() do
    if core.monotonic() > late then error("nothing came: " .. what, 2) end
  end
end

describe("webhook receiver:", function()
  local receiver, handed
  before_each(function()
    receiver = assert(webhook.receiver { sign_key = KEY })
    handed = {}
  end)

  local function well(delivery)
    handed[#handed + 1] = delivery.callback_id
    return true
  end

  it("true records the id and answers 200; the duplicate is answered 200 and not handed on", function()
    local answers = {}
    local function answer(status, text) answers[#answers + 1] = status .. " " .. text end
    assert.equal(200, (receiver:receive(body "a", well, answer)))
    assert.equal(200, (receiver:receive(body "a", well, answer)))
    assert.equal(200, (receiver:receive(body "b", well, answer)))
    assert.same({ "a", "b" }, handed)
    assert.same({ "200 handled", "200 handled before", "200 handled" }, answers)
  end)

  it("nil, err, a raise, and whatever is not true record nothing and answer 500: the next try is handed on", function()
    local outcomes = {
      { function() return nil, "the database is away" end, "the database is away" },
      { function() error "broken" end, "raised: .*broken" },
      { function() error { table = true } end, "raised" },
      { function() error(setmetatable({}, { __tostring = function() return "an error object" end })) end,
        "an error object" },
      { function() error(setmetatable({}, { __tostring = error })) end, "a value that does not print: table" },
      { function() return nil, setmetatable({}, { __tostring = function() return {} end }) end, "does not print" },
      { function() end, "returned nothing: true expected" },
      { function() return false end, "returned false" },
      { function() return "ok" end, "returned ok" },
      { function() return 1 end, "returned 1" },
    }
    for _, outcome in ipairs(outcomes) do
      local status, problem = receiver:receive(body "a", function(delivery)
        well(delivery)
        return outcome[1]()
      end)
      assert.equal(500, status)
      assert.is_truthy(string.find(problem, outcome[2]), problem)
      assert.is_truthy(string.find(problem, "delivery a of contract 4711", 1, true), problem)
    end
    assert.equal(#outcomes, #handed)
    assert.equal(200, (receiver:receive(body "a", well)))
    assert.equal(#outcomes + 1, #handed)
    assert.equal(200, (receiver:receive(body "a", well)))
    assert.equal(#outcomes + 1, #handed)
  end)

  it("what is refused is not handed on, and is answered by its kind", function()
    local small = assert(webhook.receiver { sign_key = KEY, max_body = 200 })
    for text, status in pairs {
      ['{"callback_id":"a","contract":{"id":1},"events":[],"signature":"' .. string.rep("0", 40) .. '"}'] = 401,
      ['{"callback_id":"a","contract":{"id":1},"events":[]}'] = 401,
      [string.rep(" ", 201)] = 413, ["{"] = 400, ["{}"] = 400, ['{"agreement_id":1,"events":[]}'] = 400,
    } do
      local said
      local got, err = small:receive(text, well, function(given, line) said = { given, line } end)
      assert.equal(status, got, text)
      assert.same({ status, tostring(err) }, said)
    end
    assert.same({}, handed)
  end)

  it("one still being handled is answered 503, and is not handed on; then by what came of it", function()
    local status
    local first = coroutine.create(function()
      status = receiver:receive(body "a", function(delivery)
        well(delivery)
        return coroutine.yield()
      end)
    end)
    assert(coroutine.resume(first))
    assert.equal(503, (receiver:receive(body "a", well)))
    assert.equal(200, (receiver:receive(body "b", well)))
    assert.same({ "a", "b" }, handed)
    assert(coroutine.resume(first, true))
    assert.equal(200, status)
    assert.equal(200, (receiver:receive(body "a", well)))
    assert.same({ "a", "b" }, handed)
  end)

  it("a handler that dies gives its id up when its lease ends", function()
    local short = assert(webhook.receiver { sign_key = KEY, lease = 0.05 })
    local dead = coroutine.create(function() short:receive(body "a", function() coroutine.yield() end) end)
    assert(coroutine.resume(dead)) -- and never again
    local statuses = {}
    wait_until(function()
      local status = short:receive(body "a", well)
      statuses[status] = true
      return status == 200
    end, "the end of the lease")
    assert.same({ "a" }, handed)
    assert.same({ [503] = true, [200] = true }, statuses)
  end)

  it("case 52: a signed PDF without bytes is not done with: 500, and the next try gets the file", function()
    local host = require "spec.support.host"
    local box = require("oneflow.testing").sandbox()
    local anna, path = assert(box:client():user "anna@example.com"), host.folder() .. "/4713.pdf"
    local function download(delivery)
      local contract = assert(delivery:contract(anna):get())
      local done, err = assert(contract:files_of "contract")[1]:download { to = path }
      return done and true, err
    end
    box:fault("file.get", { status = 200, headers = { ["content-type"] = "application/pdf" }, body = "" })
    local status, problem = receiver:receive(body("a", 4713), download)
    assert.equal(500, status)
    assert.matches("mismatch", problem, 1, true)
    assert.is_nil(host.read(path))
    assert.equal(200, (receiver:receive(body("a", 4713), download)))
    assert.matches("^%%PDF", host.read(path))
  end)

  it("one that outlives its lease does not give up another's claim", function()
    local store = webhook.memory()
    local _, old = store:claim("a", 0.01)
    wait_until(function() return store:claim("a", 60) == "claimed" end, "the end of the lease")
    assert(store:release("a", old))
    assert.equal("running", (store:claim("a", 60)))
    assert(store:record("a", old, 60)) -- it was handled, no matter who reports it
    assert.equal("done", (store:claim("a", 60)))
  end)

  it("an id is forgotten after `keep`, and the oldest when there are too many", function()
    local store = webhook.memory()
    local _, claim = store:claim("a", 60)
    store:record("a", claim, 0.01)
    wait_until(function() return store:claim("a", 60) == "claimed" end, "the end of `keep`")
    assert.equal("running", (store:claim("a", 60)))
    store = webhook.memory(10)
    for i = 1, 1000 do
      local _, mine = store:claim("id" .. i, 60)
      store:record("id" .. i, mine, 60)
    end
    local kept = 0
    for _ in pairs(store.entries) do kept = kept + 1 end
    assert.is_true(kept <= 10 and kept >= 4, tostring(kept))
    assert.equal("done", (store:claim("id1000", 60)))
    assert.equal("claimed", (store:claim("id1", 60)))
    kept = 0
    for _ in pairs(store.queue) do kept = kept + 1 end
    assert.is_true(kept <= 10, tostring(kept))
  end)

  it("a store that fails answers 500 before the callback, and does not undo it after", function()
    local function failing(at)
      local inner, store = webhook.memory(), {}
      for _, name in ipairs { "claim", "record", "release" } do
        store[name] = function(_, ...)
          if name == at then error "the store is away" end
          return inner[name](inner, ...)
        end
      end
      return assert(webhook.receiver { sign_key = KEY, store = store })
    end
    local status, problem = failing "claim":receive(body "a", well)
    assert.equal(500, status)
    assert.is_truthy(string.find(problem, "the store is away", 1, true))
    assert.same({}, handed)
    status, problem = failing "record":receive(body "a", well)
    assert.equal(200, status)
    assert.is_truthy(string.find(problem, "the store is away", 1, true))
    assert.same({ "a" }, handed)
    status, problem = failing "release":receive(body "a", function() return nil, "no" end)
    assert.equal(500, status)
    assert.is_truthy(string.find(problem, "callback: no; store: .*the store is away"), problem)
    local odd = { claim = function() return nil, "full" end, record = print, release = print }
    status, problem = assert(webhook.receiver { sign_key = KEY, store = odd }):receive(body "a", well)
    assert.equal(500, status)
    assert.is_truthy(string.find(problem, "full", 1, true))
  end)

  it("case 62: an answer function that raises takes nothing away: what was handled is recorded, the error is reported",
    function()
    local deferred = assert(webhook.receiver { sign_key = KEY, defer = true })
    for _, one in ipairs { receiver, deferred } do
      local answers = 0
      local function answer(status)
        answers = answers + 1
        error("gone after " .. status, 0)
      end
      local before = #handed
      local status, problem = one:receive(body "a", well, answer)
      assert.equal(200, status)
      assert.equal("the answer function raised: gone after 200", problem)
      assert.equal(before + 1, #handed)
      assert.equal(200, (one:receive(body "a", well, answer)))
      assert.equal(before + 1, #handed)
      status, problem = one:receive(body "b", function() return nil, "no room" end, answer)
      assert.equal(one == deferred and 200 or 500, status)
      assert.matches("no room; the answer function raised: gone after", problem)
      _, problem = one:receive("{", well, answer)
      assert.matches("decode, not_sent.*; the answer function raised: gone after 400", problem)
      assert.equal(4, answers)
    end
  end)

  it("defer answers 200 first, once; what fails then is reported, and lost unless it is called again", function()
    local deferred = assert(webhook.receiver { sign_key = KEY, defer = true })
    local order = {}
    local function answer(status) order[#order + 1] = status end
    local status, problem = deferred:receive(body "a", function()
      order[#order + 1] = "callback"
      return nil, "too late"
    end, answer)
    assert.same({ 200, "callback" }, order)
    assert.equal(200, status)
    assert.is_truthy(string.find(problem, "too late", 1, true))
    deferred:receive(body "a", well, answer)
    deferred:receive(body "a", well, answer)
    assert.same({ "a" }, handed)
    local good, message = pcall(function() return (deferred:receive(body "b", well)) end)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "receiver_spec.lua:%d+: .*answers at once"), message)
  end)

  it("a callback that is no function raises", function()
    local good, message = pcall(function() return (receiver:receive(body "a", nil)) end)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "the callback is a function", 1, true))
  end)
end)

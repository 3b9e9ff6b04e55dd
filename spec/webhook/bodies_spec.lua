-- What the service posts, what it never posts, and what somebody else might: parse, verify, the receiver's reading.
local core = require "oneflow.core"
local host = require "spec.support.host"
local oneflow = require "oneflow"
local testing = require "oneflow.testing"
local webhook = oneflow.webhook

local KEY = "a-sign-key-of-the-specs"

local function fixture(name)
  return (assert(host.read(host.root .. "/spec/fixtures/webhooks/" .. name .. ".json"), name))
end

-- A genuine body, with some fields changed (oneflow.null removes).
local function body_with(changes, key)
  local body = { callback_id = "cb-1", contract = { id = 4711 }, events = { { id = 1, type = "contract:sign" } } }
  for name, value in pairs(changes or {}) do body[name] = value end
  if body.signature == nil and type(body.callback_id) == "string" then
    body.signature = webhook.sign(body.callback_id, key or KEY)
  end
  for name, value in pairs(changes or {}) do if value == oneflow.null then body[name] = nil end end
  return (assert(core.encode(body)))
end

local function paths_of(err)
  local paths = {}
  for i, problem in ipairs(err.problems) do paths[i] = problem.path end
  return paths
end

describe("webhook bodies:", function()
  local receiver
  before_each(function() receiver = assert(webhook.receiver { sign_key = KEY }) end)

  local function refused(text, kind, piece)
    local delivery, err = receiver:read(text)
    assert.is_nil(delivery, text)
    assert.same({ kind, "not_sent", "webhook", false }, { err.kind, err.outcome, err.operation, err.retryable })
    local line = tostring(err)
    assert.is_nil(string.find(line, KEY, 1, true), "the sign key is shown")
    if piece then assert.is_truthy(string.find(line, piece, 1, true), line) end
    return err
  end

  describe("the fixtures produce their events:", function()
    it("contract-sign", function()
      local delivery = assert(receiver:read(fixture "contract-sign"))
      assert.equal(4711, delivery.contract_id)
      assert.equal("3d0d3a52-6f0e-4b7e-8f57-5b1d8c2a9e01", delivery.callback_id)
      assert.same({ { created_time = "2026-03-04T05:06:07+00:00", id = 880000, type = "contract:sign" } },
        delivery.events)
      assert.is_true(delivery.verified)
      assert.is_true(delivery:has(webhook.events.CONTRACT_SIGN))
      assert.is_false(delivery:has "contract:publish")
      assert.equal(40, #delivery.data.signature)
      assert.equal("oneflow delivery 3d0d3a52-6f0e-4b7e-8f57-5b1d8c2a9e01 of contract 4711", tostring(delivery))
    end)

    it("many-events", function()
      local delivery = assert(receiver:read(fixture "many-events"))
      assert.equal(2, #delivery.events)
      assert.is_true(delivery:has "participant:sign")
      assert.is_true(delivery:has "contract:content_update")
    end)

    it("publish-request: the documentation's sample, with its other date", function()
      local delivery = assert(receiver:read(fixture "publish-request"))
      assert.is_true(delivery:has "contract:publish")
      assert.equal(1768212000, (oneflow.time.parse(delivery.events[1].created_time)))
    end)

    it("tampered: verifies, since the signature does not cover the body; the callback id shows it", function()
      local delivery = assert(receiver:read(fixture "tampered"))
      assert.equal(4799, delivery.contract_id)
      local handed = {}
      local function callback(each) handed[#handed + 1] = each.contract_id return true end
      assert.equal(200, (receiver:receive(fixture "contract-sign", callback)))
      assert.equal(200, (receiver:receive(fixture "tampered", callback)))
      assert.same({ 4711 }, handed)
    end)

    it("bad-signature", function() refused(fixture "bad-signature", "signature", "not made with the sign key") end)

    it("unsigned: refused, unless the caller said so", function()
      refused(fixture "unsigned", "signature", "is missing")
      local open = assert(webhook.receiver { unsigned = true })
      local delivery = assert(open:read(fixture "unsigned"))
      assert.is_false(delivery.verified)
      assert.is_true(delivery:has "contract:delete")
      assert.is_false(assert(open:read(fixture "contract-sign")).verified)
    end)

    it("wrong-shapes: says where the fields are", function()
      local shapes = assert(core.decode(fixture "wrong-shapes"))
      local err = refused((assert(core.encode(shapes[1]))), "validation", "events[].type")
      assert.same({ "body.callback_id", "body.contract", "body.events", "body.data", "body.event_type" }, paths_of(err))
      err = refused((assert(core.encode(shapes[2]))), "validation", "contract.id")
      assert.same({ "body.callback_id", "body.contract", "body.events", "body.data", "body.type" }, paths_of(err))
      refused(fixture "wrong-shapes", "validation", "is not one JSON object")
    end)

    it("legacy: named, with the way out", function()
      local err = refused(fixture "legacy", "validation", "legacy format")
      assert.same({ "body" }, paths_of(err))
      refused('{"callback_id":"a","contract":{"id":1},"events":[{"type":4}],"signature":"' .. webhook.sign("a", KEY)
        .. '"}', "validation", "legacy format")
    end)
  end)

  it("the signature is SHA-1 of callback id and sign key", function()
    assert.equal("9b75e3f40614eeb126f5ee8042ac33731fc7bc46",
      webhook.sign("00000000000000000000000000000000000000aa", "some key"))
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", webhook.sign("a", "bc"))
    assert.equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", core.sha1 "")
    assert.is_true(core.equal("a\0b", "a\0b"))
    assert.is_false(core.equal("a\0b", "a\0c"))
    assert.is_false(core.equal("a", "ab"))
    assert.is_true(core.equal("", ""))
  end)

  it("upper-case hex is as good; short, long, NUL, other digits and other types are refused", function()
    local good = webhook.sign("cb-1", KEY)
    assert(receiver:read(body_with { signature = string.upper(good) }))
    assert(webhook.verify("cb-1", string.upper(good), KEY))
    for _, signature in ipairs { "", "0", string.sub(good, 1, 39), good .. "0", good .. "\0",
                                 "\0" .. string.sub(good, 2), string.sub(good, 1, 39) .. "g", good .. good, 5, true,
                                 {} } do
      refused(body_with { signature = signature }, "signature", "40 hex digits")
    end
    for i = 1, 40 do
      local other = string.sub(good, i, i) == "0" and "1" or "0"
      refused(body_with { signature = string.sub(good, 1, i - 1) .. other .. string.sub(good, i + 1) }, "signature",
        "not made with")
    end
    refused(body_with({}, "another key"), "signature", "not made with")
    refused('{"callback_id":"a","contract":{"id":1},"events":[],"signature":null}', "signature", "is missing")
  end)

  it("an empty key is an error at construction; none, both and unknown options raise", function()
    local made, err = webhook.receiver { sign_key = "" }
    assert.is_nil(made)
    assert.same({ "validation", "sign_key" }, { err.kind, err.problems[1].path })
    for _, case in ipairs {
      { {}, "a sign_key expected" }, { { sign_key = KEY, unsigned = true }, "not both" },
      { { unsigned = false }, "true expected" }, { { sign_key = 5 }, "string expected, got number" },
      { { sign_kye = KEY }, 'did you mean "sign_key"' }, { { sign_key = KEY, lease = 300000 }, "not milliseconds" },
      { { sign_key = KEY, store = {} }, "store.claim: function expected" }, { nil, "table of options" },
      { { sign_key = KEY, max_body = 0 }, "max_body" }, { { sign_key = KEY, keep = 0.5 }, "keep" },
      { { sign_key = KEY, defer = 1 }, "defer: boolean expected" },
    } do
      local good, message = pcall(function() return (webhook.receiver(case[1])) end)
      assert.is_false(good)
      assert.is_truthy(string.find(message, "bodies_spec.lua:%d+: "), message)
      assert.is_truthy(string.find(message, case[2], 1, true), message)
    end
  end)

  it("a body of 2 MB is refused, and so is one byte over the cap", function()
    refused(body_with { padding = string.rep("x", 2 * 1000 * 1000) }, "limit", "over 1048576")
    local text = body_with()
    local exact = assert(webhook.receiver { sign_key = KEY, max_body = #text })
    assert(exact:read(text))
    local delivery, err = exact:read(text .. " ")
    assert.is_nil(delivery)
    assert.equal("limit", err.kind)
    assert.is_nil((webhook.parse(string.rep(" ", 2 ^ 20 + 1))))
  end)

  it("what is no JSON, or no object, is refused", function()
    for _, text in ipairs { "", "{", "contract:sign", "callback_id=a&events=b", '{"a":01}', "\0", '{"a":"\255"}',
                            string.rep("[", 1000) } do
      local delivery, err = receiver:read(text)
      assert.is_nil(delivery, text)
      assert.is_true(err.kind == "decode" or err.kind == "limit", tostring(err))
    end
    for _, text in ipairs { "[]", "5", '"x"', "null", "true" } do refused(text, "validation", "one JSON object") end
  end)

  it("every field of the wrong kind is named, all at once", function()
    local err = refused('{"callback_id":5,"contract":{"id":"x"},"events":[{"type":true},{},5]}', "validation")
    assert.same({ "body.callback_id", "body.contract.id", "body.events[1].type", "body.events[2].type",
                  "body.events[3]" }, paths_of(err))
    for _, case in ipairs {
      { { callback_id = "" }, "body.callback_id" }, { { callback_id = string.rep("c", 256) }, "body.callback_id" },
      { { callback_id = "a\nb" }, "body.callback_id" }, { { callback_id = "a\0b" }, "body.callback_id" },
      { { contract = "4711" }, "body.contract" }, { { contract = {} }, "body.contract.id" },
      { { contract = { id = 0 } }, "body.contract.id" }, { { contract = { id = 1.5 } }, "body.contract.id" },
      { { contract = { id = "../users" } }, "body.contract.id" }, { { contract = { id = {} } }, "body.contract.id" },
      { { events = "x" }, "body.events" }, { { events = { a = 1 } }, "body.events" },
    } do
      assert.same({ case[2] }, paths_of(refused(body_with(case[1]), "validation")))
    end
  end)

  it("what is not known passes through: types, fields, ids as text, no events", function()
    local delivery = assert(receiver:read(body_with { more = 1, contract = { id = "9007199254740993000" },
      events = { { type = "moon:landing", id = "x", crew = 3 } } }))
    assert.equal("moon:landing", delivery.events[1].type)
    assert.equal(3, delivery.events[1].crew)
    assert.equal(1, delivery.data.more)
    assert.equal("9007199254740993000", delivery.contract_id)
    assert.equal(0, #assert(receiver:read(body_with { events = oneflow.array {} })).events)
    assert.is_false(assert(webhook.parse(body_with())).verified)
  end)

  it("a delivery gives the contract, freshly fetched", function()
    local box = testing.sandbox {}
    local anna = assert(box:client():user "anna@example.com")
    local delivery = assert(receiver:read(body_with()))
    local handle = delivery:contract(anna)
    assert.equal("oneflow contract 4711 (not loaded)", tostring(handle))
    assert.equal("draft", assert(handle:get()).state)
    assert.equal("draft", assert(delivery:contract(box:client()):get { as = "anna@example.com" }).state)
  end)

  it("constants: known ones, and unknown names that raise with the nearest", function()
    assert.equal("contract:sign", webhook.events.CONTRACT_SIGN)
    assert.equal("contract:lifecycle_state:new_period", webhook.events.CONTRACT_LIFECYCLE_STATE_NEW_PERIOD)
    assert.equal("comment:create", webhook.events.COMMENT_CREATE)
    assert.equal(32, #webhook.event_types)
    local delivery = assert(receiver:read(body_with()))
    for _, case in ipairs {
      { function() return webhook.events.CONTRACT_SIGNED end, 'did you mean "CONTRACT_SIGN"' },
      { function() webhook.events.X = 1 end, "cannot be changed" },
      { function() return delivery:has "contract:signed" end, 'did you mean "contract:sign"' },
      { function() return delivery.state end, "delivery:contract(user):get()" },
      { function() delivery.contract_id = 1; delivery.x = 1 end, "cannot be changed" },
      { function() return delivery:contract() end, "a user or a client expected" },
      { function() return receiver.read(body_with()) end, "call with a colon" },
      { function() return receiver:red() end, 'did you mean "read"' },
      { function() return receiver:read() end, "the body is a string" },
      { function() return webhook.sign(5, KEY) end, "callback_id: string expected" },
      { function() return receiver:serve(print) end, "is for nginx" },
      { function() return webhook.shared "x" end, "in nginx alone" },
    } do
      local good, message = pcall(case[1])
      assert.is_false(good, case[2])
      assert.is_truthy(string.find(message, "bodies_spec.lua:%d+: "), message)
      assert.is_truthy(string.find(message, case[2], 1, true), message)
    end
    assert.equal("oneflow webhook receiver", tostring(receiver))
    assert.is_false(getmetatable(receiver))
  end)
end)

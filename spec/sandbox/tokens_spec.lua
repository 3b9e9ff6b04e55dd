-- The life of a token: shown once, kept as a hash, revoked for good.
local core = require "oneflow.core"
local random = require "oneflow.sandbox.random"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

-- Is the text anywhere in what the emulator knows, keys and values, tables and upvalues of its functions?
local function holds(value, text, seen)
  if type(value) == "string" then return string.find(value, text, 1, true) ~= nil end
  if type(value) == "function" then
    if seen[value] then return false end
    seen[value] = true
    for i = 1, 255 do
      local name, upvalue = debug.getupvalue(value, i)
      if not name then return false end
      if upvalue ~= _G and upvalue ~= package.loaded and holds(upvalue, text, seen) then return true end
    end
  end
  if type(value) ~= "table" or seen[value] then return false end
  seen[value] = true
  if holds(getmetatable(value), text, seen) then return true end
  for key, item in pairs(value) do
    if holds(key, text, seen) or holds(item, text, seen) then return true end
  end
  return false
end

describe("a token", function()
  local box, call

  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  it("is 40 characters of [a-zA-Z0-9-], another each time", function()
    local seen, characters = {}, {}
    for _ = 1, 500 do
      local token = random.text(40)
      assert.truthy(string.match(token, "^[a-zA-Z0-9-]+$"))
      assert.equal(40, #token)
      assert.is_nil(seen[token])
      seen[token] = true
      for character in string.gmatch(token, ".") do characters[character] = (characters[character] or 0) + 1 end
    end
    -- 20 000 characters over an alphabet of 63: 317 each; half and double are far outside of chance.
    local count = 0
    for character, times in pairs(characters) do
      count = count + 1
      assert.is_true(times > 160 and times < 640, character .. " came " .. times .. " times")
    end
    assert.equal(63, count)
    assert.truthy(string.match(box:generate_token("reports"), "^[a-zA-Z0-9-]+$"))
  end)

  it("is shown once, and stays as a hash only", function()
    local token = box:generate_token("reports")
    assert.equal(200, (call("GET", "/ping", { token = token })))
    call("GET", "/contracts/4711", { token = token, user = "anna@example.com" })
    for _, secret in ipairs{ token, box.token } do
      assert.is_false(holds(box.emulator, secret, {}))
      assert.is_true(holds(box.emulator, core.sha256(secret), {}))
      for _, shown in ipairs{ box:journal(), box:list_tokens(), box:describe() } do
        assert.is_false(holds(shown, secret, {}))
        assert.is_false(holds(shown, core.sha256(secret), {}))
      end
    end
  end)

  it("is listed by name", function()
    box:generate_token("reports")
    box:generate_token("another")
    local names = {}
    for i, token in ipairs(box:list_tokens()) do
      names[i] = token.name
      assert.truthy(string.match(token.created_time, "^%d%d%d%d%-%d%d%-%d%dT"))
    end
    assert.same({ "another", "reports", "start" }, names)
    assert.equal(1, #box:list_tokens("Other Company AB"))
  end)

  it("has a name of its own in its account", function()
    box:generate_token("reports")
    assert.has_error(function() box:generate_token("reports") end, "generate_token: There is a token named reports.")
    assert.is_string(box:generate_token("reports", "Other Company AB"))
  end)

  it("is revoked for good, also over a reset and by another of its name", function()
    local token = box:generate_token("reports")
    box:revoke_token("reports")
    assert.has_error(function() box:revoke_token("reports") end)
    assert.equal(401, (call("GET", "/ping", { token = token })))
    box:reset()
    assert.equal(401, (call("GET", "/ping", { token = token })))
    local second = box:generate_token("reports")
    assert.equal(401, (call("GET", "/ping", { token = token })))
    assert.equal(200, (call("GET", "/ping", { token = second })))
    assert.equal(200, (call("GET", "/ping")))
  end)

  it("is not made while the extension is off, and works again afterwards", function()
    box:set_extension(false)
    assert.has_error(function() box:generate_token("reports") end,
      "generate_token: The API-token extension of the account is off.")
    box:set_extension(true)
    assert.equal(200, (call("GET", "/ping", { token = box:generate_token("reports") })))
  end)
end)

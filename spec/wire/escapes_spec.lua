-- A script with one user, in the limited environment: no attempt of the list reaches the token, the client, another
-- user or another origin. The same list runs in a C program: spec/host/c_host_spec.lua.
local limited = require "oneflow.limited"
local testing = require "oneflow.testing"
local escapes = require "spec.support.escapes"
local wire = require "spec.support.wire"

local SVEN, ANNA = "sven@example.com", "anna@example.com"

-- Runs a script with what it is given -> the lines that it printed. `smuggled`: by a host that does not ask.
local function run(script, user, smuggled)
  local lines = {}
  local environment = limited.environment {
    user = user, print = function(line) lines[#lines + 1] = line end,
  }
  environment.user = smuggled or environment.user
  local fn = assert(load(script.text, "=" .. script.name, "t", environment))
  local good, message = pcall(fn)
  if not good then lines[#lines + 1] = "raised: " .. tostring(message) end
  return lines
end

describe("escapes:", function()
  local box, other
  setup(function()
    box = testing.server {}
    other = wire.healthy()
  end)
  teardown(function()
    box:stop()
    wire.clean()
  end)

  it("the list has at least 30 attempts", function()
    assert.is_true(#escapes.scripts(other.url) >= 30)
  end)

  for _, script in ipairs(escapes.scripts("http://127.0.0.1:1")) do
    it("fails: " .. script.name, function()
      local text = string.gsub(script.text, "http://127%.0%.0%.1:1", other.url)
      box:reset()
      box:clear_journal()
      local client = box:client()
      local lines = run({ name = script.name, text = text }, assert(client:user(SVEN)))
      assert.is_nil(escapes.problem(lines, box.token))
      local arrivals = box:journal()
      for _, entry in ipairs(arrivals) do assert.equal(SVEN, entry.user_email, entry.method .. " " .. entry.path) end
      -- nothing has changed either: client and user work as before
      assert(client:ping())
      assert.equal(4712, assert(client:contract(4712):get { as = SVEN }).id)
      local _, accepted = other:journal()
      assert.equal(0, accepted, "connections to the other origin")
      client:close()
    end)
  end

  it("as bytes on the wire: each request has one token, one user, Sven, and the host of its origin", function()
    local target = wire.healthy()
    local client = wire.client(target, { timeout = 10 * wire.slow, attempt_timeout = 10 * wire.slow })
    local user = assert(client:user(SVEN))
    for _, script in ipairs(escapes.scripts(other.url)) do
      assert.is_not_nil(script.name, table.concat(run(script, user), "\n"))
    end
    local journal = target:journal()
    assert.is_true(#journal > 20)
    for _, request in ipairs(journal) do
      local found = {}
      for line in string.gmatch(request.head, "[^\r\n]+") do
        local name, value = string.match(line, "^([^:%s]+):%s*(.-)%s*$")
        if name then
          name = string.gsub(string.lower(name), "_", "-")
          assert.is_nil(found[name], "twice: " .. line)
          found[name] = value
        end
      end
      assert.equal(SVEN, found["x-oneflow-user-email"], request.head)
      assert.equal(wire.TOKEN, found["x-oneflow-api-token"])
      assert.equal(target.address, found.host)
      for name in pairs(found) do
        assert.is_true(not string.find(name, "^x%-oneflow%-") or name == "x-oneflow-user-email"
          or name == "x-oneflow-api-token", name)
      end
      assert.is_truthy(string.find(request.target, "^/v1/"), request.target)
    end
    local _, accepted = other:journal()
    assert.equal(0, accepted, "connections to the other origin")
    client:close()
    target:stop()
  end)

  it("the judge can tell: with the client in the user's place several attempts do reach", function()
    box:reset()
    local reached = 0
    for _, script in ipairs(escapes.scripts(other.url)) do
      local client = box:client()
      if escapes.problem(run(script, nil, client), box.token) then reached = reached + 1 end
      client:close()
    end
    local users = {}
    for _, entry in ipairs(box:journal()) do users[entry.user_email or ""] = true end
    assert.is_true(reached >= 3, reached .. " reached")
    assert.is_true(users[ANNA])
    assert.is_not_nil(escapes.problem({ "saw x" .. box.token .. "y", "failed" }, box.token))
  end)
end)

-- Token by acting user, against the sandbox over HTTP: what comes out, and which two headers the server saw.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"
local host = require "spec.support.host"

local ANNA = "anna@example.com"
local OTHER_ACCOUNT = "Other Company AB"

-- In the order in which they are printed.
local TOKENS = { "good", "none", "none, by curl", "unknown", "revoked", "extension off", "other account's" }
local USERS = { "administrator", "anna@example.com", "sven@example.com", "inactive@example.com",
                "nobody@example.com", "other@example.net" }
local CALLS = { "read", "optional-user write", "required-user write" }

-- What must come out, by hand from the API's facts: contract 4711 is one that Anna may change and Sven may not see.
local OK, GONE = "200 - -", "404 not_found refused"
local DENIED = "401 authentication refused"
local LOCAL = "- validation not_sent" -- the library refuses: the service demands a user here
local EXPECTED = {
  ["good"] = {
    ["administrator"] = { OK, OK, LOCAL },
    ["anna@example.com"] = { OK, OK, OK },
    ["sven@example.com"] = { GONE, OK, GONE },
    ["inactive@example.com"] = { DENIED, DENIED, DENIED },
    ["nobody@example.com"] = { DENIED, DENIED, DENIED },
    ["other@example.net"] = { DENIED, DENIED, DENIED },
  },
  ["other account's"] = {
    ["administrator"] = { GONE, OK, LOCAL },
    ["anna@example.com"] = { DENIED, DENIED, DENIED },
    ["sven@example.com"] = { DENIED, DENIED, DENIED },
    ["inactive@example.com"] = { DENIED, DENIED, DENIED },
    ["nobody@example.com"] = { DENIED, DENIED, DENIED },
    ["other@example.net"] = { GONE, OK, GONE },
  },
}
for _, bad in ipairs { "unknown", "revoked", "extension off" } do
  EXPECTED[bad] = {}
  for _, user in ipairs(USERS) do EXPECTED[bad][user] = { DENIED, DENIED, DENIED } end
  EXPECTED[bad].administrator[3] = LOCAL
end
-- Without a token the library sends nothing; what the service says to such a request, curl shows.
EXPECTED["none"], EXPECTED["none, by curl"] = {}, {}
for _, user in ipairs(USERS) do
  EXPECTED["none"][user] = { LOCAL, LOCAL, LOCAL }
  EXPECTED["none, by curl"][user] = { "401 - -", "401 - -", "401 - -" }
end

-- What the journal calls the token of each row.
local SEEN_TOKEN = {
  ["good"] = "start", ["none, by curl"] = "none", ["unknown"] = "unknown", ["extension off"] = "start",
}

describe("matrix:", function()
  local box
  setup(function() box = testing.server {} end)
  teardown(function() box:stop() end)

  local function through_library(client, user)
    local as = user == "administrator" and oneflow.ANONYMOUS_ADMIN or user
    return {
      function() return client:contract(4711):get { as = as } end,
      function() return client.template_types:create({ name = "Made by the matrix" }, { as = as }) end,
      function() return client:contract(4711):update({}, { as = as }) end,
    }
  end

  -- No token at all: the library would not send it.
  local function through_curl(user)
    local email = user ~= "administrator" and "-H 'x-oneflow-user-email: " .. user .. "'" or ""
    local function curl(method, path, body)
      return function()
        local status = host.shell(string.format("curl -s -o /dev/null -w '%%{http_code}' -X %s %s -d '%s' %s%s",
          method, email, body, box.base_url, path))
        return nil, { status = tonumber(status), kind = "-", outcome = "-" }
      end
    end
    return {
      curl("GET", "/contracts/4711", ""), curl("POST", "/template_types", '{"name":"x"}'),
      curl("PUT", "/contracts/4711", "{}"),
    }
  end

  it("every token with every user, on a read, an optional-user and a required-user write", function()
    local lines = {}
    local function line(...)
      lines[#lines + 1] = string.format("%-16s %-21s %-20s %-27s %-19s %s", ...)
    end
    line("token", "user", "call", "status kind outcome", "x-oneflow-api-token", "x-oneflow-user-email")
    local wrong = {}
    for _, token in ipairs(TOKENS) do
      local name = "matrix: " .. token
      local secret, seen_token = box.token, SEEN_TOKEN[token] or name
      if token == "none" then secret = function() return nil, "none for this row" end end
      if token == "unknown" then secret = string.rep("u", 40) end
      if token == "revoked" then secret, seen_token = box:generate_token(name), "revoked:" .. name end
      if token == "other account's" then secret = box:generate_token(name, OTHER_ACCOUNT) end
      local connects
      local client = box:client {
        token = secret, hooks = { on_response = function(info) connects = info.connects end },
      }
      if token == "revoked" then
        assert(client:contract(4711):get { as = ANNA })
        assert.equal(1, connects)
        box:revoke_token(name)
      end
      if token == "extension off" then box:set_extension(false) end
      for _, user in ipairs(USERS) do
        local calls = token == "none, by curl" and through_curl(user) or through_library(client, user)
        for i, call in ipairs(CALLS) do
          box:clear_journal()
          connects = nil
          local value, err = calls[i]()
          err = err or {}
          local got = value and (value.meta.status .. " - -")
            or string.format("%s %s %s", err.status or "-", err.kind, err.outcome)
          local arrivals = box:journal()
          local sent = got ~= LOCAL
          local saw_token = arrivals[1] and arrivals[1].token or "(nothing arrived)"
          local saw_user = not arrivals[1] and "(nothing arrived)" or arrivals[1].user_email or "(absent)"
          line(token, user, call, got, saw_token, saw_user)
          local want_user = user == "administrator" and "(absent)" or user
          if got ~= EXPECTED[token][user][i] or #arrivals ~= (sent and 1 or 0)
            or (sent and (saw_token ~= seen_token or saw_user ~= want_user))
            or (token == "revoked" and sent and connects ~= 0) then
            wrong[#wrong + 1] = lines[#lines] .. "   expected " .. EXPECTED[token][user][i]
          end
        end
      end
      if token == "extension off" then box:set_extension(true) end
      client:close()
    end
    print("\n" .. table.concat(lines, "\n"))
    assert.equal("", table.concat(wrong, "\n"))
    assert.equal(1 + #TOKENS * #USERS * #CALLS, #lines)
  end)
end)

-- Token x user -> status, on the emulator and through nginx: who gets in, as whom, and what the journal says.
local host = require "spec.support.host"
local process = require "spec.support.process"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local USERS = {
  none = nil, empty = "", admin = "admin@example.com", anna = "anna@example.com", sven = "sven@example.com",
  viewer = "viewer@example.com", inactive = "inactive@example.com", unknown = "nobody@example.com",
  other = "other@example.net",
}
local ORDER = { "none", "empty", "admin", "anna", "sven", "viewer", "inactive", "unknown", "other" }

-- What a good token gets. Publishing goes last, and on a contract that only grows more published.
local GOOD = {
  { "GET", "/contracts/4711",
    { none = 200, empty = 401, admin = 200, anna = 200, sven = 404, viewer = 200, inactive = 401,
      unknown = 401, other = 401 } },
  { "PUT", "/contracts/4711",
    { none = 400, empty = 401, admin = 200, anna = 200, sven = 404, viewer = 403, inactive = 401,
      unknown = 401, other = 401 } },
  { "GET", "/contracts/4712",
    { none = 200, empty = 401, admin = 200, anna = 404, sven = 200, viewer = 200, inactive = 401,
      unknown = 401, other = 401 } },
  { "GET", "/contracts/5711", -- the other account's
    { none = 404, empty = 401, admin = 404, anna = 404, sven = 404, viewer = 404, inactive = 401,
      unknown = 401, other = 401 } },
  { "GET", "/ping",
    { none = 200, empty = 401, admin = 200, anna = 200, sven = 200, viewer = 200, inactive = 401,
      unknown = 401, other = 401 } },
  { "POST", "/contracts/4711/publish",
    { none = 400, empty = 401, admin = 200, anna = 409, sven = 404, viewer = 403, inactive = 401,
      unknown = 401, other = 401 } },
  { "DELETE", "/contracts/4711",
    { none = 400, empty = 401, admin = 200, anna = 200, sven = 200, viewer = 200, inactive = 401,
      unknown = 401, other = 401 } },
}

local PLACES = {
  { "in-process", function() return testing.sandbox() end, requests.in_process },
  { "through nginx", function() return testing.server() end, requests.over_http },
}

for _, place in ipairs(PLACES) do
  describe("authentication " .. place[1], function()
    local box, call

    setup(function()
      box = place[2]()
      call = place[3](box)
    end)
    before_each(function() box:reset() end)
    teardown(function()
      box:stop()
      process.clean()
    end)

    it("a good token: the user's permissions decide", function()
      for _, case in ipairs(GOOD) do
        local method, path, expected = case[1], case[2], case[3]
        for _, who in ipairs(ORDER) do
          local status, body = call(method, path, { user = USERS[who], body = method ~= "GET" and "{}" or nil })
          assert.equal(expected[who], status, method .. " " .. path .. " as " .. who)
          if status ~= 200 then assert.equal(status, body.status) end
          local journal = box:journal()
          local entry = journal[#journal]
          assert.same({ USERS[who], "start", status }, { entry.user_email, entry.token, entry.status })
        end
      end
    end)

    it("any other token: 401, for every user", function()
      local revoked = box:generate_token("reports")
      assert.equal(200, (call("GET", "/ping", { token = revoked })))
      box:revoke_token("reports")
      local tokens = {
        { false, "none" }, { "", "unknown" }, { string.rep("x", 40), "unknown" },
        { string.upper(box.token), "unknown" }, { revoked, "revoked:reports" },
      }
      for _, token in ipairs(tokens) do
        for _, who in ipairs(ORDER) do
          for _, path in ipairs{ "/contracts/4711", "/ping", "/", "/accounts/me", "/users", "/contracts" } do
            local status, body = call("GET", path, { token = token[1], user = USERS[who] })
            assert.same({ 401, 4010000 }, { status, body.error_code }, path .. " as " .. who)
          end
        end
        local journal = box:journal()
        assert.equal(token[2], journal[#journal].token)
      end
      assert.equal(401, (call("POST", "/contracts/4711/publish", { token = revoked, user = USERS.anna })))
      assert.equal("draft", select(2, call("GET", "/contracts/4711")).state)
    end)

    it("the other account's token reaches its own things, and its users, only", function()
      local token = box.accounts[2].token
      assert.equal(200, (call("GET", "/contracts/5711", { token = token })))
      assert.equal(200, (call("GET", "/contracts/5711", { token = token, user = USERS.other })))
      assert.equal(404, (call("GET", "/contracts/4711", { token = token })))
      assert.equal(401, (call("GET", "/contracts/5711", { token = token, user = USERS.anna })))
      local _, page = call("GET", "/contracts", { token = token })
      assert.same({ 1, 5711 }, { page.count, page.data[1].id })
      local _, users = call("GET", "/users", { token = token })
      assert.same({ 1, "other@example.net" }, { users.count, users.data[1].email })
      local _, account = call("GET", "/accounts/me", { token = token })
      assert.equal("Other Company AB", account.name)
      -- Deleting what one cannot see answers 200 and does nothing.
      assert.equal(200, (call("DELETE", "/contracts/4711", { token = token, user = USERS.other })))
      assert.equal(200, (call("GET", "/contracts/4711")))
    end)

    it("the extension off: no token works and none is made; on again: they do", function()
      box:set_extension(false)
      local status, _, headers = call("GET", "/ping")
      assert.same({ 401, "assumed" }, { status, headers["x-oneflow-sandbox"] })
      assert.equal(401, (call("GET", "/contracts/4711", { user = USERS.anna })))
      assert.has_error(function() box:generate_token("new") end)
      -- The other account has a switch of its own.
      assert.equal(200, (call("GET", "/ping", { token = box.accounts[2].token })))
      box:set_extension(true)
      assert.equal(200, (call("GET", "/ping")))
    end)

    it("a user who is switched off, and on again", function()
      local _, _, headers = call("GET", "/contracts/4711", { user = USERS.anna })
      assert.is_nil(headers["x-oneflow-sandbox"])
      box:set_user("anna@example.com", { active = false })
      local status
      status, _, headers = call("GET", "/contracts/4711", { user = USERS.anna })
      assert.same({ 401, "assumed" }, { status, headers["x-oneflow-sandbox"] })
      box:set_user("anna@example.com", { active = true })
      assert.equal(200, (call("GET", "/contracts/4711", { user = USERS.anna })))
    end)

    it("a user required and none given: 400 that names the header, and says that it is assumed", function()
      local status, body, headers = call("POST", "/contracts/4711/publish", { body = "{}" })
      assert.equal(400, status)
      assert.equal("assumed", headers["x-oneflow-sandbox"])
      assert.is_table(body.parameter_problems["x-oneflow-user-email"])
      assert.is_true(box:journal()[1].assumed)
    end)

    it("says that the token was created by hand", function()
      local _, account = call("GET", "/accounts/me")
      assert.equal("custom", account.token_info.integration.key)
    end)

    it("errors have the service's seven fields", function()
      for _, case in ipairs{ { "GET", "/contracts/1", 404 }, { "GET", "/nothing", 404 },
                             { "POST", "/contracts", 405 }, { "GET", "/contracts/create", 405 },
                             { "GET", "/contracts/4711", 401, false } } do
        local status, body, headers = call(case[1], case[2], { token = case[4] })
        assert.equal(case[3], status)
        assert.equal("application/json", headers["content-type"])
        local names = {}
        for name in pairs(body) do names[#names + 1] = name end
        table.sort(names)
        assert.same({ "detail", "error_code", "parameter_problems", "request_id", "status", "title", "type" }, names)
        assert.equal(status * 10000, body.error_code)
        assert.equal("https://api.oneflow.com/v1/error_codes/" .. string.format("%d", body.error_code), body.type)
      end
    end)
  end)
end

describe("the front in nginx", function()
  local box, call

  setup(function()
    box = testing.server()
    call = requests.over_http(box)
  end)
  teardown(function()
    box:stop()
    process.clean()
  end)

  it("hands on header values as they came", function()
    for _, value in ipairs{ "Anna <anna@example.com>", "a_b%41+\"'\\;=@example.com", "" } do
      call("GET", "/ping", { user = value })
      local journal = box:journal()
      assert.equal(value, journal[#journal].user_email)
    end
  end)

  it("hands on paths and queries as they came", function()
    call("GET", "/contracts//4711/", { query = "a=%2F&filter[states]=draft" })
    local journal = box:journal()
    local entry = journal[#journal]
    assert.same({ "/v1/contracts//4711/", "a=%2F&filter[states]=draft" }, { entry.path, entry.query })
  end)

  it("joins repeated headers, so that two users are no user", function()
    local command = { "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", box.base_url .. "/contracts/4711",
      "-H", "x-oneflow-api-token: " .. box.token,
      "-H", "x-oneflow-user-email: anna@example.com", "-H", "x-oneflow-user-email: sven@example.com" }
    local _, _, output = process.spawn(command):wait()
    assert.equal("401", output)
    local journal = box:journal()
    assert.equal("anna@example.com, sven@example.com", journal[#journal].user_email)
  end)

  it("takes bodies of some megabytes", function()
    local folder = host.folder()
    local path = folder .. "/body"
    local fill = string.rep("x", 5 * 2^20)
    host.write(path, '{"workspace_id":101,"template_id":201,"name":"large","x":"' .. fill .. '"}')
    local status, contract = call("POST", "/contracts/create", { user = USERS.anna, body = "@" .. path })
    host.remove(folder)
    assert.same({ 200, "large" }, { status, contract._private.name })
  end)

  it("refuses the controls without their key", function()
    local address = string.match(box.base_url, "^(http://[^/]+)")
    for _, key in ipairs{ "", "x-sandbox-key: wrong", "x-sandbox-key: " .. string.upper(box.control_key),
                          "x-sandbox-key: " .. box.control_key } do
      local command = { "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", address .. "/_sandbox/journal" }
      if key ~= "" then
        command[#command + 1] = "-H"
        command[#command + 1] = key
      end
      local _, _, output = process.spawn(command):wait()
      assert.equal(key == "x-sandbox-key: " .. box.control_key and "200" or "403", output)
    end
  end)
end)

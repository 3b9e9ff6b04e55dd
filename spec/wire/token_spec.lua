-- Where the token comes from, and what happens when it is revoked: against the sandbox over HTTP.
local testing = require "oneflow.testing"
local host = require "spec.support.host"

local ANNA = "anna@example.com"

describe("token:", function()
  local box
  setup(function() box = testing.server {} end)
  teardown(function() box:stop() end)
  before_each(function()
    box:reset()
    box:clear_journal()
  end)

  it("revoked A, made B: 16 calls with a token function succeed, and it is asked once", function()
    local a = box:generate_token("A")
    local current, asked = a, {}
    local client = box:client {
      token = function(reason)
        asked[#asked + 1] = reason
        return current
      end,
    }
    assert(client:contract(4711):get { as = ANNA })
    assert.same({ "first" }, asked)
    box:revoke_token("A")
    current = box:generate_token("B")
    asked = {}
    box:clear_journal()
    for _ = 1, 16 do
      local contract = assert(client:contract(4711):get { as = ANNA })
      assert.equal(4711, contract.id)
    end
    assert.same({ "refused" }, asked)
    local journal = box:journal()
    assert.equal(17, #journal)
    assert.equal("revoked:A", journal[1].token)
    for i = 2, 17 do assert.equal("B", journal[i].token) end
    box:revoke_token("B")
  end)

  it("the refused call is made again as the same user, and its attempts are counted", function()
    local current = box:generate_token("C")
    local client = box:client { token = function() return current end }
    assert(client:ping())
    box:revoke_token("C")
    current = box:generate_token("D")
    local contract = assert(client:contract(4711):publish({ subject = "s" }, { as = ANNA }))
    assert.equal(2, contract.meta.attempts)
    assert.equal("pending", contract.state)
    for i, entry in ipairs(box:journal()) do
      if i > 1 then assert.equal(ANNA, entry.user_email) end
    end
    box:revoke_token("D")
  end)

  it("an inactive user's 401 costs one question and no repeat", function()
    local asked = 0
    local client = box:client {
      token = function()
        asked = asked + 1
        return box.token
      end,
    }
    assert(client:ping())
    asked = 0
    box:clear_journal()
    local value, err = client:contract(4711):get { as = "inactive@example.com" }
    assert.is_nil(value)
    assert.equal("authentication", err.kind)
    assert.equal(1, err.attempts)
    assert.equal(1, asked)
    assert.equal(1, #box:journal())
  end)

  it("a token file is read again after a 401", function()
    local file = host.folder() .. "/token"
    host.write(file, box:generate_token("E") .. "\n")
    host.shell("chmod 600 " .. file)
    local client = box:client { token_file = file }
    assert(client:ping())
    box:revoke_token("E")
    host.write(file, box:generate_token("F") .. "\r\n")
    assert(client:contract(4711):get { as = ANNA })
    box:revoke_token("F")
    local _, err = client:contract(4711):get { as = ANNA }
    assert.equal("authentication", err.kind)
    assert.equal(1, err.attempts)
  end)

  it("a token file that others can read, that is missing, empty or no file is refused", function()
    local folder = host.folder()
    local file = host.write(folder .. "/token", box.token)
    for mode, pattern in pairs { ["644"] = "chmod 600", ["640"] = "chmod 600", ["604"] = "chmod 600" } do
      host.shell("chmod " .. mode .. " " .. file)
      local client, err = require("oneflow").client { token_file = file, base_url = box.base_url }
      assert.is_nil(client)
      assert.equal("validation", err.kind)
      assert.equal("token_file", err.problems[1].path)
      assert.is_truthy(string.find(tostring(err), pattern, 1, true), tostring(err))
    end
    host.shell("chmod 600 " .. file)
    host.write(folder .. "/empty", "\n")
    host.shell("chmod 600 " .. folder .. "/empty")
    for _, path in ipairs { folder .. "/empty", folder .. "/none", folder, "/dev/null" } do
      local client, err = require("oneflow").client { token_file = path, base_url = box.base_url }
      assert.is_nil(client, path)
      assert.equal("validation", err.kind)
    end
    assert(box:client { token_file = file }:ping())
  end)

  it("an environment variable is read when the client is made", function()
    require("luv").os_setenv("ONEFLOW_SPEC_TOKEN", box.token)
    local client = box:client { token_env = "ONEFLOW_SPEC_TOKEN" }
    require("luv").os_unsetenv("ONEFLOW_SPEC_TOKEN")
    assert(client:ping())
    local none, err = require("oneflow").client { token_env = "ONEFLOW_SPEC_TOKEN" }
    assert.is_nil(none)
    assert.equal("token_env", err.problems[1].path)
  end)

  it("a token function that gives none, a bad one, or calls its client", function()
    local function call(fn)
      local client
      client = box:client { token = function(...) return fn(client, ...) end }
      return pcall(function() return client:ping() end)
    end
    local good, value, err = call(function() return nil, "the vault is closed" end)
    assert.is_true(good)
    assert.is_nil(value)
    assert.equal("not_sent", err.outcome)
    assert.is_truthy(string.find(tostring(err), "the vault is closed", 1, true))
    good, value, err = call(function() return "bad\r\ntoken" end)
    assert.is_true(good)
    assert.is_nil(value)
    assert.equal("validation", err.kind)
    assert.is_nil(string.find(tostring(err), "bad", 1, true))
    assert.is_truthy(string.find(tostring(err), "token: holds a blank, a control byte", 1, true), tostring(err))
    assert.is_false((call(function() return 42 end)))
    good, value = call(function(client) return client:ping() end)
    assert.is_false(good)
    assert.is_truthy(string.find(value, "calls the client", 1, true))
    assert.equal(0, #box:journal())
  end)
end)

-- The controls of a sandbox, in-process and over HTTP: the same methods, the same answers.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"

local ANNA = { as = "anna@example.com" }

for _, kind in ipairs{ "sandbox", "server" } do
  describe("a box of testing." .. kind, function()
    local box, client

    setup(function()
      box = testing[kind]()
      client = box:client()
    end)
    before_each(function() box:reset() end)
    teardown(function()
      client:close()
      box:stop()
    end)

    it("has what a script needs to begin", function()
      assert.equal(40, #box.token)
      assert.same({ 4711, 4712, 4713, 4714 }, box.contracts)
      assert.equal("Other Company AB", box.accounts[2].name)
      assert.not_equal(box.token, box.accounts[2].token)
      assert.truthy(string.match(box.base_url, "^http://127%.0%.0%.1.*/v1$"))
    end)

    it("keeps a journal of what arrived", function()
      assert(client:ping())
      assert(client:contract(4711):get(ANNA))
      client:contract(4711):get{ as = oneflow.ANONYMOUS_ADMIN }
      client:contract(4711):get{ as = "sven@example.com" }
      assert.has_error(function() client:contract(4711):get() end)
      client:request("GET", "/nothing", {}, ANNA)
      local seen = {}
      for i, entry in ipairs(box:journal()) do
        seen[i] = { entry.operation or "none", entry.user_email or "nobody", entry.status, entry.token, entry.method,
                    entry.path }
      end
      assert.same({
        { "ping", "nobody", 200, "start", "GET", "/v1/ping" },
        { "contract.get", "anna@example.com", 200, "start", "GET", "/v1/contracts/4711" },
        { "contract.get", "nobody", 200, "start", "GET", "/v1/contracts/4711" },
        { "contract.get", "sven@example.com", 404, "start", "GET", "/v1/contracts/4711" },
        { "none", "anna@example.com", 404, "start", "GET", "/v1/nothing" },
      }, seen)
      box:clear_journal()
      assert.same({}, box:journal())
    end)

    it("makes calls fail as often as is said, and does nothing then", function()
      box:fault("contract.publish", { status = 503, times = 2 })
      for _ = 1, 2 do
        local _, err = client:contract(4711):publish({}, { as = "anna@example.com", retry = false })
        assert.same({ 503, "server", "unknown" }, { err.status, err.kind, err.outcome })
        assert.equal("draft", assert(client:contract(4711):get(ANNA)).state)
      end
      assert.equal("pending", assert(client:contract(4711):publish({}, ANNA)).state)
      local statuses = {}
      for _, entry in ipairs(box:journal()) do
        if entry.operation == "contract.publish" then statuses[#statuses + 1] = entry.status end
      end
      assert.same({ 503, 503, 200 }, statuses)
    end)

    it("makes them fail with a body and headers of one's own", function()
      box:fault("contract.get", { status = 429, headers = { ["Retry-After"] = "7" }, body = { detail = "slow down" } })
      local _, err = client:contract(4711):get{ as = "anna@example.com", retry = false }
      assert.same({ 429, 7, "slow down" }, { err.status, err.retry_after, err.detail })
      box:fault("contract.get", { status = 502, headers = { ["content-type"] = "text/html" }, body = "<html></html>" })
      _, err = client:contract(4711):get{ as = "anna@example.com", retry = false }
      assert.equal(502, err.status)
      assert(client:contract(4711):get(ANNA))
    end)

    it("answers 200 with what was not asked for", function()
      local anna = assert(client:user "anna@example.com")
      local contract, body = anna:contract(4711), { workspace_id = 101, template_id = 201 }
      for _, case in ipairs {
        { "contract.get", { id = 4712 }, function() return contract:get() end },
        { "contract.create", { message = "queued" }, function() return anna.contracts:create(body) end },
        { "contract.publish", { id = 4711, state = "draft" }, function() return contract:publish {} end },
        { "file.get", "", function() return contract:file(1):download() end, "application/pdf" },
      } do
        box:fault(case[1], { status = 200, body = case[2], headers = { ["content-type"] = case[4] } })
        local value, err = case[3]()
        assert.is_nil(value, case[1])
        assert.same({ "mismatch", "unknown", 200 }, { err.kind, err.outcome, err.status }, tostring(err))
        assert.is_truthy(case[3]())
      end
    end)

    it("adds contracts by the thousand", function()
      local ids = box:add_contracts(2000, { state = "signed", name = "Bulk" })
      assert.equal(2000, #ids)
      local contract = assert(client:contract(ids[2000]):get(ANNA))
      assert.same({ "Bulk 02000", "signed" }, { contract.name, contract.state })
      local query = { filter = { states = { "signed" } }, limit = 1 }
      assert.equal(2001, assert(client:user("anna@example.com").contracts:list(query)).count)
      ids = box:add_contracts(1, { account = "Other Company AB" })
      local _, err = client:contract(ids[1]):get{ as = oneflow.ANONYMOUS_ADMIN }
      assert.equal(404, err.status)
      box:add_contracts(1, { workspace_id = 102 })
      assert.equal(2, assert(client:user("sven@example.com").contracts:list()).count)
    end)

    it("goes back to the seed", function()
      assert(client:contract(4711):delete(ANNA))
      box:set_extension(false)
      box:reset()
      assert.equal("draft", assert(client:contract(4711):get(ANNA)).state)
      assert.equal(1, #box:journal())
    end)

    it("refuses unknown fields by name", function()
      for _, case in ipairs{
        { "fault", "contract.fly", { status = 503 }, "No operation contract.fly." },
        { "fault", "contract.get", { status = 5 }, "status: Must be at least 200." },
        { "fault", "contract.get", {}, "status: Required field is missing." },
        { "fault", "contract.get", { status = 503, colour = 1 }, "colour: Unknown field." },
        { "set_user", "nobody@example.com", { active = true }, "No user nobody@example.com." },
        { "set_extension", true, "Nowhere AB", "No account Nowhere AB." },
        { "revoke_token", "nothing", nil, "No token named nothing." },
        { "add_contracts", 1, { workspace_id = 999 }, "The account has no such workspace and template." },
      } do
        local ok, message = pcall(box[case[1]], box, case[2], case[3])
        assert.is_false(ok, case[1])
        assert.truthy(string.find(message, case[1] .. ": " .. case[4], 1, true), message)
      end
    end)
  end)
end

-- Who may do what: roles by workspace, administrators, those who merely take part, and plans.
local core = require "oneflow.core"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ADMIN, ANNA, SVEN, VIEWER = "admin@example.com", "anna@example.com", "sven@example.com", "viewer@example.com"

describe("access:", function()
  local box, call
  before_each(function()
    box = testing.sandbox()
    call = requests.in_process(box)
  end)

  local function status(method, path, user, body)
    return (call(method, path, { user = user, body = body }))
  end

  it("a viewer sees everything of a contract and changes nothing; others see nothing", function()
    local _, contract = call("GET", "/contracts/4711")
    local party = string.format("/contracts/4711/parties/%d", contract.parties[2].id)
    local person = string.format("%s/participants/%d", party, contract.parties[2].participants[1].id)
    local group = string.format("/contracts/4711/product_groups/%d", contract.product_groups[1].id)
    local product = string.format("%s/products/%d", group, contract.product_groups[1].products[1].id)
    for _, path in ipairs{ "", "/parties", "/data_fields", "/product_groups", "/products", "/comments", "/reminders",
                           "/events", "/files", "/files/1" } do
      assert.equal(200, status("GET", "/contracts/4711" .. path, VIEWER), path)
      local refused, answer = call("GET", "/contracts/4711" .. path, { user = SVEN })
      assert.equal(404, refused, path)
      assert.truthy(string.find(answer.detail, "lost access", 1, true))
    end
    for _, case in ipairs{
      { "PUT", "/contracts/4711" }, { "POST", "/contracts/4711/publish" }, { "DELETE", "/contracts/4711" },
      { "POST", "/contracts/4711/decline" }, { "POST", "/contracts/4711/mark_as_signed" },
      { "POST", "/contracts/4711/move", '{"workspace_id":102}' },
      { "POST", "/contracts/4711/copy", '{"workspace_id":101}' },
      { "POST", "/contracts/4711/parties" }, { "PUT", party }, { "DELETE", party },
      { "POST", party .. "/participants" }, { "PUT", person }, { "DELETE", person },
      { "PUT", "/contracts/4711/data_fields" }, { "PUT", "/contracts/4711/data_fields/261" },
      { "PUT", "/contracts/4711/product_groups" }, { "PUT", group }, { "POST", group .. "/products" },
      { "PUT", product }, { "DELETE", (string.gsub(product, "/product_groups/%d+", "")) },
      { "POST", "/contracts/4711/comments", '{"body":"x"}' }, { "POST", "/contracts/4711/reminders" },
      { "POST", "/contracts/4711/files" },
      { "POST", "/contacts", '{"workspace_id":101}' }, { "PUT", "/contacts/284" }, { "DELETE", "/contacts/284" },
      { "POST", "/folders", '{"name":"x","workspace_id":101}' }, { "PUT", "/folders/281" },
      { "DELETE", "/folders/282" },
    } do
      assert.equal(403, status(case[1], case[2], VIEWER, case[3] or "{}"), case[1] .. " " .. case[2])
      if not string.find(case[3] or "", "workspace_id", 1, true) or string.find(case[2], "4711", 1, true) then
        assert.equal(404, status(case[1], case[2], SVEN, case[3] or "{}"), case[1] .. " " .. case[2])
      end
    end
    assert.same(contract, select(2, call("GET", "/contracts/4711")))
  end)

  it("what is lost looks like what never was", function()
    assert.equal(200, status("GET", "/contracts/4711", ANNA))
    box:set_role(ANNA, 101, "viewer")
    assert.equal(403, status("DELETE", "/contracts/4711", ANNA))
    box:set_role(ANNA, 101, "none")
    local refused, lost = call("GET", "/contracts/4711", { user = ANNA })
    local _, never = call("GET", "/contracts/1", { user = ANNA })
    assert.same({ 404, never.detail }, { refused, lost.detail })
    assert.equal(0, select(2, call("GET", "/contracts", { user = ANNA, query = "filter[states]=draft" })).count)
    box:set_role(ANNA, 101, "user")
    assert.equal(1, select(2, call("GET", "/contracts", { user = ANNA, query = "filter[states]=draft" })).count)
  end)

  it("the anonymous administrator may do everything that needs no user", function()
    for _, path in ipairs{ "/contracts/4711", "/contracts/4712", "/template_types/251", "/webhooks", "/logs" } do
      assert.equal(200, status("GET", path), path)
    end
    assert.equal(400, status("PUT", "/contracts/4711", nil, "{}"))
  end)

  it("only administrators change template types, webhooks, and read the log", function()
    local fields = '{"data_fields":[]}'
    for _, case in ipairs{
      { "PUT", "/template_types/251/data_fields", fields }, { "PUT", "/template_types/251", "{}" },
      { "DELETE", "/template_types/251" }, { "GET", "/logs" }, { "GET", "/webhooks" },
      { "POST", "/webhooks", '{"callback_url":"https://example.com/"}' },
    } do
      assert.equal(403, status(case[1], case[2], ANNA, case[3]), case[2])
    end
    assert.equal(200, status("PUT", "/template_types/251/data_fields", ADMIN, fields))
  end)

  -- A contract of Purchasing's, published, in which Sven's colleague Anna is on the owner side, and Vera on the other.
  local function with_guests()
    box:set_role(VIEWER, 102, "none")
    local _, contract = call("POST", "/contracts/create", { user = SVEN, body = core.encode{
      workspace_id = 102, template_id = 202, data_fields = { { custom_id = "cost_centre", value = "1" } },
      my_party = { participants = { { name = "Anna", email = ANNA, delivery_channel = "email" } } },
      parties = { { type = "company", name = "Vera's", _private_ownerside = { custom_id = "v" },
                    participants = { { name = "Vera", email = VIEWER, delivery_channel = "email" } } } },
    } })
    return string.format("/contracts/%d", contract.id)
  end

  it("only the owner side sees the fields of the owner side", function()
    local path = with_guests()
    assert.equal(404, status("GET", path, ANNA)) -- a draft is the workspace's own
    assert.equal(404, status("GET", path, VIEWER))
    call("POST", path .. "/publish", { user = SVEN })
    local function text_of(user, where)
      local headers = { ["x-oneflow-user-email"] = user }
      local answered, head, text = box.transport{ method = "GET", path = "/v1" .. path .. (where or ""), query = "",
        headers = headers, token_sha256 = core.sha256(box.token) }
      assert.equal(200, answered)
      return text, head
    end
    for _, where in ipairs{ "", "/parties", "/data_fields" } do
      assert.truthy(string.find(text_of(SVEN, where), "_private_ownerside", 1, true), where)
      assert.truthy(string.find(text_of(ANNA, where), "_private_ownerside", 1, true), where)
      local text, headers = text_of(VIEWER, where)
      assert.is_nil(string.find(text, "_private_ownerside", 1, true), where)
      assert.equal("assumed", headers["x-oneflow-sandbox"])
    end
    assert.equal(1, select(2, call("GET", "/contracts", { user = VIEWER, query = "filter[query]=Vera" })).count)
    for _, user in ipairs{ ANNA, VIEWER } do
      assert.equal(403, status("PUT", path, user, "{}"))
      assert.equal(403, status("DELETE", path, user))
    end
    assert.is_false(select(2, call("GET", path, { user = VIEWER }))._permissions["contract:delete"])
  end)

  it("private comments are the owner side's; who takes part may write", function()
    local path = with_guests()
    call("POST", path .. "/publish", { user = SVEN })
    call("POST", path .. "/comments", { user = SVEN, body = '{"body":"Among us","private":true}' })
    local _, comment = call("POST", path .. "/comments", { user = VIEWER, body = '{"body":"Hello"}' })
    assert.equal("Vera", comment.participants.sender.participant_name)
    assert.equal(1, select(2, call("GET", path .. "/comments", { user = VIEWER })).count)
    assert.equal(2, select(2, call("GET", path .. "/comments", { user = SVEN })).count)
    assert.equal(200, status("GET", path .. "/reminders", ANNA))
    assert.equal(403, status("GET", path .. "/reminders", VIEWER))
  end)

  it("on the free plan nothing is published", function()
    box:set_plan "free"
    local refused, answer = call("POST", "/contracts/4711/publish", { user = ANNA })
    assert.same({ 402, 4020000, "Payment Required" }, { refused, answer.error_code, answer.title })
    box:set_plan "business"
    assert.equal(200, status("POST", "/contracts/4711/publish", ANNA))
    box:set_plan("business", "Other Company AB")
    assert.equal(200, (call("POST", "/contracts/5711/publish",
      { user = "other@example.net", token = box.accounts[2].token })))
  end)
end)

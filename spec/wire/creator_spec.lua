-- oneflow.CREATOR: a call as the person who created the contract in its path, and nothing else.
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local process = require "spec.support.process"
local testing = require "oneflow.testing"
local wire = require "spec.support.wire"

local CREATOR, ANNA, SVEN = oneflow.CREATOR, "anna@example.com", "sven@example.com"

local function raises(piece, f, ...)
  local good, message = pcall(f, ...)
  assert.is_false(good)
  assert.is_truthy(string.find(message, piece, 1, true), message)
end

describe("the contract's creator on the wire:", function()
  after_each(process.clean)

  it("acts in every call whose path names a contract, by its own header, and in no other", function()
    local target = wire.healthy()
    local client = wire.client(target)
    local sent, refused = 0, 0
    for _, operation in ipairs(operations.all()) do
      if string.find(operation.path, "{contract}", 1, true) then
        operations.call(operation, client, { as = CREATOR })
        sent = sent + 1
      elseif operation.on ~= "client" then -- ping is below
        raises("oneflow.CREATOR acts as the creator of the contract in the path", operations.call, operation, client,
          { as = CREATOR })
        refused = refused + 1
      end
    end
    client:contract(1):file(2):download({}, { as = CREATOR })
    raises("this path names none", function() return client:ping { as = CREATOR } end)
    raises("this path names none", function() return client.contracts:each(nil, { as = CREATOR }) end)
    local journal = target:journal()
    assert.is_true(sent >= 30 and refused >= 30 and #journal >= sent + 1, sent .. " " .. refused .. " " .. #journal)
    for _, entry in ipairs(journal) do
      assert.matches("^%u+ /v1/contracts/%d+", entry.head)
      assert.matches("\r\nx%-oneflow%-user%-email: __CREATOR__\r\n", entry.head .. "\r\n")
    end
  end)

  it("of free requests in those to a contract by its id", function()
    local target = wire.healthy()
    local client = wire.client(target)
    for _, path in ipairs { "/contracts/4711", "/contracts/4711/", "/contracts/4711/files/1" } do
      client:request("GET", path, nil, { as = CREATOR })
    end
    assert.equal(3, #target:journal())
    for _, path in ipairs { "/contracts", "/contracts/create", "/contracts/0", "/contracts/4711x", "/users/4711",
                            "/templates/1/contracts/4711", "/contracts?x=/contracts/1" } do
      raises("this path names none", function() return client:request("GET", path, nil, { as = CREATOR }) end)
    end
    assert.equal(3, #target:journal())
  end)
end)

describe("the contract's creator:", function()
  local box, client
  before_each(function()
    box = testing.sandbox {}
    client = box:client()
  end)

  it("is no user: of no client, of no user's call, and not by its text", function()
    raises("oneflow.CREATOR is another person for each contract", function() return client:user(CREATOR) end)
    raises("options must not have `as`", function() return client:user(SVEN):contract(4711):get { as = CREATOR } end)
    for _, text in ipairs { "__CREATOR__", tostring(CREATOR) } do
      local value, err = client:contract(4711):get { as = text }
      assert.is_nil(value)
      assert.same({ "validation", "not_sent" }, { err.kind, err.outcome })
      local user, why = client:user(text)
      assert.is_nil(user)
      assert.equal("validation", why.kind)
    end
    assert.equal(0, #box:journal())
    assert.equal("oneflow.CREATOR", tostring(CREATOR))
    assert.is_false(getmetatable(CREATOR))
  end)

  it("what it brings is for it alone; publishing looks again as it", function()
    local contract = assert(client:contract(4713):get { as = CREATOR })
    local file = assert(contract.files:list(nil, { as = CREATOR }))
    assert.is_true(#file > 0)
    raises("this is the result of a call as the contract's creator", function() return contract:get { as = ANNA } end)
    raises("no acting user", function() return contract:get() end)
    assert(contract:get { as = CREATOR })
    for _, entry in ipairs(box:journal()) do
      assert.same({ "__CREATOR__", true }, { entry.user_email, entry.assumed })
    end
    box:clear_journal()
    local drafts = 0
    local mine = oneflow.client { token = ("t"):rep(40), transport = function(request)
      drafts = drafts + 1
      assert.equal("__CREATOR__", request.headers["x-oneflow-user-email"])
      return 200, {}, '{"id":1,"state":"' .. (request.method == "GET" and "pending" or "draft") .. '"}'
    end }
    assert.equal("pending", assert(mine:contract(1):publish({}, { as = CREATOR })).state)
    assert.equal(2, drafts)
  end)

  it("errors and hooks name it", function()
    local seen
    local other = box:client { hooks = { on_request = function(info) seen = info.acting_user end } }
    local _, err = other:contract(1):get { as = CREATOR }
    assert.equal("the contract's creator", err.acting_user)
    assert.equal("the contract's creator", seen)
    assert.is_truthy(string.find(tostring(err), "contract.get as the contract's creator", 1, true))
  end)

  it("in the sandbox it is who created the contract", function()
    local contract = assert(client:user(SVEN).contracts:create { workspace_id = 102, template_id = 202 })
    assert(client:contract(contract.id):update({ _private = { name = "By its creator" } }, { as = CREATOR }))
    local entry = box:journal()[2]
    assert.same({ "__CREATOR__", 200, true }, { entry.user_email, entry.status, entry.assumed })
    local log = assert(client:user("admin@example.com").logs:list())
    assert.equal(SVEN, log[#log].data.user.email)
    local _, err = client:contract(999):get { as = CREATOR }
    assert.same({ "authentication", "refused" }, { err.kind, err.outcome })
  end)
end)

-- Every operation over a real socket: what arrives is what spec/fixtures/wire.txt says by hand, once; and without an
-- acting user nothing arrives at all.
local api = require "oneflow.api"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local SVEN, TOKEN = wire.SVEN, wire.TOKEN

-- name -> { method, path, token, email }
local function written_by_hand()
  local lines = {}
  for line in io.lines "spec/fixtures/wire.txt" do
    local name, method, path, token, email = string.match(line, "^([%l_.]+)%s+(%u+)%s+(/%S*)%s+(%S+)%s+(%S+)$")
    if name then
      assert.is_nil(lines[name], name .. " stands twice")
      lines[name] = { method = method, path = path, token = token, email = email }
    else
      assert.is_truthy(line == "" or string.sub(line, 1, 1) == "#", line)
    end
  end
  return lines
end

local function answering()
  return server.start(function(s)
    s.serve(function(c)
      for _ in function() return c:request() end do
        c:reply(200, { "content-type: application/json" }, '{"id":1,"email":"x@example.com","data":[{"id":5}],'
          .. '"data_fields":[{"id":6}]}')
      end
    end)
  end)
end

describe("operations:", function()
  local target, client, sven
  before_each(function()
    target = answering()
    client = wire.client(target, { timeout = 30, attempt_timeout = 20 })
    sven = assert(client:user(SVEN))
  end)
  after_each(process.clean)

  it("80 of them, each written by hand too", function()
    local lines, count = written_by_hand(), 0
    for name in pairs(api.operations) do
      count = count + 1
      assert.is_truthy(lines[name], name .. " is not in wire.txt")
    end
    for name in pairs(lines) do assert.is_truthy(api.operations[name], name .. " is in wire.txt alone") end
    assert.equal(80, count)
  end)

  it("each arrives once, with the method, path, token and user that are written by hand", function()
    local lines, expected = written_by_hand(), {}
    for _, operation in ipairs(operations.all()) do
      local root = lines[operation.name].email == "sven" and sven or client
      local value, err = operations.call(operation, root)
      assert.is_truthy(value, tostring(err))
      expected[#expected + 1] = operation.name
    end
    local journal = target:journal()
    assert.equal(#expected, #journal)
    for i, name in ipairs(expected) do
      local line, arrived = lines[name], journal[i]
      assert.equal(line.method, arrived.method, name)
      assert.equal("/v1" .. line.path, (string.gsub(arrived.target, "%?.*$", "")), name)
      assert.equal(TOKEN, arrived.headers["x-oneflow-api-token"], name)
      assert.equal(line.email == "sven" and SVEN or nil, arrived.headers["x-oneflow-user-email"], name)
    end
  end)

  it("without an acting user each raises, and nothing arrives", function()
    local forms = {
      {}, { as = false }, { as = "" }, { as = oneflow.null }, { unchecked = true }, false,
    }
    local walked = 0
    for _, operation in ipairs(operations.all()) do
      for _, form in ipairs(forms) do
        if operation.as ~= "none" or (form and form.as ~= nil) then
          local good, message = pcall(operations.call, operation, client, form or nil)
          assert.is_false(good, operation.name)
          assert.is_truthy(string.find(message, "no acting user", 1, true), operation.name .. ": " .. message)
          walked = walked + 1
        end
      end
    end
    assert.is_true(walked > 76 * 6, tostring(walked))
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    assert(client:contract(4711):get { as = SVEN }) -- and the journal does count
    assert.equal(1, #target:journal())
  end)

  it("in a view no operation takes another user, and nothing arrives", function()
    for _, operation in ipairs(operations.all()) do
      for _, user in ipairs { "anna@example.com", oneflow.ANONYMOUS_ADMIN, false } do
        local good, message = pcall(operations.call, operation, sven, { as = user })
        assert.is_false(good, operation.name)
        assert.is_truthy(string.find(message, "acts as one user only", 1, true), message)
      end
    end
    local _, accepted = target:journal()
    assert.equal(0, accepted)
  end)

  it("the anonymous administrator is refused here exactly where a page demands a user", function()
    local admin = assert(client:user(oneflow.ANONYMOUS_ADMIN))
    for _, operation in ipairs(operations.all()) do
      local value, err = operations.call(operation, admin)
      if operation.as == "required" then
        assert.is_nil(value, operation.name)
        assert.equal("validation", err.kind)
        assert.equal("as", err.problems[1].path)
      else
        assert.is_truthy(value, tostring(err))
      end
    end
    for _, arrived in ipairs((target:journal())) do assert.is_nil(arrived.headers["x-oneflow-user-email"]) end
  end)

  it("what a view gives stays in the view: records, items of pages, what is below, what comes behind", function()
    local contract = assert(sven:contract(4711):get())
    local page = assert(contract.parties:list())
    assert(page[1]:get())
    assert(page[1]:participant(3):access_link())
    assert(page[1].participants:create { name = "A", delivery_channel = "none" })
    for party in contract.parties:each() do assert(party:update {}) end
    assert(contract:data_field "c::a":update { value = "x" })
    assert(assert(assert(sven.templates:list())[1]:file(1):get()):get())
    for _, arrived in ipairs((target:journal())) do
      assert.equal(SVEN, arrived.headers["x-oneflow-user-email"])
    end
    for _, object in pairs { page, page[1], contract.parties, contract:party(1), contract:party(1).participants } do
      assert.is_false(getmetatable(object))
    end
    local good = pcall(function() return page[1]:get { as = "anna@example.com" } end)
    assert.is_false(good)
    assert.equal(11, #target:journal())
  end)
end)

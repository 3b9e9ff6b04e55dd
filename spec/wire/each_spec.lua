-- Loops that change what they walk over, against the sandbox over HTTP.
local testing = require "oneflow.testing"

local ADMIN = "admin@example.com"
local DRAFTS = { filter = { states = { "draft" } } }

describe("each:", function()
  local box, admin
  before_each(function()
    box = testing.server {}
    admin = assert(box:client():user(ADMIN))
    for contract in admin.contracts:each(DRAFTS) do assert(contract:delete()) end
  end)
  after_each(function() box:stop() end)

  local function visits_all_once(act)
    local ids = box:add_contracts(250, { state = "draft" })
    local visits, count = {}, 0
    for contract in admin.contracts:each(DRAFTS) do
      visits[contract.id] = (visits[contract.id] or 0) + 1
      count = count + 1
      act(contract)
    end
    assert.equal(250, count)
    for _, id in ipairs(ids) do assert.equal(1, visits[id], "contract " .. id) end
    assert.equal(0, assert(admin.contracts:list(DRAFTS)).count)
  end

  it("250 drafts, each published by the loop: all visited once", function()
    visits_all_once(function(contract) assert(contract:publish { subject = "Please sign" }) end)
  end)

  it("250 drafts, each deleted by the loop: all visited once", function()
    visits_all_once(function(contract) assert(contract:delete()) end)
  end)

  it("an undisturbed walk asks for no page twice", function()
    box:add_contracts(250, { state = "draft" })
    box:clear_journal()
    local count = 0
    for _ in admin.contracts:each(DRAFTS) do count = count + 1 end
    assert.equal(250, count)
    assert.equal(3, #box:journal())
  end)

  it("pages and next walk in order, and max and page_size are kept to", function()
    local ids = box:add_contracts(25, { state = "draft" })
    local seen = {}
    for page in admin.contracts:pages(DRAFTS, { page_size = 10 }) do
      assert.equal(25, page.count)
      for _, contract in ipairs(page) do seen[#seen + 1] = contract.id end
    end
    assert.same(ids, seen)
    local page = assert(admin.contracts:list { filter = DRAFTS.filter, limit = 20 })
    assert.equal(20, #page)
    page = assert(page:next())
    assert.equal(5, #page)
    assert.is_false(page:next())
    seen = {}
    for contract in admin.contracts:each(DRAFTS, { page_size = 4, max = 10 }) do seen[#seen + 1] = contract.id end
    assert.equal(10, #seen)
  end)

  it("sorted by a column that the loop changes: all visited once", function()
    local ids = box:add_contracts(60, { state = "draft" })
    local visits = {}
    for contract in admin.contracts:each({ sort = "state" }, { page_size = 10 }) do
      visits[contract.id] = (visits[contract.id] or 0) + 1
      if contract.state == "draft" then assert(contract:publish {}) end
    end
    for _, id in ipairs(ids) do assert.equal(1, visits[id], "contract " .. id) end
  end)
end)

-- The endpoint table itself: complete, well-formed, and free of names that stand for two things.
local api = require "oneflow.api"
local host = require "spec.support.host"
local operations = require "spec.support.operations"
local tree = require "oneflow.object.tree"

local function set(list)
  local all = {}
  for _, item in ipairs(list) do all[item] = true end
  return all
end

local METHODS, AS = set { "GET", "POST", "PUT", "DELETE" }, set { "none", "optional", "required", "unknown" }
local CONFIDENCE, ON = set { "doc", "ms", "code", "?" }, set { "client", "collection", "item" }
local OPERATION_FIELDS = set {
  "name", "verb", "on", "method", "path", "as", "returns", "pages", "bare", "rows", "sort", "fixed", "filters",
  "slices",
  "query", "body", "rules", "totals", "upload", "download", "limits", "confidence", "named", "summary", "repeatable",
  "source", "confirmed", "ids", "statuses", "answers", "undone", "confirm", "pattern", "expects",
}
local RESOURCE_FIELDS = set {
  "item", "singleton", "collection", "record", "name", "parents", "custom_ids", "id_fields", "accessors", "source",
  "operations",
}

describe("the endpoint table:", function()
  it("has the 80 pairs of method and path, 43 of them confirmed, each once", function()
    local pairs_seen, count, confirmed = {}, 0, 0
    for name, operation in pairs(api.operations) do
      local pair = operation.method .. " " .. operation.path
      assert.is_nil(pairs_seen[pair], name .. " and " .. tostring(pairs_seen[pair]))
      pairs_seen[pair], count = name, count + 1
      if operation.confirmed then confirmed = confirmed + 1 end
    end
    assert.equal(80, count)
    assert.equal(43, confirmed)
  end)

  it("holds fields that it explains, with values that mean something", function()
    local types = set { "data", "nothing" }
    for _, resource in ipairs(api.resources) do
      if resource.name then types[resource.name] = true end
      for name in pairs(resource) do assert.is_true(RESOURCE_FIELDS[name], name) end
    end
    for name, operation in pairs(api.operations) do
      for field in pairs(operation) do assert.is_true(OPERATION_FIELDS[field], name .. "." .. field) end
      assert.is_true(METHODS[operation.method] and AS[operation.as] and CONFIDENCE[operation.confidence]
        and ON[operation.on] and types[operation.returns], name)
      assert.is_truthy(string.find(operation.summary, "%.$"), name)
      assert.equal(operation.confirmed or operation.named or false, operation.source ~= nil, name .. ": source")
      assert.is_false((operation.pages and operation.bare) or false, name)
      for _, filter in pairs(operation.filters or {}) do
        assert.is_true(filter.confidence == nil or CONFIDENCE[filter.confidence], name)
      end
      for column, fixed in pairs(operation.fixed or {}) do
        assert.is_true(fixed and set(operation.sort)[column], name .. ": " .. column)
      end
      for _, by in ipairs(operation.slices or {}) do
        assert.equal("time_range", operation.filters[by.filter].type, name)
        assert.is_true(#by.at > 0, name)
      end
    end
  end)

  it("repeats GET always, POST never, PUT and DELETE when confirmed, but no product group", function()
    for name, operation in pairs(api.operations) do
      local expected = operation.method == "GET" or operation.method ~= "POST" and operation.confirmed
      if name == "product_groups.update" or name == "product_group.update" then expected = false end
      assert.equal(expected, operation.repeatable, name)
    end
  end)

  it("says of 31 operations that the same thing is answered, of 13 a new one, as it is written by hand", function()
    local count, written = { same = 0, new = 0, any = 0 }, {}
    for line in io.lines(host.root .. "/spec/fixtures/answers.txt") do
      if line ~= "" and string.sub(line, 1, 1) ~= "#" then
        local name, answers = string.match(line, "^([%l_.]+) +(%l+)$")
        assert.is_truthy(count[answers], line)
        assert.is_nil(written[name], line)
        count[answers], written[name] = count[answers] + 1, answers
      end
    end
    assert.same({ same = 31, new = 13, any = 36 }, count)
    for name, operation in pairs(api.operations) do assert.equal(written[name], operation.answers, name) end
    for name in pairs(written) do assert.is_truthy(api.operations[name], name) end
    for name, operation in pairs(api.operations) do
      -- What a thing is told by stands in the path, but for the account.
      local own = operation.answers == "same" and name ~= "account.get" or name == "contract.copy"
        or operation.verb == "delete"
      assert.equal(own, (operation.expects and operation.expects.own) ~= nil, name)
      local publish = name == "contract.publish"
      assert.same(publish and { state = "draft" } or nil, operation.undone, name)
      assert.same(publish and "contract.get" or nil, operation.confirm, name)
    end
  end)

  it("every operation is a method of an object", function()
    local client = require("oneflow").client { token = "token" }
    for _, operation in ipairs(operations.all()) do
      assert.equal("function", type(operations.owner(operation, client)[operation.verb]), operation.name)
    end
  end)

  it("no accessor, method, item or collection of one place shares a name with another", function()
    local seen, places = {}, 0
    local function look(place, where)
      places = places + 1
      local taken = {}
      for _, members in ipairs { "methods", "fields", "collections", "items" } do
        for name in pairs(place[members] or {}) do
          assert.is_nil(taken[name], where .. "." .. name)
          taken[name] = members
        end
      end
      seen[where] = taken
      for name, kind in pairs(place.records) do look(kind, where .. "." .. name) end
    end
    look(tree.root, "client")
    assert.is_true(places > 25, tostring(places))
    assert.equal("methods", seen["client.contract"].find_participants)
    assert.equal("fields", seen["client.contract"].name)
  end)
end)

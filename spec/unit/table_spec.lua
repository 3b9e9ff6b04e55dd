-- The endpoint table itself: complete, well-formed, and without names that have two meanings.
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
  "query", "body", "read_only", "rules", "totals", "upload", "download", "limits", "confidence", "named", "summary",
  "repeatable", "of_contract",
  "source", "confirmed", "ids", "statuses", "answers", "undone", "confirm", "pattern", "expects",
}
local RESOURCE_FIELDS = set {
  "item", "singleton", "collection", "record", "name", "parents", "custom_ids", "id_fields", "accessors", "source",
  "operations",
}

describe("the endpoint table:", function()
  it("has the 80 pairs of method and path, 44 of them confirmed, each once", function()
    local pairs_seen, count, confirmed = {}, 0, 0
    for name, operation in pairs(api.operations) do
      local pair = operation.method .. " " .. operation.path
      assert.is_nil(pairs_seen[pair], name .. " and " .. tostring(pairs_seen[pair]))
      pairs_seen[pair], count = name, count + 1
      if operation.confirmed then confirmed = confirmed + 1 end
    end
    assert.equal(80, count)
    assert.equal(44, confirmed)
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
      -- The id of an item is in the path, except for the account.
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

-- Each field of a table of fields, those of objects and of the items of lists too: visit(field, path).
local function each_field(fields, path, visit)
  for name, field in pairs(fields or {}) do
    local here = path .. "." .. name
    repeat
      visit(field, here)
      if field.fields then each_field(field.fields, here, visit) end
      field, here = field.of, here .. "[]"
    until type(field) ~= "table"
  end
end

describe("value types:", function()
  local values = require "oneflow.values"
  local refuse_unknown = require "oneflow.api.field_types"

  local PARTS = {
    check = "function", filter = "function", takes = "function", called = "string", read = "function",
    parameter = "function", lua = "string", words = "string", walked = "boolean",
    text = "boolean",
  }

  it("those that the endpoint table names have the parts that are needed of them", function()
    local body, filters, count = set { "check", "takes", "called", "lua", "words" }, set { "filter", "lua", "words" }, 0
    local function needs(parts, where)
      return function(field, path)
        local kind = values[field.type]
        assert.is_table(kind, where .. path .. ": " .. tostring(field.type))
        for part in pairs(parts) do
          local walked = kind.walked and (part == "check" or part == "lua" or part == "words")
          assert.equal(walked and "nil" or PARTS[part], type(kind[part]), where .. path .. ": " .. part)
        end
        if type(field.of) == "string" then assert.is_string(values[field.of].lua, where .. path) end
        count = count + 1
      end
    end
    for name, operation in pairs(api.operations) do
      each_field(operation.body, "", needs(body, name))
      each_field(operation.query, "", needs(body, name))
      each_field(operation.filters, "", needs(filters, name))
    end
    assert.is_true(count > 450, tostring(count))
    for name, kind in pairs(values) do
      for part, value in pairs(kind) do assert.equal(PARTS[part], type(value), name .. "." .. part) end
    end
  end)

  local function refused(message, fields, role)
    local good, text = pcall(refuse_unknown, fields, role or "body", "thing.make")
    assert.is_false(good)
    assert.equal(message, text)
  end

  it("a field of an unknown type is refused, however deep it is, as is one whose type lacks a part", function()
    refused("thing.make.size: there is no value type decimla", { size = { type = "decimla" } })
    refused("thing.make.size: there is no value type nil", { size = {} })
    refused("thing.make.a.b[].c: there is no value type emial", { a = { type = "object", fields = {
      b = { type = "list", of = { type = "object", fields = { c = { type = "emial" } } } } } } })
    refused("thing.make.ids[]: there is no value type di", { ids = { type = "list", of = "di" } }, "filter")
    refused("thing.make.only: the value type flag has no check", { only = { type = "flag" } })
    refused("thing.make.at: the value type date has no filter", { at = { type = "date" } }, "filter")
    refused("thing.make.span: the value type time_range has no takes", { span = { type = "time_range" } }, "sandbox")
    refused("thing.make.rows: nothing says what is in this list", { rows = { type = "list" } })
    refuse_unknown({ rows = { type = "list", of = { type = "id" } } }, "body", "thing.make")
  end)

  -- The endpoint table loaded once more, with a field more in the first operation of a resource that has such fields.
  local function load_with(resource, fields, field)
    local kept = {}
    for module, value in pairs(package.loaded) do
      if string.find(module, "^oneflow%.api") then kept[module] = value end
    end
    for module in pairs(kept) do package.loaded[module] = nil end
    for _, operation in ipairs(require("oneflow.api." .. resource).operations) do
      if operation[fields] then
        operation[fields].added = field
        break
      end
    end
    local good, message = pcall(require, "oneflow.api")
    for module in pairs(package.loaded) do
      if string.find(module, "^oneflow%.api") then package.loaded[module] = kept[module] end
    end
    return good, message
  end

  it("the endpoint table does not load with an unknown type in a body, a query or a filter", function()
    for fields, resource in pairs { body = "contract", query = "template", filters = "contract" } do
      local good, message = load_with(resource, fields, { type = "colour" })
      assert.is_false(good, fields)
      assert.is_truthy(string.find(message, "^" .. resource .. "%.%l+%.added: there is no value type colour$"), message)
      assert.is_true(load_with(resource, fields, { type = "string" }), fields)
    end
  end)

  it("one entry is all that a further type takes", function()
    values.colour = {
      check = function(_, value) return value, value ~= "red" and value ~= "blue" and "is no colour" or nil end,
      takes = function(value) return value == "red" or value == "blue" end,
      called = "a colour, red", lua = "string", words = "colour, `red`",
    }
    finally(function() values.colour = nil end)
    local fields, problems = { paint = { type = "colour" } }, {}
    refuse_unknown(fields, "body", "wall.update")
    assert.same({ paint = "red" }, require("oneflow.values.check").body({ body = fields }, { paint = "red" }, problems))
    assert.same({}, problems)
    require("oneflow.values.check").body({ body = fields }, { paint = "loud" }, problems)
    assert.same({ { path = "body.paint", messages = { "is no colour" } } }, problems)
    local sandbox = require "oneflow.sandbox.check"
    assert.same({}, sandbox.object({ paint = "blue" }, fields))
    assert.same({ paint = { "Must be a colour, red." } }, sandbox.object({ paint = "loud" }, fields))
    assert.equal("colour, `red`", require("docs.words").field(fields.paint))
  end)
end)

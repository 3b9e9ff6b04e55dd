-- Every argument of every operation, from the endpoint table: a wrong Lua type and an unknown name raise, a wrong value
-- is `validation` with its path, and nothing is sent; `unchecked` sends it all the same. Files: spec/wire/files_spec.
local cjson = require "cjson"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"

local SVEN = "sven@example.com"

describe("bad input:", function()
  local sent, sven
  setup(function()
    local client = oneflow.client { token = "token", transport = function()
      sent = sent + 1
      return 200, {}, '{"id":1,"data":[],"data_fields":[]}'
    end }
    sven = assert(client:user(SVEN))
  end)
  before_each(function() sent = 0 end)
  after_each(function() assert.equal(0, sent, "nothing is sent") end)

  local function raises(what, ...)
    local good, message = pcall(operations.call, ...)
    assert.is_false(good, what .. ": must raise")
    assert.equal("string", type(message), what)
    assert.is_truthy(string.find(message, "oneflow: ", 1, true), what .. ": " .. message)
    return message
  end

  local function refused(what, path, ...)
    local good, value, err = pcall(operations.call, ...)
    assert.is_true(good, what .. ": must not raise: " .. tostring(value))
    assert.is_nil(value, what .. ": must be refused")
    assert.equal("validation", err.kind, what)
    assert.equal("not_sent", err.outcome, what)
    for _, problem in ipairs(err.problems) do
      if problem.path == path then return end
    end
    error(what .. ": no problem at " .. path .. ": " .. tostring(err))
  end

  it("a body field of a wrong Lua type raises, of a wrong value is reported with its path", function()
    local count = 0
    for _, operation in ipairs(operations.all()) do
      if operation.body and not operation.upload then -- what sends a file has its own: spec/wire/files_spec.lua
        operations.each_field(operation, {
          field = function(path, field, set)
            local what = operation.name .. " " .. path
            for _, value in ipairs(operations.wrong_types(field)) do
              raises(what .. " = " .. type(value), operation, sven, nil, set(value))
            end
            for _, value in ipairs(operations.wrong_values(field)) do
              refused(what .. " = " .. tostring(value), path, operation, sven, nil, set(value))
            end
            if not field.nullable and field.type ~= "any" then
              refused(what .. " = null", path, operation, sven, nil, set(oneflow.null))
            end
            if field.required then refused(what .. " missing", path, operation, sven, nil, set(nil)) end
            count = count + 1
          end,
          object = function(path, put)
            local what = operation.name .. " " .. path
            local message = raises(what, operation, sven, nil, put(function(object) object.unheard_of = 1 end))
            assert.is_truthy(string.find(message, path .. " has no field", 1, true), message)
          end,
        })
        for _, body in ipairs { "text", 5, true } do raises(operation.name, operation, sven, nil, body) end
      end
    end
    assert.is_true(count > 300, "fields seen: " .. count)
  end)

  it("unknown options and options of a wrong type raise", function()
    for _, operation in ipairs(operations.all()) do
      for name, value in pairs { tiemout = 1, timeout = "5", decode = 1, unchecked = "x", retry = true, blocking = 1,
                                 attempt_timeout = 0 } do
        raises(operation.name .. " " .. name, operation, sven, { [name] = value })
      end
      raises(operation.name, operation, sven, "text")
    end
  end)

  it("an id of a wrong type raises, a bad one is reported with the name of its item", function()
    for _, operation in ipairs(operations.all()) do
      for _, name in ipairs(operation.ids) do
        for _, id in ipairs { {}, print, true } do
          raises(operation.name .. " " .. name, operation, sven, nil, nil, { [name] = id })
        end
        for _, id in ipairs { "../users", "", ".", "1/2", "%2e", 0, -1, 1.5, "c::", "c::.", "c::..", "c::a/b",
                              "c::%" } do
          refused(operation.name .. " " .. name .. " " .. id, name .. " id", operation, sven, nil, nil,
            { [name] = id })
        end
      end
    end
  end)

  -- Each path once, and nothing else but what fields say about each other.
  local function told(what, expected, value, err)
    assert.is_nil(value, what)
    assert.same({ "validation", "not_sent" }, { err.kind, err.outcome }, what)
    local seen = {}
    for _, problem in ipairs(err.problems) do
      assert.is_nil(seen[problem.path], what .. ": twice: " .. problem.path)
      assert.is_true(#problem.messages > 0)
      seen[problem.path] = true
    end
    for _, path in ipairs(expected) do assert.is_true(seen[path], what .. ": not told: " .. path) end
  end

  it("everything that is wrong is reported at once: every field of the body, every id of the path", function()
    local count = 0
    for _, operation in ipairs(operations.all()) do
      local ids, body, paths = {}, nil, {}
      if operation.body and not operation.upload then body, paths = operations.all_wrong(operation) end
      for _, name in ipairs(operation.ids) do
        ids[name], paths[#paths + 1] = 0, name .. " id"
      end
      if #paths > 0 then told(operation.name, paths, operations.call(operation, sven, nil, body, ids)) end
      count = count + #paths
    end
    assert.is_true(count > 350, tostring(count))
  end)

  it("all bad ids of one path are reported at once, with the problems of the body", function()
    local _, err = sven:contract(0):party("x"):participant(-1):update { name = "", email = "nobody" }
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    assert.same({ "body.email", "body.name", "contract id", "participant id", "party id" }, paths)
  end)

  local FILTERS = {
    list = { wrong = { true, print, { {} } }, bad = { {}, { "nonsense" }, { "a,b" } } },
    string = { wrong = { 5, {}, print }, bad = { "\255" } },
    time_range = { wrong = { "x", 5, { from = true }, { form = "2026" } },
      bad = { { from = "yesterday" }, { to = 0.5 } } },
    custom_id_value = { wrong = { "x", {}, { a = 1 }, { a = "1", b = "2" } }, bad = { { a = "" } } },
    flag = { wrong = { 5, {} }, bad = { "maybe" } },
  }

  it("lists: everything that is wrong is reported at once", function()
    for _, operation in ipairs(operations.all()) do
      if operation.pages then
        local query, paths = { limit = 0, offset = -1, sort = "unheard_of", filter = {} }, { "limit", "offset", "sort" }
        for name, field in pairs(operation.query or {}) do
          query[name] = operations.wrong_values(field)[1]
          if query[name] ~= nil or field.required then paths[#paths + 1] = name end
        end
        for name, filter in pairs(operation.filters or {}) do
          query.filter[name] = FILTERS[filter.type].bad[1]
          paths[#paths + 1] = "filter." .. name .. (filter.type == "time_range" and ".from" or "")
        end
        local ids = {}
        for _, name in ipairs(operation.ids) do
          ids[name], paths[#paths + 1] = "..", name .. " id"
        end
        told(operation.name, paths, operations.call(operation, sven, nil, query, ids))
      end
    end
  end)

  it("lists: unknown names and wrong types raise; unknown columns, wrong values and ranges are reported", function()
    for _, operation in ipairs(operations.all()) do
      if operation.pages or operation.bare then
        local function query(name, value)
          local all = operations.query(operation)
          all[name] = value
          return all
        end
        raises(operation.name, operation, sven, nil, query("unheard_of", 1))
        raises(operation.name, operation, sven, nil, "text")
        if operation.pages then
          for name, bad in pairs { limit = { 0, 101, 1.5, 0 / 0 }, offset = { -1, 19901, 0.5 } } do
            raises(operation.name, operation, sven, nil, query(name, "5"))
            for _, value in ipairs(bad) do
              refused(operation.name, name, operation, sven, nil, query(name, value))
            end
          end
          refused(operation.name, "sort", operation, sven, nil, query("sort", "unheard_of"))
          raises(operation.name, operation, sven, nil, query("sort", 5))
          raises(operation.name, operation, sven, nil, query("filter", "text"))
          raises(operation.name, operation, sven, nil, query("filter", { unheard_of = "x" }))
        else
          for _, name in ipairs { "limit", "offset", "sort", "filter" } do
            raises(operation.name, operation, sven, nil, query(name, 1))
          end
        end
        for name, field in pairs(operation.query or {}) do
          for _, value in ipairs(operations.wrong_types(field)) do
            raises(operation.name .. " " .. name, operation, sven, nil, query(name, value))
          end
          for _, value in ipairs(operations.wrong_values(field)) do
            refused(operation.name .. " " .. name, name, operation, sven, nil, query(name, value))
          end
          if field.required then refused(operation.name, name, operation, sven, nil, query(name, nil)) end
        end
        for name, filter in pairs(operation.filters or {}) do
          for _, value in ipairs(FILTERS[filter.type].wrong) do
            raises(operation.name .. " " .. name, operation, sven, nil, query("filter", { [name] = value }))
          end
          for _, value in ipairs(FILTERS[filter.type].bad) do
            local open = filter.type == "list" and value[1] == "nonsense" and (filter.open or filter.of == "string")
            if not open then
              local good, got, err = pcall(operations.call, operation, sven, nil, query("filter", { [name] = value }))
              assert.is_true(good, tostring(got))
              assert.is_nil(got)
              assert.equal("validation", err.kind)
            end
          end
          if filter.max then
            local long = filter.type == "custom_id_value" and { a = string.rep("x", filter.max) }
              or { from = "2026-01-01" .. string.rep("0", filter.max) }
            refused(operation.name, "filter." .. name, operation, sven, nil, query("filter", { [name] = long }))
          end
        end
      end
    end
  end)
end)

describe("unchecked:", function()
  local FREE = { unchecked = true }
  local asked, sven
  before_each(function()
    asked = {}
    local client = oneflow.client { token = "token", transport = function(request)
      asked[#asked + 1] = request
      return 200, {}, string.format('{"id":%d,"data":[],"data_fields":[]}', operations.id_of(request.path))
    end }
    sven = assert(client:user(SVEN))
  end)

  it("sends every body all the same: wrong values, wrong types, unknown names, at every depth", function()
    local count = 0
    for _, operation in ipairs(operations.all()) do
      if operation.body and not operation.upload then
        local bodies = { (operations.all_wrong(operation, true)), {}, { unheard_of = { 1, { also = true } } } }
        operations.each_field(operation, {
          field = function(_, field, set)
            for _, value in ipairs(operations.wrong_types(field)) do
              if type(value) ~= "function" and value ~= true then bodies[#bodies + 1] = set(value) end
            end
            bodies[#bodies + 1] = set "nonsense"
          end,
          object = function(_, put)
            bodies[#bodies + 1] = put(function(object) object.unheard_of = "x" end)
          end,
        })
        for _, body in ipairs(bodies) do
          local value, err = operations.call(operation, sven, FREE, body)
          assert.is_truthy(value, operation.name .. ": " .. tostring(err))
          assert.same(body, cjson.decode(asked[#asked].body), operation.name)
        end
        count = count + #bodies
      end
    end
    assert.equal(count, #asked)
    assert.is_true(count > 500, tostring(count))
  end)

  it("sends every list's query all the same", function()
    for _, operation in ipairs(operations.all()) do
      if operation.pages then
        local query = { plain = 5, sort = "unheard_of", limit = 500, offset = 20000, filter = { unheard_of = "a+b" } }
        for name in pairs(operation.query or {}) do query[name] = "nonsense" end
        for name in pairs(operation.filters or {}) do query.filter[name] = "nonsense" end
        assert(operations.call(operation, sven, FREE, query))
        local sent = {}
        for name, value in string.gmatch(asked[#asked].query, "([^&=]+)=([^&]*)") do sent[name] = value end
        assert.same({ "5", "unheard_of", "500", "20000", "a%2Bb" },
          { sent.plain, sent.sort, sent.limit, sent.offset, sent["filter%5Bunheard_of%5D"] })
        for name in pairs(operation.query or {}) do assert.equal("nonsense", sent[name], operation.name) end
        for name in pairs(operation.filters or {}) do
          assert.equal("nonsense", sent["filter%5B" .. name .. "%5D"], operation.name)
        end
      end
    end
  end)

  it("still sends nothing that would be another path, another user's, or no JSON", function()
    for _, operation in ipairs(operations.all()) do
      for _, name in ipairs(operation.ids) do
        for _, id in ipairs { "../users", "", "1/2", 0, -1, 1.5, "c::." } do
          local value, err = operations.call(operation, sven, FREE, nil, { [name] = id })
          assert.is_nil(value, operation.name)
          assert.equal("validation", err.kind)
        end
      end
      if operation.body and not operation.upload then
        for _, value in ipairs { 0 / 0, "\255", 1 / 0 } do
          local none, err = operations.call(operation, sven, FREE, { unheard_of = { value } })
          assert.is_nil(none, operation.name)
          assert.same({ "validation", "not_sent" }, { err.kind, err.outcome })
          assert.equal("body.unheard_of[1]", err.problems[1].path)
        end
        assert.is_false(pcall(operations.call, operation, sven, FREE, { unheard_of = print }), operation.name)
        assert.is_false(pcall(operations.call, operation, sven, FREE, "text"), operation.name)
      end
    end
    assert.same({}, asked)
  end)
end)

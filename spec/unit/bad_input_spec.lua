-- Every argument of every operation, from the endpoint table: a wrong Lua type and an unknown name raise, a wrong value
-- is `validation` with its path, and nothing is sent.
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

  it("a body field of a wrong Lua type raises, of a wrong value is told with its path", function()
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

  it("an id of a wrong type raises, a bad one is told by the name of its item", function()
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

  it("all bad ids of one path are told at once, beside what is wrong with the body", function()
    local _, err = sven:contract(0):party("x"):participant(-1):update { name = "", email = "nobody" }
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    assert.same({ "body.email", "body.name", "contract id", "participant id", "party id" }, paths)
  end)

  it("lists: unknown names and wrong types raise; unknown columns, wrong values and ranges are told", function()
    local FILTERS = {
      list = { wrong = { true, print, { {} } }, bad = { {}, { "nonsense" }, { "a,b" } } },
      string = { wrong = { 5, {}, print }, bad = { "\255" } },
      time_range = { wrong = { "x", 5, { from = true }, { form = "2026" } },
        bad = { { from = "yesterday" }, { to = 0.5 } } },
      custom_id_value = { wrong = { "x", {}, { a = 1 }, { a = "1", b = "2" } }, bad = { { a = "" } } },
      flag = { wrong = { 5, {} }, bad = { "maybe" } },
    }
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
          if not (filter.type == "list" and not filter.enum) then
            for _, value in ipairs(FILTERS[filter.type].bad) do
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
  it("sends unknown names, wrong values and unknown enumerations all the same", function()
    local bodies, queries = {}, {}
    local client = oneflow.client { token = "token", transport = function(request)
      bodies[#bodies + 1], queries[#queries + 1] = request.body or false, request.query or false
      return 200, {}, '{"id":1,"data":[]}'
    end }
    local sven = assert(client:user(SVEN))
    local free = { unchecked = true }
    assert(sven:contract(1).parties:create({ type = "cooperative", unheard_of = 1 }, free))
    assert(sven:contract(1):party(2):participant(3):update({ sign_method = "mitid", email = "x" }, free))
    assert(sven.contracts:list({ filter = { unheard_of = "x" }, sort = "x", plain = 5 }, free))
    assert(sven.contacts:list(nil, free))
    local cjson = require "cjson"
    assert.same({ type = "cooperative", unheard_of = 1 }, cjson.decode(bodies[1]))
    assert.same({ sign_method = "mitid", email = "x" }, cjson.decode(bodies[2]))
    assert.equal("filter%5Bunheard_of%5D=x&sort=x&plain=5", queries[3])
  end)
end)

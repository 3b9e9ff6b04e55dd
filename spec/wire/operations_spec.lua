-- Every operation over a real socket: what nginx wrote of the calls is what spec/fixtures/wire.txt says by hand, and
-- the endpoint table cannot be changed alone. Without an acting user nothing arrives at all.
local api = require "oneflow.api"
local core = require "oneflow.core"
local host = require "spec.support.host"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"
local wire_lines = require "spec.support.wire_lines"
local wire_run = require "spec.support.wire_run"

local SVEN = wire.SVEN

describe("the wire:", function()
  after_each(process.clean)

  it("80 operations, each written by hand and called, arrive as they are written, and nothing else does", function()
    local count = 0
    for _ in pairs(wire_lines.read()) do count = count + 1 end
    assert.equal(80, count)
    local problems, arrived = wire_run.run()
    assert.same({}, problems)
    assert.is_true(arrived > 2 * count, tostring(arrived))
  end)

  -- The same run by a process whose endpoint table differs in one place: library, nginx and sandbox alike.
  local function run_with(file, from, to)
    local folder = host.folder()
    local changed = folder .. "/lua/oneflow/api/" .. file
    host.shell(string.format("cp -rs '%s/lua' '%s/lua' && rm '%s'", host.root, folder, changed))
    local text = host.read(host.root .. "/lua/oneflow/api/" .. file)
    local at, last = string.find(text, from, 1, true)
    assert.is_truthy(at, from .. " is not in " .. file)
    host.write(changed, string.sub(text, 1, at - 1) .. to .. string.sub(text, last + 1))
    local result = process.start(function()
      local problems, arrived = require("spec.support.wire_run").run()
      return { problems = problems, arrived = arrived }
    end, nil, {
      env = { LUA_PATH = folder .. "/lua/?.lua;" .. folder .. "/lua/?/init.lua;" .. package.path },
    }):result()
    host.remove(folder)
    return result.problems, result.arrived
  end

  it("a path, a method or an acting user that is changed in the table alone is seen", function()
    for _, change in ipairs {
      { "contract.lua", '"/contracts/create"', '"/contracts"', "contract.create: did not arrive" },
      { "tag.lua", 'method = "PUT"', 'method = "POST"', "tag.update: did not arrive" },
      { "template.lua", 'as = "required"', 'as = "optional"', "template.list: is not refused" },
      { "folder.lua", 'as = "unknown"', 'as = "required"', "folder.list: " },
    } do
      local problems = run_with(change[1], change[2], change[3])
      assert.is_true(#problems > 0, change[4])
      local seen = false
      for _, problem in ipairs(problems) do
        seen = seen or string.find(problem, change[4], 1, true) ~= nil
        assert.is_truthy(string.find(problem, change[4], 1, true)
          or string.find(problem, "arrived, and has no line", 1, true), problem)
      end
      assert.is_true(seen, change[4])
    end
  end)

  -- If library or sandbox had a path from anywhere else, a call would fail.
  it("all paths changed in the table: every call still succeeds, and each is seen", function()
    local problems, arrived = run_with("init.lua", "operations[operation.name] = operation",
      "operations[operation.name] = operation "
        .. "operation.path = string.gsub(operation.path, '/$', '') .. '/changed'")
    local seen, others = {}, {}
    assert.is_true(arrived > 160, tostring(arrived))
    for _, problem in ipairs(problems) do
      local name = string.match(problem, "^(%S+): did not arrive: ")
      if name then
        seen[name] = true
      elseif not string.find(problem, "^arrived, and has no line: %u+ /v1%S*/changed 200 ") then
        others[#others + 1] = problem
      end
    end
    assert.same({}, others)
    for name in pairs(api.operations) do assert.is_true(seen[name], name) end
  end)
end)

describe("operations:", function()
  local target, client, sven
  before_each(function()
    target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          c:reply(200, { "content-type: application/json" }, '{"id":' .. s.id_of(request) .. ',"email":"x@example.com",'
            .. '"data":[{"id":5}],"data_fields":[{"id":6}]}')
        end
      end)
    end)
    client = wire.client(target, { timeout = 30, attempt_timeout = 20 })
    sven = assert(client:user(SVEN))
  end)
  after_each(process.clean)

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

  it("in a user no operation takes another user, and nothing arrives", function()
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

  it("unchecked, the anonymous administrator is sent also where a page demands a user", function()
    local admin, count = assert(client:user(oneflow.ANONYMOUS_ADMIN)), 0
    for _, operation in ipairs(operations.all()) do
      if operation.as == "required" then
        assert(operations.call(operation, admin, { unchecked = true }))
        count = count + 1
      end
    end
    local journal = target:journal()
    assert.equal(count, #journal)
    for _, arrived in ipairs(journal) do assert.is_nil(arrived.headers["x-oneflow-user-email"]) end
  end)

  it("what a user gives stays in the user: records, items of pages, what is below, following pages", function()
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

-- The service may have states, types, fields and codes that nobody knew of when this was written.
describe("what the service invents", function()
  after_each(process.clean)

  local RECORD = '{"id":9007199254740991,"state":"frozen","type":"contract:teleport","sign_state":"wondering",'
    .. '"delivery_channel":"pigeon","sign_method":"mitid","lifecycle_state":{"lifecycle_state":"asleep"},'
    .. '"_private":{"name":"n","hue":"blue"},"extension":"qbk","future":{"list":[1,null,{"deep":[]}],"on":true}}'

  it("passes through every operation as it came, in records, in lists, and in plain answers", function()
    local target = server.start(function(s, args)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(200, { "content-type: application/json", "x-invented: yes" }, args.answer)
        end
      end)
    end, {
      answer = string.sub(RECORD, 1, -2) .. ',"count":1,"mood":"good","_links":{"self":{"href":"x"},"other":1},'
        .. '"data":[' .. RECORD .. '],"data_fields":[' .. RECORD .. "]}",
    })
    local client = wire.client(target, { timeout = 30, attempt_timeout = 20 })
    local sven = assert(client:user(SVEN))
    local expected = assert(core.decode(RECORD))
    local function came_through(data, name)
      for field, value in pairs(expected) do assert.same(value, data[field], name .. ": " .. field) end
    end
    local seen, ids = {}, {}
    for name in pairs(operations.IDS) do ids[name] = expected.id end
    for _, operation in ipairs(operations.all()) do
      local value, err = operations.call(operation, sven, nil, nil, operation.answers ~= "new" and ids or nil)
      assert.is_truthy(value, operation.name .. ": " .. tostring(err))
      local form = operation.returns
      if operation.pages or operation.bare then
        form = "list"
        came_through(value[1].data, operation.name)
      elseif form == "data" then
        came_through(value, operation.name)
      elseif form == "nothing" then
        assert.is_true(value)
      else
        form = "record"
        came_through(value.data, operation.name)
      end
      seen[form] = (seen[form] or 0) + 1
    end
    for _, form in ipairs { "list", "record", "data", "nothing" } do assert.is_true(seen[form] > 3, form) end
    local contract = assert(sven:contract(expected.id):get())
    assert.same({ "frozen", "n", "blue" }, { contract.state, contract.name, contract:at("_private", "hue") })
  end)

  it("and in an error: a code, a status and fields that are not known", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(418, { "content-type: application/json" },
            '{"status":418,"error_code":4189999,"title":"Teapot","detail":"short and stout","handle":"here",'
            .. '"parameter_problems":{"spout":["is short"],"lid":{"odd":1}},"request_id":"r-1"}')
        end
      end)
    end)
    local client = wire.client(target, { timeout = 30, attempt_timeout = 20 })
    for _, operation in ipairs(operations.all()) do
      local value, err = operations.call(operation, assert(client:user(SVEN)))
      assert.is_nil(value, operation.name)
      assert.same({ "http", "refused", 418, 4189999, "Teapot", operation.name, 1 },
        { err.kind, err.outcome, err.status, err.code, err.title, err.operation, err.attempts })
    end
  end)
end)

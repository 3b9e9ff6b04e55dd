-- A 2xx status does not prove that a request was done: the answer must belong to the request, and must not contradict
-- it.
local cjson = require "cjson"
local core = require "oneflow.core"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local SVEN = wire.SVEN
local LONG = { timeout = 30, attempt_timeout = 20 }

-- Answers one request after the other with the bodies of the list, and later requests with good answers.
local function answering(bodies)
  return server.start(function(s, args)
    s.serve(function(c)
      for request in function() return c:request() end do
        local body = args[request.number]
        if body then c:reply(200, { "content-type: application/json" }, body) else c:good(request) end
      end
    end)
  end, bodies)
end

local function as_sven(target, options)
  local client = wire.client(target, options or LONG)
  return assert(client:user(SVEN)), client
end

local function fails(value, err, piece, method)
  assert.is_nil(value, piece)
  assert.same({ "mismatch", "unknown", 200 }, { err.kind, err.outcome, err.status }, tostring(err))
  local text = wire.check_error(err)
  assert.matches(piece, text, 1, true)
  if method then assert.equal(method == "GET", err.retryable, text) end
  return text
end

-- What is no id, whatever is asked for.
local NO_IDS = {
  "{}", '{"id":null}', '{"error":"upstream timed out"}', '{"message":"queued"}', '{"data":{"id":4711}}',
  '{"status":503,"title":"Service Unavailable"}', '{"id":0}', '{"id":-4711}', '{"id":4711.5}', '{"id":1e300}',
  '{"id":"c::a"}', '{"id":""}', '{"id":"04711"}', '{"id":" 4711"}', '{"id":"12345678901234567890"}', '{"id":true}',
  '{"id":[4711]}', '{"id":{"id":4711}}', '{"webhook_id":"none"}',
}

-- { operation, body of the answer, requested id }, for operations that answer "same" or "new".
local function wrong_answers()
  local list, counts = {}, { same = 0, new = 0, other = 0 }
  for _, operation in ipairs(operations.all()) do
    local function add(body) list[#list + 1] = { operation, body } end
    if operation.answers ~= "any" then
      counts[operation.answers] = counts[operation.answers] + 1
      for _, body in ipairs(NO_IDS) do add(body) end
      local asked = operations.IDS[operation.ids[#operation.ids]]
      if operation.answers == "same" and asked then
        counts.other = counts.other + 1
        for _, form in ipairs { '{"id":%d}', '{"id":"%d"}', '{"id":%d,"state":"pending","webhook_id":1}' } do
          add(string.format(form, asked + 1))
        end
      elseif operation.name == "contract.copy" then
        add(string.format('{"id":%d}', asked))
        add(string.format('{"id":"%d"}', asked))
      end
    end
  end
  return list, counts
end

describe("mismatch:", function()
  after_each(wire.clean)

  it("case 52: no id, and another one, is nothing that was done, of each operation that answers a thing", function()
    local list, counts = wrong_answers()
    assert.same({ same = 31, new = 13, other = 30 }, counts)
    local bodies = {}
    for i, each in ipairs(list) do bodies[i] = each[2] end
    local target = answering(bodies)
    local sven = as_sven(target)
    for _, each in ipairs(list) do
      local operation = each[1]
      local where = operation.name .. " answered " .. each[2]
      local value, err = operations.call(operation, sven)
      assert.is_nil(value, where)
      assert.same({ "mismatch", "unknown", 200, operation.name, operation.repeatable },
        { err.kind, err.outcome, err.status, err.operation, err.retryable }, where .. ": " .. tostring(err))
      assert.matches(" was returned for ", wire.check_error(err), 1, true, where)
      assert.is_falsy(string.find(tostring(err), "webhook_id", 1, true))
    end
    assert.is_true(#list > 900, tostring(#list))
    local journal, connections = target:journal()
    assert.equal(#list, #journal)
    assert.equal(#list, connections, "each was the last answer of its connection")
  end)

  it("case 52: digits are the integer, which the handle keeps; a new thing brings its own", function()
    local list, bodies = {}, {}
    for _, operation in ipairs(operations.all()) do
      local asked = operations.IDS[operation.ids[#operation.ids]]
      if operation.answers ~= "any" then
        local id = operation.answers == "same" and asked or 90211
        for _, form in ipairs { '{"id":%d}', '{"id":"%d"}', '{"id":%d.0}' } do
          list[#list + 1], bodies[#bodies + 1] = { operation, id }, string.format(form, id)
        end
      end
    end
    local sven = as_sven(answering(bodies))
    for i, each in ipairs(list) do
      local item, err = operations.call(each[1], sven)
      assert.is_truthy(item, each[1].name .. " answered " .. bodies[i] .. ": " .. tostring(err))
      assert.equal(each[2], item.id)
      if math.type then assert.equal("integer", math.type(item.id)) end
    end
    assert.equal(44 * 3, #list)
  end)

  it("case 52: an operation without an item in its answer is not done when the answer describes an error", function()
    local errors = {
      '{"error":"upstream timed out"}', '{"status":503,"title":"Service Unavailable"}', '{"errors":["no"]}',
      '{"error_code":5030000}', '{"error":{"code":7}}',
    }
    local fine = { '{"error":null}', '{"errors":[],"status":200}', '{"error":false,"message":"deleted"}', "{}",
                   '{"status":"gone"}' }
    local bodies, list = {}, {}
    for _, operation in ipairs(operations.all()) do
      if operation.returns == "nothing" or operation.returns == "data" then
        list[#list + 1] = operation
        for _, body in ipairs(errors) do bodies[#bodies + 1] = body end
        for _, body in ipairs(fine) do bodies[#bodies + 1] = body end
      end
    end
    local sven = as_sven(answering(bodies))
    local says = { ": upstream timed out", ": Service Unavailable", "", "", "" }
    for _, operation in ipairs(list) do
      for i = 1, #errors do
        local value, err = operations.call(operation, sven)
        fails(value, err, "an object that describes an error was returned" .. says[i])
      end
      for _ = 1, #fine do assert(operations.call(operation, sven)) end
    end
    assert.equal(15, #list)
  end)

  it("case 52: a delete that is answered with another item is a mismatch", function()
    local list, bodies = {}, {}
    for _, operation in ipairs(operations.all()) do
      if operation.verb == "delete" then
        local id = operations.IDS[operation.ids[#operation.ids]]
        list[#list + 1] = { operation, id }
        bodies[#bodies + 1] = string.format('{"id":%d}', id + 1)
        bodies[#bodies + 1] = string.format('{"id":"%d","state":"draft"}', id)
        bodies[#bodies + 1] = '{"id":"job-17"}'
      end
    end
    local sven = as_sven(answering(bodies))
    for _, each in ipairs(list) do
      local value, err = operations.call(each[1], sven)
      fails(value, err, string.format("%d was returned for ", each[2] + 1))
      assert.equal(each[1].repeatable, err.retryable)
      for _ = 1, 2 do assert.is_true((assert(operations.call(each[1], sven)))) end
    end
    assert.equal(9, #list)
  end)

  it("case 52: what describes an error may look like one", function()
    local sven = as_sven(answering { '{"status":404,"error_code":4040000,"title":"Not Found"}' })
    local described = assert(sven:error_code(4040000):get())
    assert.same({ 4040000, "Not Found" }, { described.id, described.data.title })
  end)

  it("case 52: another custom id is another thing's; what is not sent is not compared", function()
    local bodies = {
      '{"id":7,"_private_ownerside":{"custom_id":"org-no"}}', '{"id":7,"custom_id":"org-no"}',
      '{"id":7,"_private_ownerside":{"custom_id":"org-nr"},"custom_id":"ORG-NR"}',
      '{"id":7,"_private_ownerside":{"custom_id":{"org-nr":true}}}', '{"_private_ownerside":{"custom_id":"org-nr"}}',
    }
    local good = {
      '{"id":7,"_private_ownerside":{"custom_id":"org-nr"}}', '{"id":"7","custom_id":"org-nr"}', '{"id":7}',
      '{"id":7,"_private_ownerside":null,"custom_id":null}', '{"id":7,"_private_ownerside":{}}',
    }
    for _, body in ipairs(good) do bodies[#bodies + 1] = body end
    bodies[#bodies + 1] = '{"id":8,"custom_id":"\195\165 & 1"}'
    bodies[#bodies + 1] = '{"id":8,"custom_id":12}'
    bodies[#bodies + 1] = '{"id":8,"custom_id":"c::12"}'
    local contract = as_sven(answering(bodies)):contract(4711)
    for _, piece in ipairs { "data field c::org-no was returned for data field c::org-nr",
                             "data field c::org-no was returned", "data field c::ORG-NR was returned",
                             "of another form", "an object without an id was returned" } do
      local value, err = contract:data_field "c::org-nr":update { value = "1" }
      fails(value, err, piece, "GET")
    end
    for _ = 1, #good do
      local field = assert(contract:data_field "c::org-nr":update { value = "1" })
      assert.equal(7, field.id)
    end
    assert.equal(8, assert(contract:data_field "c::\195\165 & 1":update {}).id)
    assert.equal(8, assert(contract:data_field "c::12":update {}).id)
    local value, err = contract:data_field "c::12":update {}
    fails(value, err, "data field c::c%3A%3A12 was returned for data field c::12", "GET")
  end)

  it("case 52: a webhook is recognised by its id or by its webhook_id", function()
    local webhook = as_sven(answering {
      '{"webhook_id":23}', '{"id":null,"webhook_id":"23"}', '{"id":5,"webhook_id":23}', '{"id":23,"webhook_id":5}',
      '{"webhook_id":24}', '{"id":5,"webhook_id":24}',
    }):webhook(23)
    for _ = 1, 4 do assert.equal(23, assert(webhook:get()).id) end
    for _, id in ipairs { 24, 5 } do
      local value, err = webhook:get()
      fails(value, err, "webhook " .. id .. " was returned for webhook 23", "GET")
    end
  end)

  it("case 52: nothing goes to the other id: of a webhook call, of a record, of what is below it", function()
    local other = '{"id":4712,"state":"signed"}'
    local bodies = { other, other, '{"id":6}', '{"id":7,"_private_ownerside":{"custom_id":"b"}}',
                     '{"data":[{"id":"9"}]}', '{"id":8}' }
    local target = answering(bodies)
    local sven = as_sven(target)
    local status, problem = assert(oneflow.webhook.receiver { sign_key = "k" }):receive(core.encode {
      callback_id = "a", contract = { id = 4711 }, events = {}, signature = oneflow.webhook.sign("a", "k"),
    }, function(delivery)
      local contract, err = delivery:contract(sven):get()
      return contract and true, err
    end)
    assert.equal(500, status)
    assert.matches("contract 4712 was returned for contract 4711", problem, 1, true)
    local contract = sven:contract(4711)
    local value, err = contract:update { _private = { name = "n" } }
    fails(value, err, "contract 4712 was returned for contract 4711", "GET")
    value, err = contract:party(5):participant(3):update { title = "CFO" }
    fails(value, err, "participant 6 was returned for participant 3", "GET")
    value, err = contract:data_field "c::a":update { value = "1" }
    fails(value, err, "data field c::b was returned for data field c::a", "GET")
    local party = assert(contract.parties:list())[1]
    assert.same({ contract = 4711, party = 9 }, party.ids)
    value, err = party:get()
    fails(value, err, "party 8 was returned for party 9", "GET")
    for _, request in ipairs((target:journal())) do
      assert.is_nil(string.find(request.target, "4712", 1, true), request.target)
    end
  end)

  it("case 52: its report has no token, and is one line", function()
    local sven = as_sven(answering {
      cjson.encode { detail = wire.TOKEN .. " " .. string.rep("x", 100000) },
      cjson.encode { error = "a\r\nb\0" .. string.rep("x", 900) .. wire.TOKEN },
      cjson.encode { id = wire.TOKEN }, cjson.encode { id = 1, custom_id = wire.TOKEN .. string.rep("y", 100000) },
    })
    for i = 1, 4 do
      local value, err
      if i == 4 then
        value, err = sven:contract(1):data_field "c::a":update {}
      else
        value, err = sven:contract(4711):get()
      end
      fails(value, err, "was returned for", "GET")
    end
  end)

  it("case 52: the text alone: of a read it is as it came, of what changes something it is that of a done thing",
    function()
    local contract = as_sven(answering {
      '{"id":4712}', '{"id":4712,"state":"pending"}', "{}", '{"id":4711, "state":"pending"}', "<p>", "{}",
    }):contract(4711)
    assert.equal('{"id":4712}', (assert(contract:get { decode = false })))
    local value, err = contract:publish({}, { decode = false })
    fails(value, err, "contract 4712 was returned for contract 4711", "POST")
    value, err = contract:copy({ workspace_id = 1 }, { decode = false })
    fails(value, err, "an object without an id was returned for a new contract", "POST")
    assert.equal('{"id":4711, "state":"pending"}', (assert(contract:publish({}, { decode = false }))))
    value, err = contract:delete { decode = false }
    assert.same({ "nil", "decode", "unknown" }, { tostring(value), err.kind, err.outcome })
    assert.equal("{}", (assert(contract:delete { decode = false })))
  end)
end)

describe("mismatch of a request by path:", function()
  after_each(wire.clean)

  it("case 52: compared if the endpoint table has the path", function()
    local calls = {
      { "GET", "/contracts/4711", '{"id":4712}', "contract 4712 was returned for contract 4711" },
      { "get", "/contracts/4711/", '{"id":4712}', "contract 4712 was returned for contract 4711" },
      { "PUT", "/contracts/4711", '{"error":"no"}', "an object without an id was returned for contract 4711: no" },
      { "POST", "/contracts/create", "{}", "an object without an id was returned for a new contract" },
      { "POST", "/contracts/4711/copy", '{"id":4711}', "contract 4711 itself was returned for a new contract" },
      { "PUT", "/contracts/1/data_fields/c::a", '{"id":1,"custom_id":"b"}', "data field c::b was returned" },
      { "DELETE", "/contracts/4711", '{"error":"no"}', "describes an error" },
      { "GET", "/accounts/me", "{}", "an object without an id was returned for the account" },
    }
    local bodies = {}
    for i, each in ipairs(calls) do bodies[i] = each[3] end
    local sven = as_sven(answering(bodies))
    for _, each in ipairs(calls) do
      local value, err = sven:request(each[1], each[2])
      fails(value, err, each[4], string.upper(each[1]))
      assert.equal("request", err.operation)
    end
  end)

  it("case 52: not compared where that is impossible; the answer is returned unchanged", function()
    local calls = {
      { "GET", "/contracts/4711/unheard_of", '{"id":4712}' }, { "PATCH", "/contracts/4711", "{}" },
      { "GET", "/contracts/04711", '{"id":4711}' }, { "GET", "/contracts/%34711", '{"id":4711}' },
      { "PUT", "/contracts/1/data_fields/c::%61", '{"id":1,"custom_id":"a"}' },
      { "GET", "/contracts/4711/files/1", '{"size":5}', { query = { download = "true" } } },
      { "GET", "/contracts", '{"data":[]}' }, { "GET", "/error_codes/4040000", '{"error_code":4040000}' },
      { "DELETE", "/contracts/4711", '{"deleted":true}' },
    }
    local bodies = {}
    for i, each in ipairs(calls) do bodies[i] = each[3] end
    local sven = as_sven(answering(bodies))
    for _, each in ipairs(calls) do
      local value, err = sven:request(each[1], each[2], each[4])
      assert.is_truthy(value, each[2] .. ": " .. tostring(err))
      assert.same(cjson.decode(each[3]), value)
    end
  end)

  it("case 52: an empty answer is no contract", function()
    local sven = as_sven(answering { "", "" })
    local value, err = sven:request("POST", "/contracts/4711/publish")
    assert.same({ "nil", "decode", "unknown", 200 }, { tostring(value), err.kind, err.outcome, err.status })
    assert.is_true((assert(sven:request("DELETE", "/contracts/4711"))))
  end)
end)

-- A publish whose answer is a draft: `looks` are the answers to what is asked then.
describe("mismatch, still a draft:", function()
  after_each(wire.clean)

  local DRAFT, PENDING = '{"id":4711,"state":"draft"}', '{"id":4711,"state":"pending","now":true}'

  -- POSTs are answered with a draft, GETs as `look` says.
  local function drafts(look)
    return server.start(function(s, args)
      s.serve(function(c)
        for request in function() return c:request() end do
          if request.method == "POST" then
            c:reply(200, { "content-type: application/json", "x-request-id: of-the-post" }, args.draft)
          elseif args.look == "silence" then
            c:until_closed()
          elseif args.look == "gone" then
            return c:rst()
          else
            c:reply(args.look[1], { "content-type: application/json" }, args.look[2])
          end
        end
      end)
    end, { draft = DRAFT, look = look })
  end

  local function arrived(target)
    local list = {}
    for i, request in ipairs((target:journal())) do
      assert.equal(SVEN, request.headers["x-oneflow-user-email"])
      list[i] = string.format("%s %s %d", request.method, request.target, request.connection)
    end
    return list
  end

  it("case 52: is looked at once more, as the same user, on another connection; published then, it is done", function()
    local target = drafts { 200, PENDING }
    local sven = as_sven(target)
    local contract = assert(sven:contract(4711):publish { subject = "s" })
    assert.same({ 4711, "pending", true, 200, 1, "of-the-post" }, { contract.id, contract.state, contract.data.now,
      contract.meta.status, contract.meta.attempts, contract.meta.request_id })
    assert.equal(PENDING, (assert(sven:contract(4711):publish({}, { decode = false }))))
    assert.is_true((assert(sven:request("POST", "/contracts/4711/publish"))).now)
    local list = arrived(target)
    assert.same({ "POST /v1/contracts/4711/publish 1", "GET /v1/contracts/4711 2" }, { list[1], list[2] })
    assert.equal(6, #list)
  end)

  it("case 52: still a draft, or whatever else the look brings: mismatch, unknown", function()
    for _, case in ipairs {
      { { 200, DRAFT }, "contract 4711 was returned, and its state is still draft, also when checked again" },
      { { 200, '{"id":4712,"state":"pending"}' },
        "draft; checked again: contract 4712 was returned for contract 4711" },
      { { 200, "{}" }, "checked again: an object without an id was returned for contract 4711" },
      { { 200, "<html>" }, "checked again: an unknown value" },
      { { 404, '{"detail":"not there"}' }, "checked again: not there" },
      { { 503, "" }, "checked again: " },
      { "gone", "checked again: " },
    } do
      local target = drafts(case[1])
      local value, err = as_sven(target):contract(4711):publish {}
      fails(value, err, case[2], "POST")
      assert.same({ "contract.publish", SVEN, 1, "of-the-post" },
        { err.operation, err.acting_user, err.attempts, err.request_id })
      assert.equal(2, #arrived(target))
    end
  end)

  it("case 52: the look is within the call's time", function()
    local target = drafts "silence"
    local started = core.monotonic()
    local value, err = as_sven(target):contract(4711):publish({}, { timeout = 0.3 * wire.slow })
    fails(value, err, "checked again: ", "POST")
    assert.is_true(core.monotonic() - started < 0.6 * wire.slow)
  end)

  it("case 52: the hooks get both; an error of on_request before the check is raised and reported", function()
    local told, reported, raises = {}, {}, false
    local target = drafts { 200, PENDING }
    local client = wire.client(target, { timeout = 30, attempt_timeout = 20, hooks = {
      on_request = function(info) if raises and info.method == "GET" then error("no look", 0) end end,
      on_error = function(problem, info)
        reported = { problem, info.raised_in, info.operation, info.status, info.outcome }
      end,
      on_response = function(info)
        told[#told + 1] = info.operation .. " " .. (info.kind or "done") .. " " .. tostring(info.outcome)
      end,
    } })
    local contract = assert(client:user(SVEN)):contract(4711)
    assert(contract:publish {})
    assert.same({ "contract.publish mismatch unknown", "contract.get done nil" }, told)
    raises = true
    assert.same({ false, "no look" }, { pcall(contract.publish, contract, {}) })
    assert.same({ "no look", "call", "contract.publish", 200, "unknown" }, reported)
  end)

  it("case 52: in map, gather and a gatherer as alone", function()
    local target = drafts { 200, PENDING }
    local sven = as_sven(target)
    local function publish(id) return sven:contract(id):publish {} end
    local results, failures = oneflow.map({ 4711, 4711, 4712 }, publish)
    assert.same({ "pending", "pending" }, { results[1].state, results[2].state })
    assert.same({ 1, 3 }, { #failures, failures[1].index })
    fails(nil, failures[1].err, "contract 4711 was returned for contract 4712", "POST")
    local gatherer, done = oneflow.gatherer(), {}
    for _, id in ipairs { 4711, 4712 } do
      gatherer:add(function() return publish(id) end, function(value, err) done[id] = value or err end)
    end
    while not gatherer:poll(0.1) do end
    assert.equal("pending", done[4711].state)
    fails(nil, done[4712], "contract 4711 was returned for contract 4712", "POST")
  end)

  it("case 52: many that are published a moment later are all done: none ends the calls of its connection", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          local state = request.method == "POST" and "draft" or "pending"
          c:reply(200, {}, string.format('{"id":%s,"state":"%s"}', s.id_of(request), state))
        end
      end)
    end)
    local sven, list = as_sven(target), {}
    for id = 1, 120 do list[id] = id end
    local function publish(id) return sven:contract(id):publish {} end
    local results, failures = oneflow.map(list, publish, { concurrency = 12 })
    assert.same({}, failures)
    for id = 1, 120 do assert.same({ id, "pending" }, { results[id].id, results[id].state }) end
    assert.equal(240, #target:journal())
  end)

  it("case 52: a draft that was never sent is none: another state, or none, is as it came", function()
    local target = answering { '{"id":4711}', '{"id":4711,"state":null}', '{"id":4711,"state":"frozen"}' }
    local sven = as_sven(target)
    for _ = 1, 3 do assert(sven:contract(4711):publish {}) end
    assert.equal(3, #(target:journal()))
  end)
end)

describe("mismatch, its connection:", function()
  after_each(process.clean)

  -- From the first request for a contract over 900 on, a connection gives each answer one request late.
  local function late_answers()
    return server.start(function(s)
      s.serve(function(c)
        local before
        for request in function() return c:request() end do
          local id = tonumber((string.match(request.target, "/contracts/(%d+)")))
          if not before and id > 900 then before = "/v1/contracts/666" end
          c:good { target = before or request.target }
          if before then before = request.target end
        end
      end)
    end)
  end

  it("case 52: none of the answers that follow on it is taken, by no call", function()
    for _, way in ipairs { "alone", "gatherer" } do
      local target = late_answers()
      local sven = as_sven(target)
      local function calls()
        for round = 1, 5 do
          assert.equal(21, assert(sven:contract(21):get()).data.id)
          local method = round % 2 == 0 and "GET" or "POST"
          local contract = sven:contract(900 + round)
          local value, err
          if method == "GET" then value, err = contract:get() else value, err = contract:publish {} end
          fails(value, err, "contract 666 was returned for contract " .. 900 + round, method)
          for id = 30, 32 do assert.equal(id, assert(sven:contract(id):get()).data.id) end
        end
        return true
      end
      if way == "alone" then
        calls()
      else
        local gatherer, ended = oneflow.gatherer(), false
        gatherer:add(calls, function(value, err)
          assert.is_true(value, tostring(err))
          ended = true
        end)
        while not gatherer:poll(0.1) do end
        assert.is_true(ended)
      end
      local journal, connections = target:journal()
      assert.same({ 25, 6 }, { #journal, connections }, way)
    end
  end)

  it("case 52: so is what is no file, or has no bytes, the last of its connection", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/files/", 1, true) then
            c:reply(200, { "content-type: " .. (string.find(request.target, "/1?", 1, true) and "application/pdf"
              or "application/json") }, "")
          else
            c:good(request)
          end
        end
      end)
    end)
    local sven, client = as_sven(target)
    local value, err = sven:contract(4711):file(1):download()
    fails(value, err, "it has no bytes", "GET")
    wire.good_call(client)
    value, err = sven:contract(4711):file(2):download()
    assert.same({ "nil", "decode" }, { tostring(value), err.kind })
    wire.good_call(client)
    local _, connections = target:journal()
    assert.equal(3, connections)
  end)
end)

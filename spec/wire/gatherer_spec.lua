-- A gatherer under a host's own loop (luv's here), its calls on the I/O thread.
local uv = require "luv"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

-- Answers when it is told to; contract 404 at once.
local function held()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        if id == "404" then
          c:reply(404, { "content-type: application/json" }, "{}")
        else
          s.note "held"
          s.await "go on"
          c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. "}")
        end
      end
    end)
  end)
end

local clients = {}

local function client_of(target, options)
  local settings = { timeout = 10, attempt_timeout = 10 }
  for name, value in pairs(options or {}) do settings[name] = value end
  local client = wire.client(target, settings)
  clients[#clients + 1] = client
  return assert(client:user(wire.SVEN)), client
end

describe("gatherer:", function()
  after_each(function()
    while clients[1] do table.remove(clients):close() end -- the I/O thread ends with them
    wire.clean()
  end)

  it("poll(0) never waits; the descriptor is readable for another event loop when something is done", function()
    local target = held()
    local sven = client_of(target)
    local gatherer = oneflow.gatherer()
    assert.is_true(gatherer:poll(0))
    local got = {}
    for id = 1, 5 do
      gatherer:add(function() return sven:contract(id):get() end, function(contract, err)
        got[id] = contract and contract.id or err
      end)
    end
    target:wait("held", 5)
    for _ = 1, 1000 do assert.is_false(gatherer:poll(0)) end
    assert.is_nil(next(got))
    target:tell "go on"
    local watch, idle, turns = uv.new_poll(gatherer:fd()), false, 0
    watch:start("r", function()
      turns = turns + 1
      idle = gatherer:poll(0)
    end)
    process.wait_until(function() return idle end, "the gatherer's end")
    watch:close()
    assert.same({ 1, 2, 3, 4, 5 }, got)
    assert.is_true(turns <= 5, "woken for nothing: " .. turns)
    assert.equal(gatherer:fd(), gatherer:pollfd())
    assert.equal("r", gatherer:events())
    assert.is_nil(gatherer:timeout())
  end)

  it("begins no more than its concurrency, the others in order", function()
    local target = wire.healthy()
    local sven = client_of(target)
    local gatherer = oneflow.gatherer { concurrency = 3 }
    local begun, now, most = {}, 0, 0
    for i = 1, 20 do
      gatherer:add(function()
        begun[#begun + 1] = i
        now = now + 1
        most = math.max(most, now)
        assert(sven:contract(4711):get())
        now = now - 1
      end)
    end
    assert.equal(3, #begun)
    gatherer:wait()
    assert.equal(3, most)
    assert.equal(20, #begun)
    for i = 1, 20 do assert.equal(i, begun[i]) end
  end)

  it("on_done gets the result of a function; without it poll raises the error, and nothing is lost", function()
    local target = wire.healthy()
    local sven = client_of(target)
    local gatherer = oneflow.gatherer()
    local told = {}
    local function note(...) told[#told + 1] = { ... } end
    gatherer:add(function() return "at once" end, note)
    assert.equal("at once", told[1][1])
    gatherer:add(function() return nil, "failed" end, note)
    assert.equal("failed", told[2][2])
    gatherer:add(function()
      assert(sven:contract(4711):get())
      error("raised", 0)
    end, note)
    gatherer:wait()
    assert.is_nil(told[3][1])
    assert.equal("raised", told[3][2])
    assert.is_truthy(string.find(told[3][3], "gatherer_spec", 1, true))

    local ended, oops = 0, {}
    for i = 1, 4 do
      gatherer:add(function()
        assert(sven:contract(4711):get())
        if i == 1 then error(oops) end
        return true
      end, i > 1 and function()
        ended = ended + 1
        if i == 2 then error("of on_done", 0) end
      end or nil)
    end
    local raised = {}
    repeat
      local good, idle = pcall(gatherer.poll, gatherer, 5)
      if not good then raised[#raised + 1] = idle end
    until good and idle
    assert.equal(3, ended)
    assert.is_true(#raised >= 1)
    assert.is_true(raised[1] == oops or raised[1] == "of on_done")
    local value
    gatherer:add(function() return sven:contract(4711):get() end, function(contract) value = contract.id end)
    gatherer:wait()
    assert.equal(4711, value)
  end)

  it("gather and map in its functions, and add from inside; poll and wait there raise", function()
    local target = wire.healthy()
    local sven = client_of(target)
    local gatherer = oneflow.gatherer()
    local got = {}
    gatherer:add(function()
      return (oneflow.map({ 1, 2, 3 }, function() return assert(sven:contract(4711):get()).id end))
    end, function(results) got.map = results[1] + results[2] + results[3] end)
    gatherer:add(function()
      assert(sven:contract(4711):get())
      gatherer:add(function() return sven:contract(4711):get() end, function(contract) got.inside = contract.id end)
      for _, name in ipairs { "poll", "wait" } do
        local good, message = pcall(gatherer[name], gatherer)
        assert(not good and string.find(message, "inside of one of its own functions", 1, true))
      end
      return coroutine.wrap(function() return assert(sven:contract(4711):get()).id end)()
    end, function(value, err) got.generator = value or err end)
    gatherer:wait()
    assert.same({ map = 3 * 4711, inside = 4711, generator = 4711 }, got)
  end)

  it("cancel: one function or all; a POST on the wire runs to its end", function()
    local target = held()
    local sven = client_of(target, { concurrency = 4 })
    local gatherer = oneflow.gatherer()
    local got = {}
    local function add(name, fn)
      return gatherer:add(fn, function(contract, err) got[name] = contract or err end)
    end
    local one = add("one", function() return sven:contract(1):get() end)
    add("two", function() return sven:contract(2):get() end)
    add("post", function()
      local contract = assert(sven:contract(3):publish {})
      local _, err = sven:contract(4):get()
      return { id = contract.id, further = err }
    end)
    add("four", function() return sven:contract(5):get() end)
    target:wait("held", 4)
    add("unsent", function() return sven:contract(6):publish {} end)
    gatherer:cancel(one)
    repeat gatherer:poll(1) until got.one
    assert.equal("cancelled", got.one.kind)
    assert.equal("unknown", got.one.outcome)
    target:wait("held", 5) -- the unsent one takes the free place
    add("queued", function() return sven:contract(7):publish {} end)
    gatherer:cancel()
    repeat gatherer:poll(1) until got.two and got.four and got.queued
    assert.is_nil(got.post)
    assert.is_nil(got.unsent)
    assert.equal("unknown", got.two.outcome)
    assert.equal("not_sent", got.queued.outcome)
    target:tell "go on"
    gatherer:wait()
    assert.equal(3, got.post.id)
    assert.equal("cancelled", got.post.further.kind)
    assert.equal("not_sent", got.post.further.outcome)
    assert.equal(6, got.unsent.id)
    assert.equal(5, #target:journal())
    gatherer:cancel(one)
    local after
    gatherer:add(function() return sven:contract(8):get() end, function(contract) after = contract.id end)
    gatherer:wait()
    assert.equal(8, after)
  end)

  it("the client closed under it: all calls end, as cancelled", function()
    local target = held()
    local sven, client = client_of(target)
    local gatherer = oneflow.gatherer()
    local kinds = {}
    for i = 1, 4 do
      gatherer:add(function() return sven:contract(i):get() end, function(_, err) kinds[i] = err.kind end)
    end
    target:wait("held", 4)
    client:close()
    gatherer:wait()
    assert.same({ "cancelled", "cancelled", "cancelled", "cancelled" }, kinds)
  end)

  it("two gatherers and one token: the one that finds it being asked for is gone on with", function()
    local target = held()
    local vault = client_of(target)
    local _, client = client_of(target, { token = function()
      assert(vault:contract(1):get())
      return wire.TOKEN
    end })
    local first, second = oneflow.gatherer(), oneflow.gatherer()
    local got = {}
    first:add(function() return client:contract(1):get { as = wire.SVEN } end,
      function(contract) got[1] = contract.id end)
    second:add(function() return client:contract(2):get { as = wire.SVEN } end,
      function(contract) got[2] = contract.id end)
    target:tell "go on"
    first:wait()
    local watch = uv.new_poll(second:fd())
    watch:start("r", function() second:poll(0) end)
    process.wait_until(function() return got[2] end, "the second gatherer")
    watch:close()
    assert.same({ 1, 2 }, got)
  end)
end)

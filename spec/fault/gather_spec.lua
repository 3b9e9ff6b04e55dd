-- Many calls at once, and cancels and drops in the middle of them.
local oneflow = require "oneflow"
local uv = require "luv"
local host = require "spec.support.host"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local USERS = { "sven@example.com", "anna@example.com" }

-- Every answer names the user and the contract that the request was for, some after a while.
local function start()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        if id % 7 == 0 then require("cqueues").sleep(0.003) end
        c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"'
          .. request.headers["x-oneflow-user-email"] .. '"}')
      end
    end)
  end)
end

-- What came of call `i`, and what the server saw of it.
local function check(target, outcomes, seed)
  local arrivals = {}
  for _, request in ipairs((target:journal())) do
    local id = tonumber(string.match(request.target, "/contracts/(%d+)"))
    arrivals[id] = (arrivals[id] or 0) + 1
    assert.equal(USERS[id % 2 + 1], request.headers["x-oneflow-user-email"], "seed " .. seed .. ", call " .. id)
  end
  local good, cancelled = 0, 0
  for i = 1, 1000 do
    local contract, err = outcomes[i][1], outcomes[i][2]
    local where = "seed " .. seed .. ", call " .. i .. ": " .. tostring(err)
    if contract then
      good = good + 1
      assert.equal(i, contract.data.id, where)
      assert.equal(USERS[i % 2 + 1], contract.data.name, where)
      assert.equal(1, arrivals[i], where)
    else
      cancelled = cancelled + 1
      assert.equal("cancelled", err.kind, where)
      if err.outcome == "not_sent" then
        assert.is_nil(arrivals[i], where)
      else
        assert.equal("unknown", err.outcome, where)
        assert.is_true((arrivals[i] or 0) <= 1, where)
      end
    end
  end
  return good, cancelled
end

describe("many at once:", function()
  after_each(wire.clean)

  local function calls(target)
    local client = wire.client(target, { timeout = 60, attempt_timeout = 60, concurrency = 64 })
    local users = { assert(client:user(USERS[1])), assert(client:user(USERS[2])) }
    local outcomes = {}
    return client, outcomes, function(i)
      local contract = users[i % 2 + 1]:contract(i)
      local value, err
      if i % 3 == 0 then value, err = contract:publish {} else value, err = contract:get() end
      outcomes[i] = { value, err }
      return value, err
    end
  end

  it("case 37: 1000 calls of two users in a gather, random ones cancelled", function()
    local seed = os.time()
    math.randomseed(seed)
    local target = start()
    local client, outcomes, call = calls(target)
    local first = {}
    for i = 1, 1000, 10 do first[#first + 1] = i end
    oneflow.map(first, function(from)
      local bad = math.random(40) -- where one of ten fails, the others are stopped
      local list = {}
      for i = from, from + 9 do list[#list + 1] = i end
      oneflow.map(list, function(i)
        local value, err = call(i)
        if i - from == bad then return nil, "fails" end
        return value, err
      end, { concurrency = 10, stop = true })
      for _, i in ipairs(list) do -- those that were not begun
        outcomes[i] = outcomes[i] or { nil, { kind = "cancelled", outcome = "not_sent" } }
      end
    end, { concurrency = 100 })
    local good, cancelled = check(target, outcomes, seed)
    assert.equal(1000, good + cancelled)
    assert.is_true(good > 500 and cancelled > 0, good .. " good, " .. cancelled .. " cancelled, seed " .. seed)
    assert(client:contract(4711):get { as = USERS[1] })
    client:close()
  end)

  it("case 37: 1000 calls of two users in a gatherer, random ones cancelled", function()
    local seed = os.time()
    math.randomseed(seed)
    local target = start()
    local client, outcomes, call = calls(target)
    local gatherer = oneflow.gatherer { concurrency = 1000 }
    local handles = {}
    for i = 1, 1000 do
      handles[i] = gatherer:add(function() return call(i) end, function(value, err) outcomes[i] = { value, err } end)
      if math.random(4) == 1 then gatherer:cancel(handles[math.random(i)]) end
    end
    repeat
      for _ = 1, math.random(3) do gatherer:cancel(handles[math.random(1000)]) end
    until gatherer:poll(0.002)
    local good, cancelled = check(target, outcomes, seed)
    assert.equal(1000, good + cancelled)
    assert.is_true(good > 200 and cancelled > 0, good .. " good, " .. cancelled .. " cancelled, seed " .. seed)
    assert(client:contract(4711):get { as = USERS[1] })
    client:close()
  end)

  for _, kind in ipairs { "functions dropped with their gatherer", "walks left with a page ahead" } do
    it("case 40: 10 000 " .. kind .. " in mid-call: no descriptor and no memory is lost", function()
      local posix = host.posix()
      local descriptors = posix.fds
      local target = server.start(function(s)
        s.serve(function(c)
          while c:request() do
            s.note "held"
            if c:until_closed() then break end
          end
        end)
      end)
      -- 8 of a hundred are on the wire: more would use up this machine's ports for minutes.
      local client = wire.client(target, { timeout = 60, attempt_timeout = 60, concurrency = 8 })
      local sven = assert(client:user(wire.SVEN))
      local dropped, most = 0, descriptors() + 16
      -- The I/O thread closes what it was told to drop a little later.
      local function settle()
        local late = uv.hrtime() + 10e9
        while descriptors() > most and uv.hrtime() < late do uv.sleep(1) end
        assert.is_true(descriptors() <= most, descriptors() .. " descriptors")
      end
      local function batch()
        local alive = {} -- luacheck: ignore 241
        for i = 1, 100 do
          if kind == "functions dropped with their gatherer" then
            local gatherer = oneflow.gatherer()
            gatherer:add(function() return sven:contract(i):get(), gatherer end, function() error "answered" end)
            alive[i] = gatherer
          else
            alive[i] = require("oneflow.gather").begin(function() return sven:contract(i):get() end)
          end
        end
        if dropped == 0 and kind == "functions dropped with their gatherer" then target:wait("held", 8) end
        dropped = dropped + 100
        alive = nil -- luacheck: ignore 311
        collectgarbage()
        collectgarbage()
        settle()
      end
      for _ = 1, 10 do batch() end
      local lua, rss = collectgarbage "count", posix.rss()
      for _ = 11, 100 do batch() end
      assert.equal(10000, dropped)
      assert.is_true(collectgarbage "count" < lua + 200, collectgarbage "count" - lua .. " KiB of Lua")
      if wire.slow == 1 then
        assert.is_true(posix.rss() - rss < 2e6, (posix.rss() - rss) .. " bytes")
      end
      client:close()
    end)
  end
end)

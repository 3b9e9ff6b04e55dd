-- The connection of an answer, and that no more answers are accepted from a connection that was given up.
local core = require "oneflow.core"
local engine_of = require "spec.support.engine"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- `/held/N` waits until it is told "N", or until the connection closes; `/more` is followed by an answer that nobody
-- asked for; `/gone` by the end of the connection, without an answer.
local function start(secure)
  local target = server.start(function(s, args)
    s.serve(function(c)
      if args.good and not c:tls(args.good) then return end
      for request in function() return c:request() end do
        local held = string.match(request.target, "/held/(%d+)$")
        if string.find(request.target, "/gone", 1, true) then return end
        if held then s.await(held) end
        local status = string.find(request.target, "/missing", 1, true) and 404 or 200
        c:reply(status, { "content-type: application/json" }, '{"at":"' .. request.target .. '"}')
        if string.find(request.target, "/more", 1, true) then
          c:reply(200, { "content-type: application/json" }, '{"at":"nowhere"}')
          s.note "more"
        end
      end
    end)
  end, { good = secure and tls.certificates().good or nil })
  if secure then target.url = target.https end
  return target
end

local function engine_for(target)
  return assert(engine_of { base_url = target.url, token = wire.TOKEN,
    ca_file = tls.certificates().ca })
end

-- A queue of each kind, and none.
local WAYS = {
  alone = function() return nil end,
  inline = function() return core.queue "inline" end,
  threaded = function() return core.queue "threaded" end,
}

for way, queue_of in pairs(WAYS) do
  local function submit(engine, queue, path, method)
    return (assert(engine:submit(nil, method or "GET", method ~= "POST", path, wire.SVEN, 20, nil, nil, nil, false,
      queue)))
  end

  local function finish(engine, handle)
    while not engine:wait(handle) do assert.is_false(engine:done(handle)) end
  end

  -- Until so many requests are with the server: inline, a wait drives them.
  local function arrive(target, engine, handle, count)
    repeat engine:wait(handle, 0.01) until #target:journal() == count
  end

  -- -> number of the connection, connections made for it, status or failure
  local function call(engine, queue, path)
    local handle = submit(engine, queue, path)
    finish(engine, handle)
    local status, _, _, _, connects, number = engine:take(handle)
    assert.equal(200, status)
    return number, connects
  end

  local function failed(engine, handle)
    local status, failure = engine:take(handle)
    assert.is_nil(status)
    assert.is_nil(failure.status)
    assert.is_nil(failure.answer)
    assert.same({ "connection", true }, { failure.kind, failure.sent })
    assert.is_truthy(string.find(failure.message, "the connection was shut down", 1, true))
    return failure.connection
  end

  describe("connections, " .. way .. ":", function()
    local target, engine, queue

    local function begin(secure)
      target = start(secure)
      engine, queue = engine_for(target), queue_of()
    end

    after_each(function()
      engine:close()
      wire.clean()
    end)

    it("each has a number, which no other gets; failures tell it too", function()
      begin()
      local first, connects = call(engine, queue, "/a")
      assert.is_true(first >= 1 and connects == 1)
      assert.same({ first, 0 }, { call(engine, queue, "/b") })
      local missing = submit(engine, queue, "/missing", "POST")
      finish(engine, missing)
      local _, failure = engine:take(missing)
      assert.same({ 404, first }, { failure.status, failure.connection })
      local gone = submit(engine, queue, "/gone", "POST")
      finish(engine, gone)
      _, failure = engine:take(gone)
      assert.same({ "connection", true, first }, { failure.kind, failure.sent, failure.connection })
      local second, connected = call(engine, queue, "/c")
      assert.is_true(second > first and connected == 1)
      local other = engine_for(target)
      local third = call(other, queue_of(), "/d")
      if way == "threaded" then
        assert.equal(second, third) -- the process's connections
      else
        assert.is_true(third > second)
      end
      other:close()
      target:stop()
      local refused = submit(engine, queue, "/e")
      finish(engine, refused)
      _, failure = engine:take(refused)
      assert.same({ "connection", false }, { failure.kind, failure.sent })
      assert.is_nil(failure.connection)
    end)

    for _, path in ipairs { "/plain", "/more" } do
      it("an idle one that was given up is not used again: after " .. path, function()
        begin()
        local number = call(engine, queue, path)
        if path == "/more" then target:wait "more" end
        engine:disconnect(number)
        engine:disconnect(number)
        target:wait "closed" -- the server saw its end
        local handle = submit(engine, queue, "/next")
        finish(engine, handle)
        local status, answer, _, _, connects, another = engine:take(handle)
        assert.same({ 200, 1 }, { status, connects })
        assert.is_truthy(string.find(answer, "/next", 1, true))
        assert.is_true(another > number)
        engine:disconnect(number) -- closed long since
        assert.same({ another, 0 }, { call(engine, queue, "/last") })
      end)
    end

    for _, secure in ipairs { false, true } do
      for _, method in ipairs { "GET", "POST" } do
        it("a " .. method .. " that is on it ends" .. (secure and ", over TLS" or ""), function()
          begin(secure)
          local number = call(engine, queue, "/first")
          local handle = submit(engine, queue, "/held/1", method)
          arrive(target, engine, handle, 2)
          assert.is_false(engine:done(handle))
          engine:disconnect(number)
          if way ~= "threaded" then assert.is_true(engine:done(handle)) end
          finish(engine, handle)
          assert.equal(number, failed(engine, handle))
          target:tell "1"
          local next_number, connects = call(engine, queue, "/next")
          assert.is_true(next_number > number and connects == 1)
          assert.equal(3, #target:journal()) -- it was not sent again
        end)
      end
    end

    it("an answer that came on it, and was not taken yet, does not count", function()
      begin()
      local number = call(engine, queue, "/first")
      local waiting = submit(engine, queue, "/second")
      finish(engine, waiting)
      local missing = submit(engine, queue, "/missing", "POST")
      finish(engine, missing)
      engine:disconnect(number)
      assert.equal(number, failed(engine, waiting))
      assert.equal(number, failed(engine, missing))
    end)

    it("nor does one on which the connection ended", function()
      begin()
      local number = call(engine, queue, "/first")
      local waiting = submit(engine, queue, "/second")
      finish(engine, waiting)
      local gone = submit(engine, queue, "/gone", "POST")
      finish(engine, gone)
      target:wait "closed"
      engine:disconnect(number)
      assert.equal(number, failed(engine, waiting))
    end)

    it("those on other connections go on", function()
      begin()
      local handles, numbers = {}, {}
      for i = 1, 4 do handles[i] = submit(engine, queue, "/held/" .. i) end
      arrive(target, engine, handles[1], 4)
      for i = 1, 4 do target:tell(tostring(i)) end
      for i = 1, 4 do
        finish(engine, handles[i])
        local status, answer, _, _, connects, number = engine:take(handles[i])
        assert.same({ 200, '{"at":"/v1/held/' .. i .. '"}', 1 }, { status, answer, connects })
        numbers[number] = i
      end
      for i = 1, 4 do handles[i] = submit(engine, queue, "/held/" .. i + 4, "POST") end
      arrive(target, engine, handles[1], 8)
      local given_up = next(numbers)
      engine:disconnect(given_up)
      for i = 5, 8 do target:tell(tostring(i)) end
      local failures, right = 0, 0
      for i = 1, 4 do
        finish(engine, handles[i])
        local status, answer, _, _, _, number = engine:take(handles[i])
        if status then
          right = right + 1
          assert.is_truthy(numbers[number] and number ~= given_up)
          assert.equal('{"at":"/v1/held/' .. i + 4 .. '"}', answer)
        else
          failures = failures + 1
          assert.same({ "connection", true, given_up }, { answer.kind, answer.sent, answer.connection })
        end
      end
      assert.same({ 1, 3 }, { failures, right })
      assert.equal(8, #target:journal())
    end)

    it("unknown numbers, and those of another or a closed engine, change nothing", function()
      begin()
      local other = engine_for(target)
      local number = call(engine, queue, "/first")
      for _, foreign in ipairs { 0, -1, number + 1000 } do engine:disconnect(foreign) end
      local handle = submit(engine, queue, "/second")
      finish(engine, handle)
      if way == "threaded" then
        local shared = queue_of()
        assert.same({ number, 0 }, { call(other, shared, "/shared") })
        local another = submit(other, shared, "/shared")
        finish(other, another)
        engine:disconnect(number) -- it is the other's as well
        failed(other, another)
        failed(engine, handle)
      else
        other:disconnect(number)
        assert.equal(200, (engine:take(handle)))
        assert.same({ number, 0 }, { call(engine, queue, "/third") })
      end
      other:close()
      other:disconnect(number)
      assert.has_error(function() engine:disconnect "x" end)
    end)
  end)
end

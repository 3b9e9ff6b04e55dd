-- Close, collection and exit at unusual moments: a usage error, or nothing; never a crash.
local oneflow = require "oneflow"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

local function start(secure)
  local target = server.start(function(s, args)
    s.serve(function(c)
      if args.good and not c:tls(args.good) then return end
      for request in function() return c:request() end do c:good(request) end
    end)
  end, { good = secure and tls.certificates().good or nil })
  if secure then target.url = target.https end
  return target
end

describe("close:", function()
  after_each(wire.clean)

  it("case 38: a call after close fails and sends nothing, whatever it was made from; close twice", function()
    local target = start()
    local client = wire.client(target)
    wire.good_call(client)
    local sven = assert(client:user(wire.SVEN))
    local contract = assert(sven:contract(4711):get())
    local page = assert(sven.contracts:list { limit = 1 })
    local before = #target:journal()
    client:close()
    client:close()
    for name, call in pairs {
      get = function() return client:contract(1):get { as = wire.SVEN } end,
      ["a user's contract"] = function() return sven:contract(1):get() end,
      handle = function() return contract:publish { subject = "s", message = "m" } end,
      list = function() return sven.contracts:list {} end,
      each = function() for _ in sven.contracts:each {} do return true end end,
      next = function() return page:next() end,
      ping = function() return client:ping() end,
      request = function() return sven:request("GET", "/x") end,
      user = function() return assert(client:user("anna@example.com")):contract(1):get() end,
    } do
      local ok, value, err = pcall(call)
      assert.is_true(not ok or not value and err ~= nil, name .. " after close must fail")
      local text = tostring(ok and err or value)
      assert.is_truthy(string.find(text, "close", 1, true), name .. ": " .. text)
    end
    client:close()
    assert.equal(4711, contract.data.id) -- what was loaded stays readable
    assert.equal(before, #target:journal())
  end)

  it("case 38: close inside a hook: an error or the answer, one arrival at most", function()
    for _, name in ipairs { "on_request", "on_response" } do
      for _, method in ipairs(wire.METHODS) do
        local target = start()
        local client
        local closed = 0
        client = wire.client(target, { hooks = { [name] = function()
          closed = closed + 1
          client:close()
          client:close()
        end } })
        local ok, value, err = pcall(wire.call, client, method)
        assert.equal(1, closed)
        local arrivals = #target:journal()
        assert.is_true(arrivals <= 1)
        if ok and not value and arrivals == 1 then assert.equal("unknown", err.outcome) end
        if name == "on_request" then
          assert.equal(0, arrivals)
          assert.is_falsy(ok and value)
        end
        ok = pcall(wire.call, client, method)
        assert.is_true(ok == false or closed == 1)
        assert.equal(arrivals, #target:journal())
        target:stop()
      end
    end
  end)

  it("case 38: closed while a call waits to be let in: a usage error, and the call's place is free again", function()
    local target = start()
    local client = wire.client(target)
    local left
    local caller = coroutine.create(function() return client:contract(4711):get { as = wire.SVEN } end)
    local loops = require "oneflow.gather.loop"
    loops.task = {
      co = caller,
      admit = function()
        client:close()
        return "a pass"
      end,
      leave = function(_, pass) left = pass end,
    }
    local good, message = coroutine.resume(caller)
    loops.task = false
    assert.is_false(good)
    assert.is_truthy(string.find(message, "the client is closed", 1, true), message)
    assert.equal("a pass", left)
    assert.equal(0, #target:journal())
  end)

  it("case 38: closed by a finalizer in the middle of the engine's own functions: a usage error, or nothing is shown",
    function()
    local target = start()
    local results = process.start(function(args)
      local core = require "oneflow.core"
      local text = args.token .. " and " .. args.token
      local functions = {
        submit = function(engine) return engine:submit(nil, "GET", true, "/contracts/1", "sven@example.com", 5) end,
        follow = function(engine) return engine:follow(nil, args.url .. "/file", 5, "bytes") end,
        mask = function(engine) return engine:mask(text) end,
      }
      local ended = {}
      collectgarbage("setpause", 100)
      for name, fn in pairs(functions) do
        local seen, rounds = {}, 0
        repeat
          local engine = assert(require("spec.support.engine") { base_url = args.url, token = args.token })
          local now = { inside = false } -- no local variable: LuaJIT may keep that from a finalizer
          now.filler = string.rep("x", rounds * 61 % 8192) -- so that collections do not keep in step with the rounds
          core.seal({}, { __gc = function()
            now.over, now.closed = true, now.inside
            engine:close()
          end })
          while not now.over do -- nothing else is allocated than in there
            now.inside = true
            local _, value = pcall(fn, engine)
            now.inside = false
            if now.closed then seen[string.gsub(tostring(value), "^.-:%d+: ", "")] = true end
          end
          rounds = rounds + 1
        until rounds >= 20 and next(seen) or rounds == 1000
        ended[name] = {}
        for value in pairs(seen) do table.insert(ended[name], value) end
      end
      return ended
    end, { url = target.url, token = wire.TOKEN }):result()
    local expected = { submit = { ["the client is closed"] = true }, follow = { ["the client is closed"] = true },
      mask = { ["***"] = true, ["*** and ***"] = true } }
    for name, values in pairs(results) do
      assert.is_not_nil(values[1], name .. ": never in there")
      for _, value in ipairs(values) do assert.is_true(expected[name][value], name .. ": " .. value) end
    end
    assert.equal(0, #target:journal())
  end)

  it("case 38: a page, a handle, a user and an iteration outlive the client that was dropped", function()
    local target = start()
    local page, sven, contract
    do
      local client = wire.client(target)
      sven = assert(client:user(wire.SVEN))
      page = assert(sven.contracts:list { limit = 1 })
      contract = sven:contract(4711)
    end
    for _ = 1, 3 do collectgarbage() end
    assert.equal(1, page[1].id)
    local second = assert(page:next())
    assert.equal(2, second[1].id)
    assert(contract:get())
    local seen = 0
    for _ in assert(wire.client(target):user(wire.SVEN)).contracts:each({}, { page_size = 1 }) do
      seen = seen + 1
      collectgarbage()
    end
    assert.equal(2, seen)
    page, sven, contract, second = nil, nil, nil, nil
    for _ = 1, 3 do collectgarbage() end
    local _ = page or sven or contract or second
  end)

  it("case 38: collection while a call is under way, from its hooks and its token function", function()
    local target = start()
    local function collect() for _ = 1, 2 do collectgarbage() end end
    for _, method in ipairs(wire.METHODS) do
      assert(wire.call(assert(oneflow.client {
        base_url = target.url, token = function() collect() return wire.TOKEN end,
        hooks = { on_request = collect, on_response = collect },
      }), method))
    end
  end)

  it("case 38: clients that are never closed are collected with their connections", function()
    local posix = require("spec.support.host").posix()
    local target = start()
    wire.good_call(wire.client(target))
    for _ = 1, 3 do collectgarbage() end
    local before = posix.fds()
    for _ = 1, 30 do wire.good_call(wire.client(target)) end
    for _ = 1, 3 do collectgarbage() end
    assert.equal(before, posix.fds())
    target:wait("closed", 31)
  end)

  for _, secure in ipairs { false, true } do
    it("case 38: os.exit in a hook, in a token function and after a call ends the process as asked"
      .. (secure and ", over TLS" or ""), function()
      local target = start(secure)
      for _, place in ipairs { "on_request", "on_response", "token", "each", "after", "coroutine", "end" } do
        for _, close in ipairs { true, false } do
          local child = process.start(function(args)
            local library = require "oneflow"
            local armed = false
            local function leave() if armed then os.exit(7, args.close) end end
            local client = assert(library.client {
              base_url = args.url, ca_file = args.ca,
              token = function() if args.place == "token" then leave() end return args.token end,
              hooks = { [args.place] = args.place ~= "token" and string.find(args.place, "^on_") and leave
                or nil },
            })
            if args.place ~= "token" then assert(client:contract(4711):get { as = args.user }) end
            armed = true
            if args.place == "each" then
              for _ in client.contracts:each({}, { page_size = 1, as = args.user }) do leave() end
            elseif args.place == "coroutine" then
              coroutine.wrap(function()
                assert(client:contract(4711):get { as = args.user })
                leave()
              end)()
            elseif args.place == "after" then
              assert(client:contract(4711):publish({ subject = "s", message = "m" }, { as = args.user }))
              leave()
            elseif args.place == "end" then
              return {} -- the state closes with everything open
            else
              client:contract(4711):publish({ subject = "s", message = "m" }, { as = args.user })
            end
            return { reached = "the end" }
          end, {
            url = target.url, ca = secure and tls.certificates().ca or nil, token = wire.TOKEN,
              user = wire.SVEN, place = place,
            close = close,
          })
          local code, signal, output, errors = child:wait()
          assert.equal(0, signal, place .. ": " .. errors)
          assert.equal(place == "end" and 0 or 7, code, place .. ": " .. output .. errors)
        end
      end
    end)
  end
end)

-- A raise inside the user's own functions passes on, after clean-up.
local host = require "spec.support.host"
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local function start(status)
  return server.start(function(s, args)
    s.serve(function(c)
      for request in function() return c:request() end do
        if request.number == 1 and args.status then
          c:reply(args.status, { "content-type: application/json" }, "{}")
        else
          c:good(request)
        end
      end
    end)
  end, { status = status })
end

describe("hooks:", function()
  after_each(wire.clean)

  local values = { text = "boom", object = setmetatable({},
    { __tostring = function() return "boom object" end }), number = 42, none = false }

  for _, name in ipairs { "on_request", "on_response", "token" } do
    for kind, value in pairs(values) do
      it("case 39: a raise (" .. kind .. ") inside " .. name
        .. " passes on as it is, and the client is usable", function()
        for _, method in ipairs(wire.METHODS) do
          for _, status in ipairs { false, 503 } do
            local target = start(status or nil)
            local armed = true
            local function raise()
              if armed then
                armed = false
                error(value, 0)
              end
            end
            local options = { base_url = target.url, token = wire.TOKEN, hooks = {} }
            if name == "token" then
              options.token = function() raise() return wire.TOKEN end
            else
              options.hooks[name] = raise
            end
            local client = assert(oneflow.client(options))
            local ok, message = pcall(wire.call, client, method)
            assert.is_false(ok)
            assert.is_false(armed)
            if kind == "text" then
              assert.is_truthy(string.find(tostring(message), "boom", 1, true))
            else
              assert.equal(value, message)
            end
            assert.equal(name == "on_response" and 1 or 0, #target:journal())
            if status and name ~= "on_response" then assert.is_nil((wire.call(client,
              "GET"))) end -- takes the 503
            wire.good_call(client)
            wire.good_call(client)
            client:close()
            target:stop()
          end
        end
      end)
    end
  end

  it("case 39: a raise inside each's loop body passes on, and the client is usable", function()
    local target = wire.healthy()
    local client = wire.client(target)
    local ok, message = pcall(function()
      for _ in client.contracts:each({}, { as = wire.SVEN }) do error("boom") end
    end)
    assert.is_false(ok)
    assert.is_truthy(string.find(message, "boom", 1, true))
    wire.good_call(client)
  end)

  it("case 39: a call inside a hook is answered with its own answer, and so is the outer one", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          c:reply(200, { "content-type: application/json" }, '{"id":'
            .. string.match(request.target, "/contracts/(%d+)") .. "}")
        end
      end)
    end)
    for _, name in ipairs { "on_request", "on_response" } do
      local client, inner
      client = wire.client(target, { hooks = { [name] = function()
        if inner == nil then
          inner = false
          inner = assert(client:contract(2):get { as = "anna@example.com" })
        end
      end } })
      local outer = assert(client:contract(1):get { as = wire.SVEN })
      assert.equal(1, outer.data.id)
      assert.equal(2, inner.data.id)
    end
    for _, request in ipairs((target:journal())) do
      assert.equal(string.find(request.target, "/contracts/2", 1, true) and "anna@example.com" or wire.SVEN,
        request.headers["x-oneflow-user-email"])
    end
  end)

  -- Large answers, each another string, so that the collector runs while they become strings.
  it("case 39: a call inside a finalizer is answered with its own answer, and so is the one that it interrupts",
    function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          c:reply(200, { "content-type: application/json" }, '{"id":'
            .. string.match(request.target, "/contracts/(%d+)") .. string.rep(" ", 300000 + request.number) .. "}")
        end
      end)
    end)
    local client = wire.client(target)
    local failures, finalized = {}, 0
    local function call(id)
      local good, contract, err = pcall(function() return client:contract(id):get { as = wire.SVEN } end)
      if not good or not contract or contract.data.id ~= id then
        failures[#failures + 1] = tostring(not good and contract or err or contract.data.id)
      end
    end
    local finalizer = { __gc = function()
      finalized = finalized + 1
      call(2)
    end }
    local function garbage()
      if host.lua ~= "luajit" then return setmetatable({}, finalizer) end
      getmetatable(newproxy(true)).__gc = finalizer.__gc -- LuaJIT finalizes userdata only
    end
    local rounds = 0
    repeat
      rounds = rounds + 1
      for _ = 1, 20 do garbage() end
      call(1)
    until finalized > 500 or rounds == 1000 or failures[1]
    assert.same({}, failures)
    assert.is_true(finalized > 0)
  end)

  it("hooks see the call without secrets", function()
    local target = start()
    local seen = {}
    local function look(name)
      return function(info)
        wire.no_canary(info, name)
        seen[name] = info
      end
    end
    local client = wire.client(target, { hooks = { on_request = look("on_request"),
      on_response = look("on_response") } })
    assert(wire.call(client, "POST"))
    assert.equal("contract.publish", seen.on_request.operation)
    assert.equal("contract.publish", seen.on_response.operation)
    assert.equal(200, seen.on_response.status)
  end)
end)

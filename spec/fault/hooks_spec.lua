-- Errors in the caller's own functions: before the request they are raised to the caller, after it they are reported.
local host = require "spec.support.host"
local oneflow = require "oneflow"
local process = require "spec.support.process"
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

-- Answers with the contract that the path names; or as the case below wants it.
local function start_echo()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)") or "1"
        if id == "401" and request.headers["x-oneflow-api-token"] == string.rep("a", 40) then
          c:reply(401, { "content-type: application/json" }, "{}")
        elseif id == "503" then
          c:reply(503, { "content-type: application/json", "x-request-id: r-77" }, "{}")
        elseif string.find(request.target, "/files/", 1, true) then
          c:reply(302, { "location: http://" .. request.headers.host .. "/elsewhere" }, "")
        elseif string.find(request.target, "/elsewhere", 1, true) then
          c:reply(200, { "content-type: application/pdf" }, "%PDF")
        else
          c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. "}")
        end
      end
    end)
  end)
end

describe("hooks:", function()
  after_each(wire.clean)

  local values = { text = "boom", object = setmetatable({},
    { __tostring = function() return "boom object" end }), number = 42, none = false }

  for _, name in ipairs { "on_request", "token" } do
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
            assert.equal(0, #target:journal())
            if status then assert.is_nil((wire.call(client, "GET"))) end -- takes the 503
            wire.good_call(client)
            wire.good_call(client)
            client:close()
            target:stop()
          end
        end
      end)
    end
  end

  for kind, value in pairs(values) do
    it("case 62: a raise (" .. kind .. ") inside on_response goes to on_error, once; the caller gets what came",
      function()
      for _, method in ipairs(wire.METHODS) do
        for _, status in ipairs { false, 503 } do
          local target = start(status or nil)
          local problems, infos = {}, {}
          local client = wire.client(target, { hooks = {
            on_response = function() if #infos == 0 then error(value, 0) end end,
            on_error = function(problem, info)
              problems[#problems + 1], infos[#infos + 1] = problem, info
            end,
          } })
          local contract, err = wire.call(client, method)
          assert.equal(value, problems[1])
          assert.equal(1, #infos)
          assert.equal("on_response", infos[1].raised_in)
          assert.equal(method, infos[1].method)
          assert.equal(wire.SVEN, infos[1].acting_user)
          assert.equal(status or 200, infos[1].status)
          if status then
            assert.equal("unknown", err.outcome)
            assert.equal("unknown", infos[1].outcome)
          else
            assert.equal(4711, contract.id)
          end
          assert.equal(1, #target:journal())
          wire.good_call(client)
          client:close()
          target:stop()
        end
      end
    end)
  end

  it("case 62: a raise inside on_response takes no result from map", function()
    local target = start_echo()
    local told = 0
    local client = wire.client(target, { hooks = {
      on_response = function(info) return info.milliseconds + 1 end,
      on_error = function() told = told + 1 end,
    } })
    local user = client:user(wire.SVEN)
    local results, failures = oneflow.map({ 11, 12, 13, 14 }, function(id) return user:contract(id):publish {} end)
    assert.same({}, failures)
    for i = 1, 4 do assert.equal(10 + i, results[i].id) end
    assert.equal(4, told)
  end)

  -- What a child wrote to standard error: lines.
  local function written(fn)
    local target = wire.healthy()
    local child = process.start(fn, { url = target.url, token = wire.TOKEN, user = wire.SVEN })
    child:result()
    local lines = {}
    for line in string.gmatch(child.errors, "([^\n]*)\n") do lines[#lines + 1] = line end
    assert.is_nil(string.find(child.errors, "canary", 1, true))
    return lines, #target:journal()
  end

  it("case 62: without on_error a line is written to standard error, without the token and without control bytes",
    function()
    local lines, arrived = written(function(args)
      local client = assert(require("oneflow").client { base_url = args.url, token = args.token, hooks = {
        on_response = function() error("log\r\nserver: " .. args.token .. " is gone", 0) end,
      } })
      assert(client:contract(4711):publish({}, { as = args.user }))
    end)
    assert.same({ "oneflow: contract.publish as sven@example.com: on_response raised: log server: *** is gone "
      .. "(the call: done, status 200) [POST /contracts/4711/publish]" }, lines)
    assert.equal(1, arrived)
  end)

  it("case 62: the same when on_error raises, or causes errors itself, or when nothing can be printed", function()
    local lines, arrived = written(function(args)
      local function client(on_response, on_error)
        return assert(require("oneflow").client { base_url = args.url, token = args.token, hooks = {
          on_response = on_response, on_error = on_error,
        } })
      end
      local function publish(one) assert(one:contract(4711):publish({}, { as = args.user })) end
      publish(client(function() error("first", 0) end, function() error("second", 0) end))
      local one
      one = client(function() error("again", 0) end, function() publish(one) end)
      publish(one)
      publish(client(function(info)
        info.operation, info.status = false, {}
        error(setmetatable({}, { __tostring = function() error "no" end }))
      end))
    end)
    assert.same({
      "oneflow: contract.publish as sven@example.com: on_response raised: first (the call: done, status 200); "
        .. "and on_error raised: second [POST /contracts/4711/publish]",
      "oneflow: contract.publish as sven@example.com: on_response raised: again (the call: done, status 200) "
        .. "[POST /contracts/4711/publish]",
      "oneflow: contract.publish as sven@example.com: on_response raised: a value that does not print: table",
    }, lines)
    assert.equal(4, arrived)
  end)

  it("case 62: a debug hook or Ctrl-C that strikes when the answer has come passes on; what was done is reported",
    function()
    local target = start_echo()
    for _, method in ipairs(wire.METHODS) do
      local child = process.start(function(args)
        if rawget(_G, "jit") then rawget(_G, "jit").off() end -- compiled code calls no debug hook
        local problems, infos = {}, {}
        local function strike()
          if not string.find(debug.getinfo(2, "S").source, "oneflow/call/", 1, true) then return end
          debug.sethook()
          error("interrupted", 0)
        end
        local client = assert(require("oneflow").client { base_url = args.url, token = args.token, hooks = {
          on_response = function() debug.sethook(strike, "l") end,
          on_error = function(problem, info) problems[#problems + 1], infos[#infos + 1] = problem, info end,
        } })
        local contract = client:user(args.user):contract(args.id)
        local good, message = pcall(args.method == "POST" and contract.publish or contract.get, contract)
        return { good = good, message = message, problem = problems[1], info = infos[1], count = #problems }
      end, { url = target.url, token = wire.TOKEN, user = wire.SVEN, method = method, id = 12 })
      local result = child:result()
      assert.is_false(result.good)
      assert.equal("interrupted", result.message)
      assert.equal("", child.errors)
      assert.equal(method == "POST" and 1 or 0, result.count)
      if method == "POST" then
        assert.equal("interrupted", result.problem)
        assert.equal("call", result.info.raised_in)
        assert.equal("contract.publish", result.info.operation)
        assert.equal(200, result.info.status)
      end
    end
    assert.equal(2, #target:journal())
  end)

  it("case 62: on_response that yields for a scheduler of its own, in a gather: that the call may have been applied is "
    .. "told", function()
    local target = start_echo()
    local problems, infos = {}, {}
    local client = wire.client(target, { hooks = {
      on_response = function() coroutine.yield() end,
      on_error = function(problem, info) problems[#problems + 1], infos[#infos + 1] = problem, info end,
    } })
    local _, failures = oneflow.gather { function() return client:contract(77):publish({}, { as = wire.SVEN }) end }
    assert.is_truthy(string.find(failures[1].err, "yielded by itself", 1, true))
    assert.equal(1, #problems)
    assert.equal(failures[1].err, problems[1])
    assert.equal("call contract.publish /contracts/77/publish unknown", table.concat({ infos[1].raised_in,
      infos[1].operation, infos[1].path, infos[1].outcome }, " "))
    assert.equal(1, #target:journal())
  end)

  it("case 62: wherever in a call it is raised, what has arrived is reported, once", function()
    local target = start_echo()
    local child = process.start(function(args)
      if rawget(_G, "jit") then rawget(_G, "jit").off() end
      local told, struck = {}, {}
      local function tell(info)
        local id = string.match(info.path, "/contracts/(%d+)/publish")
        told[id] = (told[id] or 0) + 1
      end
      local client = assert(require("oneflow").client { base_url = args.url, token = args.token, hooks = {
        on_error = function(_, info) tell(info) end,
      } })
      local sven = client:user(args.user)
      assert(sven:contract(1):get()) -- all is loaded
      local id = 1000
      local over
      repeat
        id = id + 1
        local contract, lines, struck_at = sven:contract(id), 0, nil
        local function strike()
          lines = lines + 1
          if lines < id - 1000 then return end
          debug.sethook()
          struck_at = 0 -- how many pcalls it is inside of: none, when the call is over but for its return
          local level = 2
          while debug.getinfo(level, "f") do
            if debug.getinfo(level, "f").func == pcall then struck_at = struck_at + 1 end
            level = level + 1
          end
          error("struck", 0)
        end
        pcall(function()
          debug.sethook(strike, "l")
          local value = contract:publish()
          debug.sethook()
          return value
        end)
        debug.sethook()
        struck[string.format("%d", id)], over = struck_at or 0, not struck_at
      until over
      return { told = told, struck = struck, last = id }
    end, { url = target.url, token = wire.TOKEN, user = wire.SVEN })
    local result = child:result()
    local base
    for _, inside in pairs(result.struck) do base = math.min(base or inside, inside > 0 and inside or math.huge) end
    for id in string.gmatch(child.errors, "POST /v1/contracts/(%d+)/publish") do
      result.told[id] = (result.told[id] or 0) + 1
    end
    local arrived, inside_of_calls = {}, 0
    for _, request in ipairs((target:journal())) do
      local id = string.match(request.target, "/contracts/(%d+)/publish")
      if id then arrived[id] = (arrived[id] or 0) + 1 end
    end
    for id, inside in pairs(result.struck) do
      if inside > base then
        inside_of_calls = inside_of_calls + 1
        assert.equal(arrived[id] or 0, result.told[id] or 0, "line " .. id)
      end
    end
    assert.is_true(inside_of_calls > 50)
    assert.equal(1, arrived[string.format("%d", result.last)])
  end)

  -- ---- the hooks' tables ---------------------------------------------------------------------------------------

  -- Of the annotations: by class, its base and its fields, each { type =, optional = }.
  local function classes()
    local all, name = {}, nil
    for _, path in ipairs { "call/events", "errors/report" } do
      for line in io.lines(host.root .. "/lua/oneflow/" .. path .. ".lua") do
        local class, base = string.match(line, "^%-%-%-@class ([%w.]+):? ?([%w.]*)$")
        local field, type_name, optional = string.match(line, "^%-%-%-@field ([%w_]+) ([%w.]+)(%??)")
        if class then
          name = class
          all[name] = { fields = {}, base = base }
        elseif field then
          all[name].fields[field] = { type = type_name, optional = optional == "?" }
        end
      end
    end
    for _, one in pairs(all) do
      local base = all[one.base]
      while base do
        for key, field in pairs(base.fields) do one.fields[key] = field end
        base = all[base.base]
      end
    end
    return all
  end

  local TYPES = { integer = "number", ["oneflow.Kind"] = "string", ["oneflow.Outcome"] = "string" }

  local function check_info(class, info, where)
    for name, value in pairs(info) do
      local field = class.fields[name]
      assert.is_truthy(field, where .. ": " .. name .. " is not annotated")
      assert.equal(TYPES[field.type] or field.type, type(value), where .. ": " .. name)
      if field.type == "integer" then assert.equal(math.floor(value), value) end
    end
    for name, field in pairs(class.fields) do
      assert.is_true(field.optional or info[name] ~= nil, where .. ": " .. name .. " is missing")
    end
  end

  it("the hooks' tables hold what the annotations and docs/objects.md say, and nothing else", function()
    local target = start_echo()
    local annotated, seen, count = classes(), {}, 0
    local hook_class = { on_request = "oneflow.RequestInfo", on_response = "oneflow.ResponseInfo",
      on_error = "oneflow.ErrorInfo" }
    local function look(hook, info)
      check_info(annotated[hook_class[hook]], info, hook)
      for name in pairs(info) do seen[name] = true end
      count = count + 1
    end
    local client = wire.client(target, {
      token = function(reason) return string.rep(reason == "first" and "a" or "b", 40) end,
      hooks = {
        on_request = function(info) look("on_request", info) end,
        on_response = function(info)
          look("on_response", info)
          if info.kind == "server" then error "told to on_error" end
        end,
        on_error = function(_, info) look("on_error", info) end,
      },
    })
    local user = client:user(wire.SVEN)
    assert(user:contract(401):get())
    assert.is_nil((user:contract(503):publish {}))
    assert(user:contract(1):file(2):download())
    client:ping()
    target:stop()
    client:ping()
    assert.equal(2 * 7 + 1, count)
    seen.orphaned = true -- the specs of nginx see that one
    for name in pairs(annotated["oneflow.ErrorInfo"].fields) do assert.is_true(seen[name], name .. " never came") end

    local documented, inside = {}, false
    for line in io.lines(host.root .. "/docs/objects.md") do
      inside = inside and line ~= "" or string.find(line, "^| field of `info` ")
      local names, type_name = string.match(line, "^| (`[^|]*) | ([%w?]+) |")
      for name in string.gmatch(inside and names or "", "`([%w_]+)`") do documented[name] = type_name end
    end
    local expected = {}
    for name, field in pairs(annotated["oneflow.ErrorInfo"].fields) do
      local type_name = string.find(field.type, "^oneflow%.") and "string" or field.type
      expected[name] = type_name .. (field.optional and "?" or "")
    end
    assert.same(expected, documented)
  end)

  it("case 62: a transport that raises is an error: it may have been applied before; the client is usable", function()
    local broken = setmetatable({}, { __tostring = function() return "a broken pipe\n" .. wire.TOKEN end })
    for text, value in pairs { ["the transport raised: no route"] = "no route",
      ["the transport raised: a broken pipe ***"] = broken } do
      local armed, told = true, {}
      local client = assert(oneflow.client { token = wire.TOKEN, hooks = {
        on_response = function(info) told[#told + 1] = tostring(info.kind) .. " " .. tostring(info.outcome) end,
      }, transport = function()
        if armed then error(value, 0) end
        return 200, { ["content-type"] = "application/json" }, '{"id":4711,"_private":{"name":"Contract 4711"}}'
      end })
      for i, method in ipairs(wire.METHODS) do
        armed = true
        local contract, err = wire.call(client, method)
        assert.is_nil(contract)
        assert.equal("connection", err.kind)
        assert.equal("unknown", err.outcome)
        assert.equal(text, err.detail)
        assert.equal(method == "GET", err.retryable)
        assert.equal("connection unknown", told[2 * i - 1])
        armed = false
        wire.good_call(client)
      end
    end
  end)

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
    local client = wire.client(target, { timeout = 60 }) -- the finalizers, all at once, count
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
    local pause = collectgarbage("setpause", 100) -- a heap that other specs left large is collected all the same
    finally(function() collectgarbage("setpause", pause) end)
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

-- Memory that cannot be had in libcurl, TLS or the core: an error, no crash, and nothing of that call in the next one.
-- lua-cjson's own allocations are left out: where it has no memory it ends the process.
local cjson = require "cjson"
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

-- Answers with the number of the contract and who asked.
local function echoing(secure)
  local target = server.start(function(s, args)
    s.serve(function(c)
      if args.good and not c:tls(args.good) then return end
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"'
          .. request.headers["x-oneflow-user-email"] .. '"}')
      end
    end)
  end, { good = secure and tls.certificates().good or nil })
  if secure then target.url = target.https end
  return target
end

-- In a process of its own: Anna's call for contract n is made while the n-th allocation fails, until a call needs
-- fewer; after each of them Sven reads. -> what became of each
local function sweep(args)
  local failing = assert(package.loadlib(args.library, "luaopen_failing_malloc"))()
  local oneflow = require "oneflow"
  local client, anna, sven, run
  local calls = {}
  local query = { filter = "a b&c" }
  function calls.GET(n) return anna:request("GET", "/contracts/" .. n, { query = query }) end
  function calls.POST(n)
    return anna:request("POST", "/contracts/" .. n, { query = query, body = { n = n, secret = ("s"):rep(200) } })
  end
  local function open()
    client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = args.token, timeout = 5 })
    anna, sven = client:user "anna@example.com", client:user "sven@example.com"
    run = calls[args.method]
    if args.threads then -- in the I/O thread
      local gatherer, value, err = oneflow.gatherer {}, nil, nil
      function run(n)
        gatherer:add(function() return calls[args.method](n) end, function(...) value, err = ... end)
        gatherer:wait()
        return value, err
      end
    end
  end
  open()
  if not args.first_call then assert(run(0)) end
  local results, n, counted = {}, 0
  repeat
    n = n + 1
    failing.arm(n, args.count, args.threads or "all")
    local good, value, err = pcall(run, n)
    counted = failing.disarm()
    local result = { done = good and value and true, kind = good and not value and err.kind }
    result.outcome = result.kind and err.outcome
    result.text = tostring(good and err or value)
    local contract, problem = sven:contract(n):get()
    result.next = contract and contract.id .. " by " .. contract.data.name or tostring(problem)
    results[n] = result
    if args.first_call then
      client:close()
      open()
    end
  until counted < n
  return results
end

describe("allocations:", function()
  after_each(wire.clean)

  -- What arrived is what was asked for, whole.
  local function check_arrival(request, method, n)
    local anna = request.headers["x-oneflow-user-email"] == "anna@example.com"
    assert.equal(anna and method or "GET", request.method)
    assert.equal("/v1/contracts/" .. n .. (anna and "?filter=a%20b%26c" or ""), request.target)
    assert.equal(wire.TOKEN, request.headers["x-oneflow-api-token"])
    if request.method == "GET" then
      assert.equal("", request.body)
      assert.is_nil(request.headers["content-type"])
    else
      assert.same({ n = n, secret = string.rep("s", 200) }, cjson.decode(request.body))
    end
    return anna
  end

  local function run(options)
    local target = echoing(options.secure)
    options.library, options.url, options.ca = host.failing "malloc", target.url, tls.certificates().ca
    options.token, options.count = wire.TOKEN, options.count or 1
    local results = process.start(sweep, options, {
      env = { LD_PRELOAD = options.library, FAILING_MALLOC_SKIP = "main,liblua,libluajit,libgcc,cjson.so" },
    }):result()
    local arrived = {}
    for _, request in ipairs((target:journal())) do
      local n = tonumber(string.match(request.target, "^/v1/contracts/(%d+)"))
      if check_arrival(request, options.method, n) then arrived[n] = (arrived[n] or 0) + 1 end
    end
    assert.is_true(#results > 1, "allocations were counted")
    assert.is_true(results[#results].done)
    for n, result in ipairs(results) do
      local where = string.format("allocation %d of %d: %s", n, #results, result.text)
      local count = arrived[n] or 0
      assert.equal(string.format("%d by sven@example.com", n), result.next, where)
      if result.done then
        assert.equal(1, count, where)
      elseif result.outcome == "unknown" then
        assert.equal("memory", result.kind, where)
        assert.is_true(count <= 1, where)
      else
        if result.kind then assert.equal("not_sent", result.outcome, where)
        else assert.is_truthy(string.find(result.text, "not enough memory", 1, true), where) end
        assert.equal(0, count, where)
      end
    end
    target:stop()
  end

  for _, method in ipairs(wire.METHODS) do
    for _, first_call in ipairs { false, true } do
      for _, where in ipairs { { "inline" }, { "in the caller's thread", "own" }, { "in the I/O thread", "others" } } do
        for _, how in ipairs { { "each fails once", 1 }, { "all fail from one on", -1 } } do
          local name = string.format("case 56: %s of a %s client, %s: %s", method, first_call and "new" or "used",
            where[1], how[1])
          it(name, function()
            run { method = method, first_call = first_call, threads = where[2], count = how[2] }
          end)
        end
      end
    end
  end

  -- In a process of its own: two POSTs are on the wire and one is begun when a function of libcurl's fails.
  -- -> what became of each, and of the next call
  local function broken_multi(args)
    local failing = assert(package.loadlib(args.library, "luaopen_failing_curl"))()
    local native = require "oneflow.core"
    local engine = native.engine { base_url = args.url, token = args.token, user_agent = "spec" }
    local queue = native.queue(args.threaded and "threaded" or "inline")
    local function submit(method, path)
      return (engine:submit(nil, method, method == "GET", path, "sven@example.com", 5, nil, nil, nil, false, queue))
    end
    local function finish(ticket)
      while not engine:done(ticket) do queue:wait(0.1) end
      local status, answer, _, _, connects = engine:take(ticket)
      return { status = status, answer = status and answer, connects = connects, kind = not status and answer.kind,
        sent = not status and answer.sent }
    end
    local held = { submit("POST", "/held/1"), submit("POST", "/held/2") }
    repeat local seen = finish(submit("GET", "/seen")) until seen.answer == "2"
    failing.fail(args.name, args.code)
    local result = { late = finish(submit("POST", "/late")), failed = failing.failed(), held = {} }
    for i, ticket in ipairs(held) do result.held[i] = finish(ticket) end
    result.next = finish(submit("GET", "/seen"))
    engine:close()
    return result
  end

  for _, threaded in ipairs { false, true } do
    for _, name in ipairs { "curl_multi_add_handle", "curl_multi_socket_action", "curl_multi_timeout",
      "curl_multi_remove_handle" } do
      it(string.format("case 56: %s fails %s: what runs ends as memory, by whether it was sent; the next call is good",
        name, threaded and "in the I/O thread" or "inline"), function()
        for _, code in ipairs { 3, 4 } do -- out of memory, internal error
          local target = server.start(function(s)
            local held = 0
            s.serve(function(c)
              for request in function() return c:request() end do
                if string.find(request.target, "/held", 1, true) then
                  held = held + 1
                  return c:until_closed()
                end
                c:reply(200, { "content-type: application/json" }, tostring(held))
              end
            end)
          end)
          local library = host.failing "curl"
          local result = process.start(broken_multi, { url = target.url, token = wire.TOKEN, library = library,
            name = name, code = code, threaded = threaded }, { env = { LD_PRELOAD = library } }):result()
          for _, held in ipairs(result.held) do assert.same({ "memory", true }, { held.kind, held.sent }) end
          assert.equal(2, #result.held)
          assert.is_true(result.failed)
          local late = 0
          for _, request in ipairs((target:journal())) do if request.target == "/v1/late" then late = late + 1 end end
          if result.late.status then -- it failed after the answer
            assert.equal(1, late)
          else
            assert.equal("memory", result.late.kind)
            assert.equal(result.late.sent and 1 or 0, late)
          end
          assert.same({ 200, "2", 1 }, { result.next.status, result.next.answer, result.next.connects })
          target:stop()
        end
      end)
    end
  end
end)

-- Failing allocations in libcurl, TLS or the core: an error, no crash, and no effect on the next call. lua-cjson's own
-- allocations are left out, because it ends the process when one fails.
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

-- In a separate process: Anna's call for contract n is made while the n-th allocation fails, until a call needs fewer;
-- after each of them Sven reads. -> the result of each
local function sweep(args)
  local failing = assert(package.loadlib(args.library, "luaopen_failing_malloc"))()
  local oneflow = require "oneflow"
  local client, anna, sven, gatherer
  local calls = {}
  local query = { filter = "a b&c" }
  function calls.GET(n) return anna:request("GET", "/contracts/" .. n, { query = query }) end
  function calls.POST(n)
    return anna:request("POST", "/contracts/" .. n, { query = query, body = { n = n, secret = ("s"):rep(200) } })
  end
  function calls.next(n) return sven:contract(n):get() end
  local function open()
    client = assert(oneflow.client { base_url = args.url, ca_file = args.ca, token = args.token, timeout = 5 })
    anna, sven = client:user "anna@example.com", client:user "sven@example.com"
    gatherer = args.threads and oneflow.gatherer {} -- in the I/O thread
  end
  local function run(call, n)
    if not gatherer then return call(n) end
    local value, err
    gatherer:add(function() return call(n) end, function(...) value, err = ... end)
    gatherer:wait()
    return value, err
  end
  open()
  if not args.first_call then assert(run(calls[args.method], 0)) end
  local results, n, counted = {}, 0
  repeat
    n = n + 1
    failing.arm(n, args.count, args.threads or "all")
    local good, value, err = pcall(run, calls[args.method], n)
    counted = failing.disarm()
    local result = { done = good and value and true, kind = good and not value and err.kind }
    result.outcome = result.kind and err.outcome
    result.text = tostring(good and err or value)
    local contract, problem = run(calls.next, n)
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

  -- How often each result followed a failed allocation; see it with `make oom`.
  local came = {}
  local function count_result(result)
    local what = result.done and "done all the same" or result.kind .. ", " .. result.outcome
    came[what] = (came[what] or 0) + 1
  end

  teardown(function()
    local words, all = {}, 0
    for what, times in pairs(came) do
      words[#words + 1] = string.format("%d %s", times, what)
      all = all + times
    end
    table.sort(words)
    print(string.format("  %d calls with a failing malloc: %s; no signal, no exit, and each next call was its own", all,
      table.concat(words, "; ")))
  end)

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
      count_result(result)
      assert.equal(string.format("%d by sven@example.com", n), result.next, where)
      if result.done then
        assert.equal(1, count, where)
      else
        assert.is_string(result.kind, where)
        if result.outcome == "unknown" then
          assert.is_true(count <= 1, where)
        else
          assert.equal("not_sent", result.outcome, where)
          assert.equal(0, count, where)
        end
        -- A lack of memory of the system or TLS during a look-up or I/O is reported as the failure of that operation.
        if not options.secure and not string.find(result.text, "Could not resolve", 1, true) then
          assert.equal("memory", result.kind, where)
        end
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
          if not first_call then
            it(name .. ", over TLS", function()
              run { method = method, threads = where[2], count = how[2], secure = true }
            end)
          end
        end
      end
    end
  end

  -- In a process of its own: file n goes or comes while the n-th allocation fails, until that needs fewer.
  local function transfers(args)
    local failing = assert(package.loadlib(args.library, "luaopen_failing_malloc"))()
    local oneflow = require "oneflow"
    local client = assert(oneflow.client { base_url = args.url, token = args.token, timeout = 5 })
    local sven = client:user "sven@example.com"
    local calls = {}
    function calls.upload(n)
      local content = ("%PDF "):rep(1000) .. n
      return sven:contract(n).files:create { content = content, name = "a.pdf", upload_as = "attachment" }
    end
    function calls.download(n) return sven:contract(n):file(n):download() end
    function calls.disk(n) return sven:contract(n):file(n):download { to = args.folder .. "/" .. n } end
    function calls.packed(n)
      local value, err = sven:request("GET", "/packed/" .. n)
      return value and value.id, err
    end
    function calls.sink(n)
      local pieces = {}
      local good, err = sven:contract(n):file(n):download { sink = function(bytes) pieces[#pieces + 1] = bytes end }
      return good and table.concat(pieces), err
    end
    local results, n, counted = {}, 0
    repeat
      n = n + 1
      failing.arm(n, args.count)
      local good, value, err = pcall(calls[args.call], n)
      counted = failing.disarm()
      results[n] = { value = good and (args.call == "upload" and value and value.id or value) or false,
        kind = good and not value and err.kind, outcome = good and not value and err.outcome,
        text = tostring(good and err or value) }
      local contract = sven:contract(n):get()
      results[n].next = contract and contract.id
    until counted < n
    return results
  end

  local function packed()
    local folder = host.folder()
    host.write(folder .. "/a", '{"id":4711}')
    return (string.gsub(host.shell("gzip -nc " .. folder .. "/a | od -An -tx1"), "%s", ""))
  end

  for _, call in ipairs { "upload", "download", "disk", "sink", "packed" } do
    for _, how in ipairs { { "each fails once", 1 }, { "all fail from one on", -1 } } do
      it("case 56: a file, " .. call .. ", " .. how[1] .. ": whole, or an error", function()
        local target = server.start(function(s, args)
          s.serve(function(c)
            for request in function() return c:request() end do
              local id = string.match(request.target, "/(%d+)")
              if string.find(request.target, "^/storage") then
                c:reply(200, { "content-type: application/pdf" }, string.rep("%PDF ", 60000) .. id)
              elseif string.find(request.target, "/packed/") then
                c:reply(200, { "content-type: application/json", "content-encoding: gzip" },
                  (string.gsub(args.packed, "..", function(hex) return string.char(tonumber(hex, 16)) end)))
              elseif string.find(request.target, "/files/") then
                c:reply(302, { "location: http://127.0.0.1:" .. string.format("%d", s.port) .. "/storage/" .. id
                  .. "?signature=" .. id }, "")
              else
                c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"name":"a"}')
              end
            end
          end)
        end, { packed = packed() })
        local library, folder = host.failing "malloc", host.folder()
        local results = process.start(transfers, { url = target.url, token = wire.TOKEN, folder = folder, call = call,
          count = how[2], library = library }, { env = { LD_PRELOAD = library,
          FAILING_MALLOC_SKIP = "main,liblua,libluajit,libgcc,cjson.so" } }):result()
        local uploads, fetched = {}, {}
        for _, request in ipairs((target:journal())) do
          local id = tonumber(string.match(request.target, "/(%d+)"))
          if string.find(request.target, "^/storage") then
            assert.equal(string.format("/storage/%d?signature=%d", id, id), request.target)
            assert.is_nil(request.headers["x-oneflow-api-token"])
            fetched[id] = true
          elseif string.find(request.target, "/files/") then
            assert.equal(string.format("/v1/contracts/%d/files/%d?download=true", id, id), request.target)
          elseif string.find(request.target, "/files$") then
            uploads[id] = (uploads[id] or 0) + 1
            local content = "\r\n\r\n" .. string.rep("%PDF ", 1000) .. id .. "\r\n--"
            assert.is_truthy(string.find(request.body, content, 1, true))
          else
            assert.equal("GET", request.method)
          end
        end
        assert.is_true(#results > 1)
        for n, result in ipairs(results) do
          local where = string.format("allocation %d of %d: %s", n, #results, result.text)
          assert.equal(n, result.next, where)
          local whole = string.rep("%PDF ", 60000) .. n
          if result.value then
            if call == "upload" then assert.equal(1, uploads[n], where)
            elseif call == "packed" then assert.equal(4711, result.value, where)
            else assert.is_true(fetched[n], where) end
            if call == "disk" then assert.equal(whole, host.read(folder .. "/" .. n), where) end
            if call == "download" or call == "sink" then assert.equal(whole, result.value, where) end
          else
            assert.is_truthy(result.kind == "memory" or string.find(result.text, "Could not resolve", 1, true), where)
            if result.outcome == "not_sent" then assert.is_nil(uploads[n], where) end
            assert.is_nil(host.read(folder .. "/" .. n), where)
          end
        end
        assert.is_truthy(results[#results].value)
        assert.equal("", (string.gsub(host.shell("ls -A " .. folder), "%d+\n", "")), "nothing half is left")
        target:stop()
      end)
    end
  end

  -- In a process of its own: a client is made while the n-th allocation fails, until it needs fewer. -> what came of it
  local function making(args)
    local failing = assert(package.loadlib(args.library, "luaopen_failing_malloc"))()
    local oneflow, engine_of = require "oneflow", require "spec.support.engine"
    local options = args.options
    if args.asked then function options.token() return args.asked end end
    local results, n, counted = {}, 0
    repeat
      n = n + 1
      failing.arm(n, args.count)
      local client, err = oneflow.client(options)
      local value
      if client and args.asked then value, err = client:user("sven@example.com"):ping() end
      counted = failing.disarm()
      results[n] = { made = client and true, pinged = value and true, kind = err and err.kind, text = tostring(err) }
      local engine = engine_of { base_url = options.base_url }
      results[n].after = engine and engine:base_url()
      if client then
        local contract = client:user("sven@example.com"):contract(4711):get()
        results[n].id = contract and contract.id
        client:close()
      end
    until counted < n
    return results
  end

  local made_by = {
    { "a token", { token = wire.TOKEN } },
    { "a token file, a proxy and a CA file", { token_file = true, proxy = "http://127.0.0.1:1", ca_file = true } },
    { "a token function, asked while memory ends", {}, asked = wire.TOKEN },
    { "an URL that names a user", { token = wire.TOKEN }, url = "http://anna@", bad = true },
    { "an URL with a port that is none", { token = wire.TOKEN }, url = "http://127.0.0.1:99999/v1", bad = true },
  }
  for _, case in ipairs(made_by) do
    for _, how in ipairs { { "each fails once", 1 }, { "all fail from one on", -1 } } do
      it("case 56: a client with " .. case[1] .. ", " .. how[1] .. ": as it was asked for, or memory", function()
        local target = wire.healthy()
        local options = { base_url = case.url and (string.gsub(case.url, "@$", "@" .. target.address)) or target.url }
        for name, value in pairs(case[2]) do options[name] = value end
        if options.ca_file then options.ca_file = tls.certificates().ca end
        if options.token_file then
          options.token_file = host.write(host.folder() .. "/token", wire.TOKEN)
          host.shell("chmod 600 " .. options.token_file)
        end
        local library = host.failing "malloc"
        local results = process.start(making, { options = options, asked = case.asked, count = how[2],
          library = library }, { env = { LD_PRELOAD = library,
          FAILING_MALLOC_SKIP = "main,liblua,libluajit,libgcc,cjson.so" } }):result()
        assert.is_true(#results > 2, "allocations were counted")
        for n, result in ipairs(results) do
          local where = string.format("allocation %d of %d: %s", n, #results, result.text)
          if case.bad then
            assert.is_nil(result.made, where)
            assert.equal(n < #results and "memory" or "validation", result.kind, where)
          else
            assert.equal(options.base_url, result.after, where)
            assert.is_truthy(result.made or result.kind == "memory", where)
            if result.made then assert.equal(4711, result.id, where) end
            if case.asked then
              assert.is_truthy(result.pinged or result.kind == "memory"
                or string.find(result.text, "Could not resolve", 1, true), where)
            end
          end
        end
        assert.is_true(case.bad or results[#results].made)
        target:stop()
      end)
    end
  end

  -- In a process of its own: two POSTs are on the wire and one is begun when a function of libcurl's fails.
  -- -> what became of each, and of the next call
  local function broken_multi(args)
    local failing = assert(package.loadlib(args.library, "luaopen_failing_curl"))()
    local native = require "oneflow.core"
    local engine = require("spec.support.engine") { base_url = args.url, token = args.token }
    local queue = native.queue(args.threaded and "threaded" or "inline")
    local function submit(method, path)
      return (engine:submit(nil, method, method == "GET", path, "sven@example.com", 5, nil, nil, nil, false, queue))
    end
    local function finish(handle)
      while not engine:done(handle) do queue:wait(0.1) end
      local status, answer, _, _, connects = engine:take(handle)
      return { status = status, answer = status and answer, connects = connects, kind = not status and answer.kind,
        sent = not status and answer.sent }
    end
    local held = { submit("POST", "/held/1"), submit("POST", "/held/2") }
    repeat local seen = finish(submit("GET", "/seen")) until seen.answer == "2"
    failing.fail(args.name, args.code)
    local result = { late = finish(submit("POST", "/late")), failed = failing.failed(), held = {} }
    for i, handle in ipairs(held) do result.held[i] = finish(handle) end
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

-- Inside nginx: a call waits by yielding and never blocks the worker, unless that was asked for; where it cannot
-- wait, it fails before anything is sent; and nothing is lost when clients or workers go away.
local uv = require "luv"
local cjson = require "cjson"
local host = require "spec.support.host"
local locales = require "spec.support.locales"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local server = require "spec.support.server"
local tls = require "spec.support.tls"
local wire = require "spec.support.wire"

local eventually = process.eventually

local webs_of_spec = {}

-- A worker that crashed is replaced by nginx, and would go unnoticed.
local function no_crash()
  local webs = webs_of_spec
  webs_of_spec = {}
  for _, web in ipairs(webs) do
    for signal in string.gmatch(web:error_log(), "exited on signal (%d+)") do
      assert.is_truthy(signal == "9" or signal == "15", "a worker died of signal " .. signal .. "\n" .. web:error_log())
    end
  end
end

local function start(target, options)
  local core = host.root .. "/build/luajit/oneflow/core.so"
  if not uv.fs_stat(core) then error("nginx needs the LuaJIT build: make build LUA=luajit") end
  options.lua = true
  options.http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;%s;;'; "
    .. "lua_package_cpath '%s/build/luajit/?.so;;'; lua_shared_dict results 1m;\n",
    host.root, host.root, options.lua_path or "", host.root) .. (options.http or "")
  options.env = { LUA_PATH = false, LUA_CPATH = false }
  options.folder = host.folder()
  options.main = (options.main or "") .. "env UPSTREAM=" .. target.url .. "; env TOKEN=" .. wire.TOKEN
    .. "; env SOCKETS=" .. options.folder .. "/sockets;"
  local web = nginx.start(options)
  web.sockets = options.folder .. "/sockets"
  webs_of_spec[#webs_of_spec + 1] = web
  return web
end

-- What every handler begins with: a client of the worker, and how a call is shown.
local PRELUDE = [[
  local oneflow = require "oneflow"
  local function new_client(more)
    local options = { base_url = os.getenv "UPSTREAM", token = os.getenv "TOKEN", socket_dir = os.getenv "SOCKETS" }
    for name, value in pairs(more or {}) do options[name] = value end
    return assert(oneflow.client(options))
  end
  local function client()
    kept = kept or new_client()
    return kept
  end
  local function show(contract, err)
    if contract then return "ok " .. contract.name end
    return tostring(contract) .. " " .. err.kind .. " " .. err.outcome .. " " .. tostring(err)
  end
  local function call(opts)
    opts = opts or {}
    opts.as = "sven@example.com"
    return show(client():contract(4711):get(opts))
  end
]]

local function location(path, code, more)
  return string.format("location %s { %s content_by_lua_block { %s %s } }\n", path, more or "", PRELUDE, code)
end

describe("nginx:", function()
  after_each(function()
    local good, problem = pcall(no_crash)
    process.clean()
    if not good then error(problem, 0) end
  end)

  local function get(web, path) return host.shell("curl -sS " .. web.url .. path) end

  it("in a content handler a call waits by yielding: the worker answers others meanwhile", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          s.note "call"
          s.await "answer"
          c:good(request)
        end
      end)
    end)
    local web = start(target, { server = location("/call", "ngx.say(call())", "lua_socket_read_timeout 20ms;")
      .. "location /other { return 200 here; }" })
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/call" }
    target:wait "call"
    assert.equal("here", get(web, "/other"))
    target:tell "answer"
    local _, _, output = waiting:wait()
    assert.equal("ok Contract 4711\n", output, web:error_log())
    local journal = target:journal()
    assert.equal(wire.SVEN, journal[1].headers["x-oneflow-user-email"])
    assert.equal(wire.TOKEN, journal[1].headers["x-oneflow-api-token"])
  end)

  it("works in the rewrite, access, content, timer and thread contexts and inside a generator, over one connection",
    function()
    local target = wire.healthy()
    local web = start(target, {
      server = "location /rewrite { rewrite_by_lua_block {" .. PRELUDE .. "ngx.say(call()) ngx.exit(200) } }\n"
      .. "location /access { access_by_lua_block {" .. PRELUDE .. "ngx.say(call()) ngx.exit(200) } }\n"
      .. location("/content", "ngx.say(call())")
      .. location("/thread", "local thread = ngx.thread.spawn(function() return call() end)\n"
        .. "local _, result = ngx.thread.wait(thread) ngx.say(result)")
      .. location("/generator", "for item in coroutine.wrap(function() coroutine.yield(call()) end) do "
        .. "ngx.say(item) end")
      .. location("/each", "for c in client():user('sven@example.com').contracts:each() do ngx.print(c.id, ' ') end")
      .. location("/timer", "ngx.timer.at(0, function() ngx.shared.results:set('timer', call()) end) ngx.say(1)")
      .. location("/result", "ngx.say(ngx.shared.results:get('timer'))") })
    for _, path in ipairs { "/rewrite", "/access", "/content", "/thread", "/generator" } do
      assert.equal("ok Contract 4711\n", get(web, path), path .. web:error_log())
    end
    assert.equal("1 2 ", get(web, "/each"), web:error_log())
    get(web, "/timer")
    eventually("the timer's call", function() return get(web, "/result") ~= "nil\n" end)
    assert.equal("ok Contract 4711\n", get(web, "/result"))
    local _, accepted = target:journal()
    assert.equal(1, accepted)
  end)

  it("fails, not_sent, naming the way out, where it cannot wait; with blocking = true it works there", function()
    local target = wire.healthy()
    local web = start(target, {
      server = "location /header { return 200 x; header_filter_by_lua_block {" .. PRELUDE
        .. "ngx.header['x-result'] = call() } }\n"
      .. "location /log { return 200 x; log_by_lua_block {" .. PRELUDE
        .. "ngx.shared.results:set('log', call()) } }\n"
      .. location("/sort", "local seen table.sort({ 2, 1 }, function(a, b) seen = call() return a < b end) "
        .. "ngx.say(seen)")
      .. location("/gsub", "ngx.say((string.gsub('x', 'x', function() return call() end)))")
      .. location("/require", "package.preload.calls = function() return call() end\n"
        .. "local result = require 'calls' package.loaded.calls = nil ngx.say(result)")
      .. location("/result", "ngx.say(ngx.shared.results:get('log'))")
      .. location("/blocking", "local seen table.sort({ 2, 1 }, function(a, b) seen = call { blocking = true } "
        .. "return a < b end) ngx.say(seen)") })
    for _, path in ipairs { "/sort", "/gsub", "/require" } do
      local answer = get(web, path)
      assert.is_truthy(string.find(answer, "^nil validation not_sent .*blocking"), path .. ": " .. answer
        .. web:error_log())
    end
    local answer = host.shell("curl -sSi " .. web.url .. "/header")
    assert.is_truthy(string.find(answer, "x%-result: nil validation not_sent .*blocking"), answer .. web:error_log())
    get(web, "/log")
    answer = get(web, "/result")
    assert.is_truthy(string.find(answer, "^nil validation not_sent .*ngx.timer"), answer .. web:error_log())
    local _, accepted = target:journal()
    assert.equal(0, accepted)
    assert.equal("ok Contract 4711\n", get(web, "/blocking"))
  end)

  it("in each phase that cannot wait the error says what to do there; blocking = true works in each", function()
    local target = wire.healthy()
    local function in_phase(name)
      return "{" .. PRELUDE .. "local results = ngx.shared.results results:set('" .. name .. "', call()) results:set('"
        .. name .. " blocking', call { blocking = true }) }\n"
    end
    local web = start(target, {
      http = "init_by_lua_block " .. in_phase "init" .. "init_worker_by_lua_block " .. in_phase "init_worker"
        .. "exit_worker_by_lua_block {" .. PRELUDE .. "ngx.log(ngx.ERR, call()) }\n"
        .. "ssl_session_fetch_by_lua_block " .. in_phase "ssl_session_fetch"
        .. "upstream nobody { server 0.0.0.1; balancer_by_lua_block " .. in_phase "balancer" .. "}\n",
      server = "ssl_client_hello_by_lua_block " .. in_phase "ssl_client_hello"
        .. "location /set { set_by_lua_block $x " .. in_phase "set" .. "return 200 x; }\n"
        .. "location /header { header_filter_by_lua_block " .. in_phase "header_filter" .. "return 200 x; }\n"
        .. "location /body { body_filter_by_lua_block " .. in_phase "body_filter" .. "return 200 x; }\n"
        .. "location /balancer { proxy_pass http://nobody; }\n"
        .. location("/result", "ngx.print(ngx.shared.results:get(ngx.unescape_uri(ngx.var.args)))") })
    for _, path in ipairs { "/set", "/header", "/body", "/balancer" } do get(web, path) end
    host.shell("curl -ksS " .. web.https .. "/set")
    for phase, advice in pairs {
      init = "let it block", init_worker = "make it in a timer", set = "make it in rewrite_by_lua or access_by_lua",
      balancer = "make it in access_by_lua", header_filter = "keep in ngx.ctx", body_filter = "keep in ngx.ctx",
      ssl_client_hello = "make it in ssl_certificate_by_lua", ssl_session_fetch = "make it in ssl_certificate_by_lua",
    } do
      local answer = get(web, "/result?" .. phase)
      assert.is_truthy(string.find(answer, "^nil validation not_sent .*" .. advice .. ".*blocking = true"),
        phase .. ": " .. answer .. web:error_log())
      assert.is_truthy(string.find(answer, "phase " .. phase .. " ", 1, true), answer)
      assert.equal("ok Contract 4711", get(web, "/result?" .. phase .. "%20blocking"), phase)
    end
    local master = string.match(assert(host.read(web.folder .. "/nginx.pid")), "%d+")
    uv.kill(tonumber(master), "sighup")
    eventually("the old worker's end", function()
      return string.find(web:error_log(), "phase exit_worker a call cannot wait.*: let it block, with blocking = true")
    end)
    for _, request in ipairs(target:journal()) do assert.equal(wire.SVEN, request.headers["x-oneflow-user-email"]) end
  end)

  it("works in ssl_certificate_by_lua, in timers that repeat, under pcall and in server-wide rewrites", function()
    local target = wire.healthy()
    local web = start(target, {
      http = "init_worker_by_lua_block {" .. PRELUDE
        .. "ngx.timer.every(0.02, function() ngx.shared.results:set('every', call()) end) }\n",
      server = "ssl_certificate_by_lua_block {" .. PRELUDE .. "ngx.shared.results:set('certificate', call()) }\n"
        .. "server_rewrite_by_lua_block {" .. PRELUDE .. "ngx.ctx.rewritten = call() }\n"
        .. location("/rewritten", "ngx.print(ngx.ctx.rewritten)")
        .. location("/pcall", "ngx.print(select(2, pcall(call)), select(2, xpcall(call, debug.traceback)))")
        .. location("/result", "ngx.print(ngx.shared.results:get(ngx.var.args))") })
    host.shell("curl -ksS " .. web.https .. "/rewritten")
    assert.equal("ok Contract 4711", get(web, "/result?certificate"), web:error_log())
    assert.equal("ok Contract 4711", get(web, "/rewritten"))
    assert.equal("ok Contract 4711ok Contract 4711", get(web, "/pcall"))
    eventually("the timer", function() return get(web, "/result?every") == "ok Contract 4711" end)
  end)

  it("blocks in the threads of ngx.run_worker_thread, which are there for that", function()
    local target = wire.healthy()
    local folder = host.folder()
    host.write(folder .. "/in_thread.lua", "return { run = function(url, token) local oneflow = require 'oneflow' "
      .. "return assert(oneflow.client { base_url = url, token = token }):contract(4711)"
      .. ":get({ as = 'sven@example.com' }).name end }")
    local web = start(target, {
      main = "thread_pool calls threads=2;", lua_path = folder .. "/?.lua",
      server = location("/thread", "ngx.print(select(2, ngx.run_worker_thread('calls', 'in_thread', 'run', "
        .. "os.getenv 'UPSTREAM', os.getenv 'TOKEN')))") })
    assert.equal("Contract 4711", get(web, "/thread"), web:error_log())
  end)

  it("a client made in init_by_lua works there with blocking = true, and by yielding in every worker", function()
    local target = wire.healthy()
    local web = start(target, {
      http = "init_by_lua_block {" .. PRELUDE
        .. "shared = new_client() kept = shared at_start = call { blocking = true } without = call() }\n",
      server = "location / { content_by_lua_block {" .. PRELUDE
        .. "ngx.say(ngx.worker.id(), ' ', at_start, '|', show(shared:contract(4711):get { as = 'sven@example.com' }),"
        .. "'|', without) } }",
      workers = 2,
    })
    local workers = {}
    for _ = 1, 30 do
      local answer = get(web, "/")
      local worker = string.match(answer, "^(%d) ok Contract 4711|ok Contract 4711|nil validation not_sent ")
      assert.is_truthy(worker, answer .. web:error_log())
      workers[worker] = true
      if workers["0"] and workers["1"] then break end
    end
    assert.is_truthy(workers["0"] or workers["1"])
  end)

  it("calls that wait take none of the worker's connections, and work when it has none left", function()
    local target = wire.healthy()
    -- The directives for cosockets change nothing: the library says its own times and pool.
    local web = start(target, {
      http = "lua_socket_connect_timeout 1ms; lua_socket_send_timeout 1ms; lua_socket_read_timeout 1ms; "
        .. "lua_socket_pool_size 1; lua_socket_keepalive_timeout 1ms;",
      server = location("/", [[
        kept = kept or new_client { concurrency = 500 }
        local taken = {}
        repeat
          local socket = ngx.socket.tcp()
          local good = ngx.var.arg_take and #taken < 300 and socket:connect("127.0.0.1", ngx.var.server_port)
          taken[#taken + 1] = good and socket
        until not good
        local threads, results = {}, {}
        for i = 1, 300 do threads[i] = ngx.thread.spawn(call) end
        for i, thread in ipairs(threads) do results[i] = select(2, ngx.thread.wait(thread)) end
        ngx.say(#taken, "\n", table.concat(results, "\n"))]]) })
    for round, path in ipairs { "/?take=1", "/" } do
      local taken, good = 0, 0
      for line in string.gmatch(get(web, path), "[^\n]+") do
        taken = tonumber(line) or taken
        if line == "ok Contract 4711" then good = good + 1 end
      end
      assert.equal(300, good, web:error_log())
      assert.equal(round == 1, taken > 100)
    end
    assert.equal(600, #target:journal())
  end)

  it("with lua_code_cache off everything works, over a client of each request's own", function()
    local target = wire.healthy()
    local web = start(target, {
      http = "lua_code_cache off;",
      server = location("/call", "ngx.say(call())")
      .. location("/publish", "ngx.say(show(client():contract(4711):publish({}, { as = 'sven@example.com' })))") })
    for _ = 1, 10 do
      assert.equal("ok Contract 4711\n", get(web, "/call"), web:error_log())
      assert.equal("ok Contract 4711\n", get(web, "/publish"), web:error_log())
    end
    assert.equal(20, #target:journal())
  end)

  it("the README's configuration works unchanged", function()
    local target = wire.healthy()
    local http, inside = string.match(host.read(host.root .. "/README.md"), "```nginx\n(lua_check_client_abort on;\n.-)"
      .. "server {(.-)}\n```")
    local count
    http, count = string.gsub(http, "token_file = \"[^\"]*\"", 'token = os.getenv "TOKEN", '
      .. 'base_url = os.getenv "UPSTREAM", socket_dir = os.getenv "SOCKETS"')
    assert.equal(1, count)
    local users = host.folder() .. "/users"
    host.write(users, "sven@example.com:" .. host.shell "openssl passwd -apr1 secret")
    local web = start(target, { http = http, server = (string.gsub(inside, "user_file users", "user_file " .. users)) })
    assert.equal("Contract 4711\n", get(web, "/contract?id=4711 -u sven@example.com:secret"), web:error_log())
    assert.is_truthy(string.find(get(web, "/contract?id=x -u sven@example.com:secret"), "502", 1, true))
    assert.is_truthy(string.find(get(web, "/contract?id=4711"), "401", 1, true))
    assert.equal(1, #target:journal())
  end)

  it("names and certificates are libcurl's matter: no resolver and no lua_ssl directive, but ca_file", function()
    local upstream = nginx.start { server = "location / { return 200 '{\"id\": 4711, \"_private\": "
      .. "{\"name\": \"Contract 4711\"}}'; }" }
    local web = start({ url = upstream.https }, {
      server = location("/trusted", "ngx.say(show(new_client { ca_file = '" .. tls.certificates().ca
        .. "' }:contract(4711):get { as = 'sven@example.com' }))")
      .. location("/untrusted", "ngx.say(call())") })
    assert.equal("ok Contract 4711\n", get(web, "/trusted"), web:error_log())
    local answer = get(web, "/untrusted")
    assert.is_truthy(string.find(answer, "^nil tls not_sent "), answer)
  end)

  it("many clients, one for each customer's token, in one worker: each call carries its own", function()
    local target = wire.healthy()
    local web = start(target, { server = location("/", [[
      local clients, threads = {}, {}
      for i = 1, 50 do
        clients[i] = new_client { token = string.format("customer-%03d-aaaaaaaaaaaaaaaaaaaaaaaaaaa", i) }
      end
      for i = 1, 50 do
        threads[i] = ngx.thread.spawn(function()
          return (assert(clients[i]:contract(i):get { as = string.format("user%d@example.com", i) }))
        end)
      end
      local good = 0
      for i = 1, 50 do if ngx.thread.wait(threads[i]) then good = good + 1 end end
      for i = 1, 50 do clients[i]:close() end
      ngx.say(good)]]) })
    assert.equal("50\n", get(web, "/"), web:error_log())
    local journal = target:journal()
    assert.equal(50, #journal)
    for _, request in ipairs(journal) do
      local number = tonumber(string.match(request.target, "(%d+)$"))
      assert.equal(string.format("customer-%03d-aaaaaaaaaaaaaaaaaaaaaaaaaaa", number),
        request.headers["x-oneflow-api-token"])
      assert.equal("user" .. number .. "@example.com", request.headers["x-oneflow-user-email"])
    end
  end)

  it("case 70: a call that waits for another's question for the token ends when its own time is over", function()
    local target = wire.healthy()
    local web = start(target, { server = location("/", [[
      local answer = require("ngx.semaphore").new()
      local client = new_client { token = function()
        answer:wait(5)
        return os.getenv "TOKEN"
      end }
      local first = ngx.thread.spawn(function() return show(client:contract(4711):get { as = "sven@example.com" }) end)
      local contract, err = client:contract(4711):publish({}, { as = "anna@example.com", timeout = 0.1 })
      ngx.say(show(contract, err))
      answer:post()
      ngx.say(select(2, ngx.thread.wait(first)))]]) })
    assert.matches("^nil timeout not_sent [^\n]+\nok Contract 4711\n$", get(web, "/"), nil, nil, web:error_log())
    assert.equal(1, #target:journal())
  end)

  it("calls that wait for another's question for the token do not poll, and are woken by its end", function()
    local target = wire.healthy()
    local web = start(target, {
      http = "init_by_lua_block { sleeps = 0; local sleep = ngx.sleep; "
        .. "ngx.sleep = function(seconds) sleeps = sleeps + 1 return sleep(seconds) end }\n",
      server = location("/", [[
        local answer = require("ngx.semaphore").new()
        local client = new_client { token = function()
          answer:wait(5)
          return os.getenv "TOKEN"
        end }
        local threads = {}
        for i = 1, 5 do
          threads[i] = ngx.thread.spawn(function()
            return show(client:contract(4711):get { as = "sven@example.com" })
          end)
        end
        local polls, before = sleeps, require("oneflow.base.clock").monotonic() -- each would have begun by now
        answer:post()
        local good = 0
        for i = 1, 5 do
          if select(2, ngx.thread.wait(threads[i])) == "ok Contract 4711" then good = good + 1 end
        end
        local took = require("oneflow.base.clock").monotonic() - before
        ngx.say(good, " ", polls, " ", took < 0.5 and "at once" or took)]]) })
    assert.equal("5 0 at once\n", get(web, "/"), web:error_log())
  end)

  -- The service answers a POST when it is told to, and a GET never.
  local function held()
    return server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          s.note(request.method)
          if request.method == "GET" then return c:until_closed() end
          s.await "answer"
          if not c:good(request) then return end
        end
      end)
    end)
  end

  it("a client that goes away takes a GET with it", function()
    local target = held()
    local web = start(target, { server = location("/call", "ngx.say(call())", "lua_check_client_abort on;") })
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/call" }
    target:wait "GET"
    waiting:kill "sigkill"
    target:wait "closed" -- by the library, which has no use for the answer any more
    assert.equal(1, #target:journal())
  end)

  it("10 000 aborted GETs: no descriptor, no thread and no memory is lost", function()
    local target = server.start(function(s)
      s.serve(function(c)
        if c:request() then c:until_closed() end
      end)
    end)
    local web = start(target, {
      server = location("/call", "kept = kept or new_client { concurrency = 200 } "
        .. "ngx.say 'here' ngx.flush(true) call()", "lua_check_client_abort on;")
      .. location("/worker", "collectgarbage() collectgarbage() ngx.say(ngx.worker.pid())") })
    local request = "GET /call HTTP/1.1\r\nhost: x\r\n\r\n"
    local function abort(times)
      local started, ended = 0, 0
      local function one()
        if started == times then return end
        started = started + 1
        local peer, timer = uv.new_tcp(), uv.new_timer()
        peer:connect("127.0.0.1", web.port, function(problem)
          assert(not problem, problem)
          peer:write(request)
          peer:read_start(function() -- it has begun
            peer:read_stop()
            timer:start(started % 4, 0, function()
              timer:close()
              peer:close(function()
                ended = ended + 1
                one()
              end)
            end)
          end)
        end)
      end
      for _ = 1, 50 do one() end
      process.wait_until(function() return ended == times end, "the aborts")
    end
    local function count(what) return tonumber(host.shell(what .. " | wc -l")) end
    -- What the worker holds once all of it has settled.
    local function state()
      local pid = string.match(get(web, "/worker"), "%d+")
      local fds = count("ls /proc/" .. pid .. "/fd")
      eventually("settled connections", function()
        local before = fds
        fds = count("sleep 0.2; ls /proc/" .. pid .. "/fd")
        return fds == before
      end)
      local rss = string.match(host.read("/proc/" .. pid .. "/status"), "VmRSS:%s*(%d+)")
      return fds, count("ls /proc/" .. pid .. "/task"), tonumber(rss)
    end
    abort(4000)
    local fds, threads, rss = state()
    abort(8000)
    local fds_after, threads_after, rss_after = state()
    assert.is_true(fds_after <= fds + 60, fds .. " descriptors, then " .. fds_after)
    assert.equal(threads, threads_after)
    assert.is_true(rss_after < rss + 4096, rss .. " KiB, then " .. rss_after)
    assert.is_true(#target:journal() > 1000)
  end)

  -- Failing allocations would strike nginx's own Lua module, which ends the worker then.
  it("case 57: a POST whose waiting ends without memory is an error, its result is reported, and nothing is leaked",
    function()
    local target = held()
    local web = start(target, {
      http = [[init_worker_by_lua_block {
        local semaphore = require "ngx.semaphore"
        local new = semaphore.new
        function semaphore.new(...)
          local one = new(...)
          local wait = one.wait
          function one.wait(self, seconds)
            local woken, why
            repeat
              woken, why = wait(self, 0.02)
              seconds = seconds - 0.02
              if strikes then
                strikes = false
                error("not enough memory", 0)
              end
            until woken or seconds <= 0
            return woken, why
          end
          return one
        end
      }]],
      server = location("/publish", [[
        local _, err = client():contract(4711):publish({}, { as = "sven@example.com" })
        ngx.sleep(0.12) -- the reader looks for whose light threads are gone, twice
        ngx.say(tostring(err))]])
      .. location("/strike", "strikes = true")
      .. location("/call", "ngx.say(show(client():contract(4711):publish({}, { as = 'anna@example.com' })))") })
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish" }
    target:wait "POST"
    get(web, "/strike")
    local _, _, output = waiting:wait()
    assert.equal("contract.publish as sven@example.com: memory, unknown: not enough memory (it may have been applied: "
      .. "look before you repeat it)\n", output)
    target:tell "answer"
    eventually("what became of it", function()
      return string.find(web:error_log(), "oneflow: POST /v1/contracts/4711/publish as sven@example.com: nobody waited "
        .. "for the end of the call: answered, status 200", 1, true)
    end)
    assert.equal("ok Contract 4711\n", get(web, "/call"))
    assert.equal(2, #target:journal())
    assert.is_nil(string.find(web:error_log(), "[error]", 1, true), web:error_log())
  end)

  it("a client that goes away does not end a POST: it runs to its end, and the hook gets its result",
    function()
    local target = held()
    local web = start(target, {
      server = location("/publish", [[
        kept = kept or new_client { hooks = { on_response = function(info)
          ngx.shared.results:rpush("told", require("cjson").encode(info))
        end } }
        ngx.say(show(client():contract(4711):publish({}, { as = "sven@example.com" })))]],
        "lua_check_client_abort on;")
      .. location("/logged", [[
        other = other or new_client()
        ngx.say(show(other:contract(4711):publish({}, { as = "sven@example.com" })))]], "lua_check_client_abort on;")
      .. location("/told", "ngx.say(ngx.shared.results:lpop('told'))") })
    for count, path in ipairs { "/publish", "/logged" } do
      local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. path }
      target:wait("POST", count)
      waiting:kill "sigkill"
      process.wait_until(function() return waiting.code end)
      -- nginx has seen it: its access log says 499
      eventually("the abort", function() return select(2, string.gsub(web:access_log(), " 499 ", "")) == count end)
      if count == 1 then assert.equal("nil\n", get(web, "/told")) end
    end
    target:tell "answer"
    local told
    eventually("the hook", function()
      told = get(web, "/told")
      return told ~= "nil\n"
    end)
    local info = cjson.decode(told)
    assert.equal("contract.publish", info.operation)
    assert.equal(wire.SVEN, info.acting_user)
    assert.equal(200, info.status)
    assert.is_true(info.orphaned)
    eventually("the line in the log", function()
      return string.find(web:error_log(), "nobody waited for the end", 1, true)
    end)
    assert.is_truthy(string.find(web:error_log(), "%[error%][^\n]* oneflow: contract%.publish as sven@example%.com: "
      .. "nobody waited for the end of the call: done, status 200"))
    assert.equal(2, #target:journal())
  end)

  it("case 52: an answer that is not what was asked for: to a light thread, and in the report of an orphaned POST",
    function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          s.note(request.method)
          if string.find(request.target, "/4712", 1, true) then s.await "answer" end
          local state = request.method == "GET" and "pending" or "draft"
          c:reply(200, {}, '{"id":4711,"_private":{"name":"n"},"state":"' .. state .. '"}')
        end
      end)
    end)
    local web = start(target, {
      server = location("/looked", "ngx.say(show(client():contract(4711):publish({}, { as = 'sven@example.com' })))")
      .. location("/other", "ngx.say(show(client():contract(4713):get({ as = 'sven@example.com' })))")
      .. location("/orphan", "client():contract(4712):publish({}, { as = 'sven@example.com' })",
        "lua_check_client_abort on;") })
    assert.equal("ok n\n", get(web, "/looked"))
    assert.matches("^nil mismatch unknown .*contract 4711 was returned for contract 4713", get(web, "/other"))
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/orphan" }
    target:wait("POST", 2)
    waiting:kill "sigkill"
    eventually("the abort", function() return string.find(web:access_log(), " 499 ", 1, true) end)
    target:tell "answer"
    eventually("the line in the log", function()
      return string.find(web:error_log(), "contract.publish as sven@example.com: nobody waited for the end of the "
        .. "call: mismatch, unknown", 1, true)
    end)
    assert.equal("ok n\n", get(web, "/looked"))
    local requests, connections = target:journal()
    assert.same({ 6, 4 }, { #requests, connections }) -- two were the last of theirs, two looks had one of their own
  end)

  it("case 62: what on_response raises, of a call or of an orphaned one, goes to on_error or else to the error log",
    function()
    local target = held()
    local web = start(target, {
      server = location("/publish", [[
        kept = kept or new_client { hooks = {
          on_response = function() error("raised by the hook", 0) end,
          on_error = function(problem, info)
            ngx.shared.results:rpush("told", problem .. " in " .. info.raised_in .. tostring(info.orphaned))
          end,
        } }
        kept:contract(4711):publish({}, { as = "sven@example.com" })]], "lua_check_client_abort on;")
      .. location("/logged", [[
        other = other or new_client { hooks = { on_response = function() error("raised as well", 0) end } }
        ngx.say(show(other:contract(4711):publish({}, { as = "sven@example.com" })))]])
      .. location("/told", "ngx.print(ngx.shared.results:lpop('told'))") })
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish" }
    target:wait "POST"
    waiting:kill "sigkill"
    eventually("the abort", function() return string.find(web:access_log(), " 499 ", 1, true) end)
    target:tell "answer"
    eventually("the hook", function() return get(web, "/told") == "raised by the hook in on_responsetrue" end)
    assert.equal("nil", get(web, "/told"))
    assert.is_nil(string.find(web:error_log(), "raised", 1, true))
    assert.equal("ok Contract 4711\n", get(web, "/logged"))
    assert.is_truthy(string.find(web:error_log(), "contract.publish as sven@example.com: on_response raised: raised as "
      .. "well (the call: done, status 200)", 1, true), web:error_log())
  end)

  it("a POST that waits for its turn when its client goes away is never sent; the hook is called, and may make calls",
    function()
    local target = held()
    local web = start(target, {
      server = location("/publish", [[
        kept = kept or new_client { concurrency = 1, hooks = { on_response = function(info)
          if not info.orphaned then return end
          ngx.shared.results:set("told", info.acting_user .. " " .. info.kind .. " " .. info.outcome)
          ngx.shared.results:set("called", show(kept:contract(4712):publish({}, { as = "anna@example.com" })))
        end } }
        ngx.shared.results:incr("begun", 1, 0)
        ngx.say(show(kept:contract(4711):publish({}, { as = ngx.var.arg_as })))]], "lua_check_client_abort on;")
      .. location("/begun", "ngx.print(ngx.shared.results:get 'begun')")
      .. location("/called", "ngx.print(ngx.shared.results:get 'called')")
      .. location("/told", "ngx.print(ngx.shared.results:get 'told')") })
    local first = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish?as=sven@example.com" }
    target:wait "POST"
    local second = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish?as=olof@example.com" }
    eventually("the second call", function() return get(web, "/begun") == "2" end)
    second:kill "sigkill"
    eventually("the abort", function() return string.find(web:access_log(), " 499 ", 1, true) end)
    eventually("the hook", function() return get(web, "/told") == "olof@example.com cancelled not_sent" end)
    target:tell "answer"
    local _, _, output = first:wait()
    assert.equal("ok Contract 4711\n", output, web:error_log())
    target:wait("POST", 2)
    target:tell "answer"
    eventually("the hook's call", function() return get(web, "/called") == "ok Contract 4712" end)
    local users = {}
    for i, request in ipairs(target:journal()) do users[i] = request.headers["x-oneflow-user-email"] end
    assert.same({ wire.SVEN, "anna@example.com" }, users)
  end)

  it("a hook that ends its timer with ngx.exit does no harm to the next call, nor to its report", function()
    local target = server.start(function(s)
      local count = 0
      s.serve(function(c)
        for request in function() return c:request() end do
          count = count + 1
          s.note "POST"
          s.await("answer " .. count)
          if not c:good(request) then return end
        end
      end)
    end)
    local web = start(target, {
      server = location("/publish", [[
        kept = kept or new_client { hooks = { on_response = function(info)
          if not info.orphaned then return end
          ngx.shared.results:incr("told", 1, 0)
          ngx.exit(ngx.OK)
        end } }
        kept:contract(4711):publish({}, { as = "sven@example.com" })]], "lua_check_client_abort on;")
      .. location("/told", "ngx.print(ngx.shared.results:get 'told')") })
    for count = 1, 3 do
      local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish" }
      target:wait("POST", count)
      waiting:kill "sigkill"
      eventually("the abort", function() return select(2, string.gsub(web:access_log(), " 499 ", "")) == count end)
      target:tell("answer " .. count)
      eventually("the hook", function() return get(web, "/told") == tostring(count) end)
    end
  end)

  it("reports an orphaned POST even if nginx dropped the timer that was to wait for it", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if request.method == "POST" then
            s.note "POST"
            s.await "answer"
          end
          if not c:good(request) then return end
        end
      end)
    end)
    local web = start(target, {
      http = "lua_max_running_timers 1;",
      server = location("/occupy", [[local semaphore = require "ngx.semaphore"
        local occupied = semaphore.new()
        free = semaphore.new() -- for the worker's other requests
        ngx.timer.at(0, function()
          occupied:post()
          free:wait(60)
        end)
        assert(occupied:wait(60))]])
      .. location("/free", "free:post()")
      .. location("/publish", [[
        kept = kept or new_client { hooks = { on_response = function(info)
          if info.orphaned then ngx.shared.results:set("told", info.operation .. " " .. info.status) end
        end } }
        client():contract(4711):publish({}, { as = "sven@example.com" })]], "lua_check_client_abort on;")
      .. location("/call", "ngx.say(call())")
      .. location("/told", "ngx.print(ngx.shared.results:get 'told')") })
    get(web, "/occupy")
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/publish" }
    target:wait "POST"
    waiting:kill "sigkill"
    eventually("the abort", function() return string.find(web:access_log(), " 499 ", 1, true) end)
    target:tell "answer"
    eventually("the drop", function()
      return string.find(web:error_log(), "lua_max_running_timers are not enough", 1, true)
    end)
    assert.equal("nil", get(web, "/told"))
    get(web, "/free")
    eventually("the hook, asked for by any later call", function()
      assert.equal("ok Contract 4711\n", get(web, "/call"))
      return get(web, "/told") == "contract.publish 200"
    end)
  end)

  it("of 3000 POSTs, 50 at once, each is answered, and none is taken for orphaned", function()
    local target = wire.healthy()
    local web = start(target, { server = location("/publish",
      "kept = kept or new_client { concurrency = 50 } "
      .. "ngx.say(show(kept:contract(4711):publish({}, { as = 'sven@example.com' })))") })
    local output = host.shell("curl -sS --no-progress-meter --parallel --parallel-max 50 '" .. web.url
      .. "/publish?n=[1-3000]'")
    assert.equal(3000, select(2, string.gsub(output, "ok Contract 4711\n", "")), web:error_log())
    assert.equal(3000, #target:journal())
    assert.is_nil(string.find(web:error_log(), "nobody waited", 1, true))
  end)

  it("a reload under load fails no call, and leaves no socket", function()
    local target = wire.healthy()
    local web = start(target, { server = location("/call", "ngx.say(call())") })
    assert.equal("ok Contract 4711\n", get(web, "/call"))
    assert.equal(1, tonumber(host.shell("ls " .. web.sockets .. " | wc -l")))
    local load = process.spawn { "/bin/sh", "-c", "for i in $(seq 400); do curl -sS \"$0\"; done", web.url .. "/call" }
    local master = string.match(assert(host.read(web.folder .. "/nginx.pid")), "%d+")
    for round = 1, 5 do
      process.wait_until(function()
        return select(2, string.gsub(load.output, "\n", "")) >= round * 50
      end, "calls")
      uv.kill(tonumber(master), "sighup")
    end
    local _, _, output, errors = load:wait()
    assert.equal("", errors)
    assert.equal(string.rep("ok Contract 4711\n", 400), output, web:error_log())
    assert.equal(401, #target:journal())
    web:stop()
    assert.equal("", host.shell("ls " .. web.sockets))
    assert.is_nil(string.match(web:error_log(), "[^\n]*%[error%][^\n]*"))
    assert.is_nil(string.match(web:error_log(), "[^\n]*%[alert%][^\n]*"))
  end)

  for signal, answered in pairs { sigterm = false, sigquit = true } do
    it("case 64: " .. string.upper(signal) .. " with calls on the wire: each is reported, or answered", function()
      local target = server.start(function(s)
        s.serve(function(c)
          for request in function() return c:request() end do
            s.note(request.method)
            if request.method == "GET" then return c:until_closed() end
            s.await "answer"
            local id = string.match(request.target, "/contracts/(%d+)")
            c:reply(200, { "content-type: application/json" }, '{"id":' .. id .. ',"state":"pending"}')
          end
        end)
      end)
      local web = start(target, {
        server = location("/publish", [[
          local contract = client():contract(tonumber(ngx.var.arg_id))
          ngx.say(contract:publish({}, { as = "sven@example.com" }).id)]], "lua_check_client_abort on;")
        .. location("/get", "ngx.say(call())", "lua_check_client_abort on;") })
      local function visit(path) return process.spawn { "/usr/bin/curl", "-s", web.url .. path } end
      local visitors = {}
      for id = 4711, 4714 do visitors[id] = visit("/publish?id=" .. id) end
      target:wait("POST", 4)
      visitors[4714]:kill "sigkill"
      eventually("the abort", function() return string.find(web:access_log(), " 499 ", 1, true) end)
      if not answered then
        visit "/get"
        target:wait "GET"
      end
      local function told(text)
        local ids = {}
        for id in string.gmatch(web:error_log(), "oneflow: POST /v1/contracts/(%d+)/publish as sven@example.com: "
          .. text .. "\n") do
          ids[#ids + 1] = id
        end
        table.sort(ids)
        return table.concat(ids, " ")
      end
      local before = "the process ends before the answer: it may have been applied"
      uv.kill(tonumber(string.match(assert(host.read(web.folder .. "/nginx.pid")), "%d+")), signal)
      eventually("the worker's end", function()
        return answered and string.find(web:error_log(), "gracefully shutting down", 1, true)
          or told(before) == "4711 4712 4713 4714"
      end)
      target:tell "answer"
      for id = 4711, 4713 do
        local _, _, output = visitors[id]:wait()
        assert.equal(answered and id .. "\n" or "", output)
      end
      eventually("the end", function() return not host.read(web.folder .. "/nginx.pid") end)
      local lines = select(2, string.gsub(web:error_log(), "oneflow: ", ""))
      if answered then
        assert.is_truthy(string.find(web:error_log(), "oneflow: contract.publish as sven@example.com: nobody waited "
          .. "for the end of the call: done, status 200", 1, true))
        assert.equal(1, lines)
      else
        assert.equal("4711 4712 4713 4714", told "the answer came while the process ended: answered, status 200")
        assert.equal(8, lines)
      end
      assert.equal("", host.shell("ls " .. web.sockets))
    end)
  end

  it("the socket's folder must be the worker's alone; what a dead worker left there is cleared", function()
    local target = wire.healthy()
    local open = host.folder()
    host.shell("chmod 755 " .. open)
    local web = start(target, {
      server = location("/open", "ngx.say(show(new_client { socket_dir = '" .. open
        .. "' }:contract(4711):get { as = 'sven@example.com' }))")
      .. location("/die", "ngx.say(call()) ngx.flush(true) os.execute('kill -9 ' .. ngx.worker.pid())")
      .. location("/call", "ngx.say(call())") })
    local answer = get(web, "/open")
    assert.is_truthy(string.find(answer, "^nil validation not_sent .*socket_dir: .*mode 0700"), answer
      .. web:error_log())
    assert.equal(0, #target:journal())
    host.shell("curl -sS " .. web.url .. "/die || true")
    assert.equal("ok Contract 4711\n", get(web, "/call"))
    assert.equal(1, tonumber(host.shell("ls " .. web.sockets .. " | wc -l")), "the dead worker's socket is gone")
  end)

  it("gather and map run their functions as light threads: calls are under way together, others are served meanwhile",
    function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          local id = string.match(request.target, "/contracts/(%d+)")
          if tonumber(id) < 100 then
            s.note "held"
            s.await_noted("held", 8)
          end
          local body = '{"id":' .. id .. ',"name":"Contract ' .. id .. '"}'
          if id == "404" then c:reply(404, {}, "{}") else c:reply(200, { "content-type: application/json" }, body) end
        end
      end)
    end)
    local web = start(target, {
      http = "init_by_lua_block {" .. PRELUDE .. [[
        local function at_start(opts)
          local results, failures = oneflow.map({ 101, 102 }, function(id)
            local contract = client():user("sven@example.com"):contract(id)
            return contract:get(opts)
          end)
          return results.n .. #failures .. (failures[1] and failures[1].err.outcome or results[2].id)
        end
        started = at_start { blocking = true } .. "|" .. at_start()
      }
      ]],
      server = location("/gather", [[
        local sven = client():user "sven@example.com"
        local at, live, most = 0, 0, 0
        local results, failures = oneflow.map(function()
          at = at + 1
          return at <= 12 and at or nil
        end, function(id)
          live = live + 1
          most = math.max(most, live)
          local contract = assert(sven:contract(id):get())
          live = live - 1
          if id == 3 then error("three", 0) end
          local inner = oneflow.gather {
            function() return sven:contract(110):get() end, function() return sven:contract(111):get() end,
          }
          return contract.id + inner[1].id + inner[2].id
        end, { concurrency = 8 })
        ngx.say(results.n, " ", most, " ", results[12], " ", #failures, " ", failures[1].err, " ",
          failures[1].traceback and "traced")
      ]]) .. location("/stop", [[
        local sven = client():user "sven@example.com"
        local further, outer
        local results, failures = oneflow.gather {
          stop = true, concurrency = 2,
          function() return sven:contract(404):get() end,
          function()
            repeat
              local contract, err = sven:contract(120):get()
              further = err
            until not contract
            local _, inner = oneflow.gather { function() return sven:contract(121):get() end }
            outer = #inner
            return "ended"
          end,
          function() return "never begun" end,
        }
        ngx.say(results.n, " ", results[2], " ", failures[1].err.kind, " ", further.kind, " ", further.outcome, " ",
          outer)
      ]]) .. location("/broken", [[
        local spawn, count = ngx.thread.spawn, 0
        ngx.thread.spawn = function(fn) -- luacheck: ignore
          count = count + 1
          if count == 3 then error("no thread", 0) end
          return spawn(fn)
        end
        local begun = 0
        local good, what = pcall(oneflow.map, { 1, 2, 3 }, function() begun = begun + 1 end, { concurrency = 3 })
        ngx.thread.spawn = spawn -- luacheck: ignore
        ngx.say(good, " ", tostring(what), " ", begun, " ", what.results.n, " ", #what.failures)
      ]]) .. location("/started", "ngx.say(started)"),
    })
    assert.equal("20102|22not_sent\n", get(web, "/started"), web:error_log())
    assert.equal("12 8 233 1 three traced\n", get(web, "/gather"), web:error_log())
    assert.equal("2 ended not_found cancelled not_sent 0\n", get(web, "/stop"), web:error_log())
    assert.equal("false no thread 2 2 0\n", get(web, "/broken"), web:error_log())
  end)

  it("case 51: a locale that one request sets changes no other's answer, nor what the site's own lua-cjson reads",
    function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          s.note "call"
          s.await "answer"
          c:reply(200, { "content-type: application/json" }, '{"id":4711,"path":[4711,4712,1.5,25]}')
        end
      end)
    end)
    local show = [[
      local found = assert(client():user("sven@example.com"):request("POST", "/x", { body = { half = 1 / 2 } })).path
      ngx.say(#found, " ", found[1] == 4711, " ", found[2] == 4712, " ", found[3] == 3 / 2, " ", found[4] == 25)
    ]]
    local web = start(target, {
      server = location("/call", show) .. location("/set", "ngx.say(os.setlocale(ngx.var.arg_name))")
        .. location("/own", [[
          local cjson = require "cjson"
          if ngx.var.arg_new then cjson.new() end
          ngx.say(cjson.decode "[1.5,25]"[1] == 3 / 2, " ", cjson.encode { 5 / 4 })
        ]]),
      main = "env LOCPATH=" .. locales.path() .. ";",
    })
    assert.equal("true [1.25]\n", get(web, "/own"), web:error_log())
    local waiting = process.spawn { "/usr/bin/curl", "-sS", web.url .. "/call" }
    target:wait "call"
    assert.equal(locales.names.comma .. "\n", get(web, "/set?name=" .. locales.names.comma))
    target:tell "answer"
    local _, _, output = waiting:wait()
    assert.equal("4 true true true true\n", output, web:error_log())
    assert.equal('{"half":0.5}', target:journal()[1].body)
    assert.equal("4 true true true true\n", get(web, "/call"), web:error_log())
    assert.equal('{"half":0.5}', target:journal()[2].body)
    assert.equal("true [1.25]\n", get(web, "/own?new=1"), web:error_log()) -- as lua-cjson wants it after setlocale
    assert.equal("4 true true true true\n", get(web, "/call"), web:error_log())
    get(web, "/set?name=C")
    assert.equal("4 true true true true\n", get(web, "/call"), web:error_log())
    assert.equal("true [1.25]\n", get(web, "/own?new=1"), web:error_log())
  end)
end)

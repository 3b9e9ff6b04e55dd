-- Calls inside nginx: one worker, many callers, a service that answers after 100 ms. This library compared with HTTP
-- over cosockets, in turns; and the delay of another location of the same worker. The worker's event loop has its own
-- processor, if there are two: everything else shares the other, including the library's I/O thread.
--
--   nginx.lua FOLDER ROUNDS SECONDS DATA_FILE     FOLDER has contract.json
local uv = require "luv"
local folder, rounds, seconds, data = arg[1], tonumber(arg[2]), tonumber(arg[3]), arg[4]
local DELAY, callers = 0.1, 100
local unpack = table.unpack or unpack -- luacheck: ignore

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function free_port()
  local socket = uv.new_tcp()
  socket:bind("127.0.0.1", 0)
  local port = socket:getsockname().port
  socket:close()
  uv.run "nowait"
  return string.format("%d", port)
end

local MODULES = "/usr/lib/nginx/modules/"
local root = assert(uv.cwd())

local HEAD = [[
load_module ]] .. MODULES .. [[ndk_http_module.so;
load_module ]] .. MODULES .. [[ngx_http_lua_module.so;
worker_processes 1; daemon off; pid nginx.pid; error_log error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h; lua_socket_pool_size 1024;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
]]

local processes = {}

-- The measured process and the measuring one must not wait for a processor because of the load.
local pins = os.execute "taskset -c 0,1 true 2>/dev/null"
local realtime = os.execute "chrt -f 1 true 2>/dev/null"

local function pin(thread, processor)
  if pins then os.execute(string.format("taskset -pc %d %d >/dev/null", processor, thread)) end
end

pin(uv.os_getpid(), 1) -- and what it starts

local function start(name, text)
  local place = folder .. "/" .. name
  uv.fs_mkdir(place, 448)
  write(place .. "/nginx.conf", text)
  local handle, pid = uv.spawn("nginx", {
    args = { "-p", place, "-c", place .. "/nginx.conf", "-e", place .. "/error.log" }, stdio = {},
  }, function() end)
  assert(handle, pid)
  processes[#processes + 1] = handle
  return place, pid
end

local service, site = free_port(), free_port()
local user = uv.getuid() == 0 and "user root;\n" or ""
start("service", user .. HEAD .. [[
  init_by_lua_block {
    local file = io.open "]] .. folder .. [[/contract.json"
    body = file:read "*a"
    file:close()
  }
  server { listen 127.0.0.1:]] .. service .. [[; location / { default_type application/json;
    content_by_lua_block {
      ngx.sleep(]] .. DELAY .. [[ * (0.9 + 0.2 * math.random()))
      ngx.header.content_length = #body
      ngx.print(body)
    }
  } } }]])
local _, site_pid = start("site", user .. HEAD .. [[
  lua_package_path "]] .. root .. [[/lua/?.lua;]] .. root .. [[/lua/?/init.lua;;";
  lua_package_cpath "]] .. root .. "/" .. (os.getenv "BUILD" or "build") .. [[/luajit/?.so;;";
  init_by_lua_block {
    local oneflow = require "oneflow"
    decode = require("cjson").new().decode
    client = assert(oneflow.client { base_url = "http://127.0.0.1:]] .. service .. [[/v1", concurrency = 1000,
      token = "0123456789abcdef0123456789abcdef01234567", socket_dir = "]] .. folder .. [[/sockets" })
    request = "GET /v1/contracts/4711 HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n"
      .. "x-oneflow-api-token: 0123456789abcdef0123456789abcdef01234567\r\n"
      .. "x-oneflow-user-email: sven@example.com\r\n\r\n"
  }
  server { listen 127.0.0.1:]] .. site .. [[;
    location = /ping { content_by_lua_block { ngx.print "pong" } }
    location = /library { content_by_lua_block {
      local contract, err = client:contract(4711):get { as = "sven@example.com" }
      if not contract then ngx.log(ngx.ERR, tostring(err)) return ngx.exit(500) end
      ngx.print(contract.data.state)
    } }
    location = /cosocket { content_by_lua_block {
      local socket = ngx.socket.tcp()
      socket:settimeouts(3000, 30000, 30000)
      if not socket:connect("127.0.0.1", ]] .. service .. [[, { pool_size = 1024 }) then return ngx.exit(500) end
      socket:send(request)
      local status, headers = socket:receive "*l", {}
      if not status then return ngx.exit(500) end
      for line in function() return socket:receive "*l" end do
        if line == "" then break end
        local name, value = string.match(line, "^([^:]+):%s*(.-)%s*$")
        headers[string.lower(name)] = value
      end
      local body = socket:receive(tonumber(headers["content-length"]))
      socket:setkeepalive(30000)
      ngx.print(decode(body).state)
    } }
  } }]])

-- A keep-alive client of the site: `done(seconds)` after each complete answer; if it returns true, the client sends
-- another request.
local function caller(path, done)
  local socket, sent, buffer = uv.new_tcp(), 0, ""
  local request = "GET " .. path .. " HTTP/1.1\r\nhost: x\r\n\r\n"
  local function ask()
    sent = uv.hrtime()
    socket:write(request)
  end
  local function read_answer(problem, chunk)
    assert(not problem and chunk, "the site hung up")
    buffer = buffer .. chunk
    if not string.find(buffer, "\r\n0\r\n\r\n", 1, true) then return end
    assert(string.find(buffer, "^HTTP/1.1 200"), buffer)
    buffer = ""
    if done((uv.hrtime() - sent) / 1e9) then ask() else socket:close() end
  end
  socket:connect("127.0.0.1", tonumber(site), function(problem)
    if problem then
      socket:close()
      return done(nil)
    end
    socket:nodelay(true)
    socket:read_start(read_answer)
    ask()
  end)
end

local function up()
  local good
  repeat
    good = nil
    caller("/ping", function(took) good = took or false return false end)
    while good == nil do uv.run "once" end
  until good
end

up()

local function worker()
  return string.match(read(string.format("/proc/%d/task/%d/children", site_pid, site_pid)), "%d+")
end

-- The worker's threads: its event loop first.
local function threads()
  local loop, all = worker(), {}
  local tasks = uv.fs_scandir("/proc/" .. loop .. "/task")
  for thread in function() return uv.fs_scandir_next(tasks) end do
    table.insert(all, thread == loop and 1 or #all + 1, thread)
  end
  return all
end

local function isolate()
  for i, thread in ipairs(threads()) do pin(thread, i == 1 and 0 or 1) end
end

-- CPU seconds: of the worker's event loop, and of all its threads
local function cpu()
  local loop, all = 0, 0
  for i, thread in ipairs(threads()) do
    local text = read("/proc/" .. thread .. "/schedstat")
    local spent = tonumber(string.match(text, "^(%d+)")) / 1e9
    if i == 1 then loop = spent end
    all = all + spent
  end
  return loop, all
end

local function median(list)
  local sorted = { unpack(list) }
  table.sort(sorted)
  return sorted[math.floor(#sorted / 2) + 1]
end

-- Pings from a separate process, so that the load here does not affect them.
local function pinger(span)
  local out, text, code = uv.new_pipe(false), {}, nil
  local command = { "chrt", "-f", "1", uv.exepath(), "bench/ping.lua", site, tostring(span) }
  if not realtime then command = { unpack(command, 4) } end
  local handle, pid = uv.spawn(table.remove(command, 1), { args = command, stdio = { nil, out, 2 } },
    function(status) code = status end)
  assert(handle, pid)
  out:read_start(function(_, chunk) text[#text + 1] = chunk end)
  return function()
    while not code or not out:is_closing() do
      if code then out:close() end
      uv.run "once"
    end
    local took = {}
    for one in string.gmatch(table.concat(text), "[%d.]+") do took[#took + 1] = tonumber(one) end
    return took
  end
end

local function pings_of(finish)
  local took = finish()
  table.sort(took)
  return { p99 = took[math.max(1, math.ceil(#took * 0.99))], worst = took[#took] }
end

local function run(path)
  local warm = callers
  for _ = 1, callers do caller(path, function() warm = warm - 1 return false end) end
  while warm > 0 do uv.run "once" end
  isolate()
  local finish_pings = pinger(seconds)
  local answers, start_time = 0, uv.hrtime()
  local stop = start_time + seconds * 1e9
  local loop_before, all_before = cpu()
  local live = callers
  for i = 1, callers do
    -- Distributed over the delay, as real visitors are, not all at once.
    local timer = uv.new_timer()
    timer:start(math.floor(i * DELAY * 1000 / callers), 0, function()
      timer:close()
      caller(path, function(took)
        assert(took, "refused")
        answers = answers + 1
        if uv.hrtime() < stop then return true end
        live = live - 1
        return false
      end)
    end)
  end
  while live > 0 do uv.run "once" end
  local spent = (uv.hrtime() - start_time) / 1e9
  local loop, all = cpu()
  local result = pings_of(finish_pings)
  result.rate, result.ideal = answers / spent, answers / spent / (callers / DELAY)
  result.loop, result.all = (loop - loop_before) / answers * 1e6, (all - all_before) / answers * 1e6
  return result
end

isolate()
local results, dat = { idle = {}, library = {}, cosocket = {} }, {}
for round = 1, rounds do
  results.idle[round] = pings_of(pinger(seconds))
  for _, name in ipairs { "library", "cosocket" } do results[name][round] = run("/" .. name) end
end
for _, handle in ipairs(processes) do handle:kill "sigterm" end

-- Of all rounds: the median, unless `how` says otherwise.
local function of(list, field, how)
  local values = {}
  for i, result in ipairs(list) do values[i] = result[field] end
  if how then return how(unpack(values)) end
  return median(values)
end

local NAMES = { idle = "(nothing but pings)", library = "oneflow", cosocket = "HTTP over cosockets" }

print(string.format("\ninside nginx: one worker, %d callers, the service answers after %d ms; "
  .. "%d rounds of %g s, in turns\n", callers, DELAY * 1000, rounds, seconds))
local ROW = "%-30s %9s %9s %18s %18s %12s %12s"
print(string.format(ROW, "", "calls/s", "of ideal", "event loop us/call", "whole worker us", "ping p99 ms",
  "ping worst"))
for _, name in ipairs { "idle", "library", "cosocket" } do
  local list = results[name]
  local line = { NAMES[name] }
  for i, field in ipairs { "rate", "ideal", "loop", "all" } do
    line[i + 1] = list[1][field] and string.format(i == 2 and "%.3f" or "%.0f", of(list, field)) or ""
  end
  print(string.format(ROW, line[1], line[2], line[3], line[4], line[5],
    string.format("%.2f", of(list, "p99") * 1000), string.format("%.2f", of(list, "worst", math.max) * 1000)))
  if list[1].loop then
    dat[#dat + 1] = string.format("%s %.1f %.1f %.3f", name, of(list, "loop"), of(list, "all"), of(list, "p99") * 1000)
  end
end
write(data, table.concat(dat, "\n") .. "\n")

-- The library's value relative to another one's of the same round.
local function ratio(field, other)
  local ratios = {}
  for i, result in ipairs(results.library) do ratios[i] = result[field] / results[other][i][field] end
  return median(ratios)
end

local function target(what, value, bound, better)
  local good = better == "more" and value >= bound or better ~= "more" and value <= bound
  print(string.format("  %s: %.3f, target %s %.3f: %s", what, value, better == "more" and "at least" or "at most",
    bound, good and "reached" or "MISSED"))
end
target("of the ideal", of(results.library, "ideal"), 0.95, "more")
target("ping's p99 against idle", ratio("p99", "idle"), 2)
target("ping's worst, ms", of(results.library, "worst", math.max) * 1000, 20)
target("event-loop CPU a call against cosockets", ratio("loop", "cosocket"), 1)

-- Calls inside nginx: one worker, many callers, a service that answers after 100 ms. This library against HTTP over
-- cosockets, in turns; and what another location of the same worker feels of it.
--   nginx.lua FOLDER ROUNDS SECONDS DATA_FILE     FOLDER holds contract.json
local uv = require "luv"
local folder, rounds, seconds, data = arg[1], tonumber(arg[2]), tonumber(arg[3]), arg[4]
local DELAY, callers = 0.1, 100

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
      ngx.sleep(]] .. DELAY .. [[)
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

-- A keep-alive client of the site: `done(seconds)` after each whole answer; true from it asks once more.
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

-- CPU seconds: of the worker's event loop, and of all its threads
local function cpu()
  local pid, loop, all = worker(), 0, 0
  local tasks = uv.fs_scandir("/proc/" .. pid .. "/task")
  for task in function() return uv.fs_scandir_next(tasks) end do
    local ok, text = pcall(read, "/proc/" .. pid .. "/task/" .. task .. "/schedstat")
    local spent = ok and tonumber(string.match(text, "^(%d+)")) / 1e9 or 0
    if task == pid then loop = spent end
    all = all + spent
  end
  return loop, all
end

local function percentile(sorted, p) return sorted[math.max(1, math.ceil(#sorted * p))] end

local function median(list)
  local sorted = { (table.unpack or unpack)(list) } -- luacheck: ignore
  table.sort(sorted)
  return sorted[math.floor(#sorted / 2) + 1]
end

-- Pings from a process of its own, so that the load here does not count.
local function pinger(span)
  local out, text, code = uv.new_pipe(false), {}, nil
  local handle, pid = uv.spawn(uv.exepath(), {
    args = { "bench/ping.lua", site, tostring(span) }, stdio = { nil, out, 2 },
  }, function(status) code = status end)
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

local function run(path)
  local warm = callers
  for _ = 1, callers do caller(path, function() warm = warm - 1 return false end) end
  while warm > 0 do uv.run "once" end
  local finish_pings = pinger(seconds)
  local answers, start_time = 0, uv.hrtime()
  local stop = start_time + seconds * 1e9
  local loop_before, all_before = cpu()
  local live = callers
  for i = 1, callers do
    -- Spread over the delay, as people come, not all at once.
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
  return {
    ideal = answers / spent / (callers / DELAY), loop = (loop - loop_before) / answers * 1e6,
    all = (all - all_before) / answers * 1e6, pings = finish_pings(), rate = answers / spent,
  }
end

local idle, results, dat = {}, { library = {}, cosocket = {} }, {}
for round = 1, rounds do
  idle[round] = pinger(math.min(seconds, 2))()
  for name, list in pairs(results) do list[round] = run("/" .. name) end
end
for _, handle in ipairs(processes) do handle:kill "sigterm" end

local function of(list, field)
  local values = {}
  for i, result in ipairs(list) do values[i] = result[field] end
  return median(values)
end

local function all_pings(lists)
  local all = {}
  for _, list in ipairs(lists) do for _, one in ipairs(list) do all[#all + 1] = one end end
  table.sort(all)
  return all
end

local function pings_of(list)
  local lists = {}
  for i, result in ipairs(list) do lists[i] = result.pings end
  return all_pings(lists)
end

local quiet = all_pings(idle)
print(string.format("\ninside nginx: one worker, %d callers, the service answers after %d ms; "
  .. "%d rounds of %g s, in turns\n", callers, DELAY * 1000, rounds, seconds))
local ROW = "%-30s %9s %9s %18s %18s %12s %12s"
print(string.format(ROW, "", "calls/s", "of ideal", "event loop us/call", "whole worker us", "ping p99 ms",
  "ping worst"))
print(string.format("%-30s %9s %9s %18s %18s %12.2f %12.2f", "(nothing but pings)", "", "", "", "",
  percentile(quiet, 0.99) * 1000, quiet[#quiet] * 1000))
for _, name in ipairs { "library", "cosocket" } do
  local list, pings = results[name], pings_of(results[name])
  print(string.format(ROW, name == "library" and "oneflow" or "HTTP over cosockets",
    string.format("%.0f", of(list, "rate")), string.format("%.3f", of(list, "ideal")),
    string.format("%.0f", of(list, "loop")),
    string.format("%.0f", of(list, "all")), string.format("%.2f", percentile(pings, 0.99) * 1000),
    string.format("%.2f", pings[#pings] * 1000)))
  dat[#dat + 1] = string.format("%s %.1f %.1f %.3f", name, of(list, "loop"), of(list, "all"),
    percentile(pings, 0.99) * 1000)
end
write(data, table.concat(dat, "\n") .. "\n")

local library = pings_of(results.library)
local function target(what, value, bound, better)
  local good = better == "more" and value >= bound or better ~= "more" and value <= bound
  print(string.format("  %s: %.3f, target %s %.3f: %s", what, value, better == "more" and "at least" or "at most",
    bound, good and "reached" or "MISSED"))
end
target("of the ideal", of(results.library, "ideal"), 0.95, "more")
target("ping's p99 against idle", percentile(library, 0.99) / percentile(quiet, 0.99), 2)
target("ping's worst, ms", library[#library] * 1000, 20)
local ratios = {}
for i, result in ipairs(results.library) do ratios[i] = result.loop / results.cosocket[i].loop end
target("event-loop CPU a call against cosockets", median(ratios), 1)

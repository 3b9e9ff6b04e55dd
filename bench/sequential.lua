-- Runs the programs in turns against a running server, and prints medians and ratios.
--
--   compare.lua PORT RAW_PROGRAM ROUNDS SECONDS
local port, raw, rounds, seconds = arg[1], arg[2], tonumber(arg[3]), arg[4]
local PATH = "/v1/contracts/4711"
local url = "http://127.0.0.1:" .. port .. PATH
local LIBRARY = "lua5.4 bench/client.lua http://127.0.0.1:" .. port .. "/v1 " .. seconds
local RAW = raw .. " " .. url .. " " .. seconds
local BY_HOST = " 127.0.0.1 " .. port .. " " .. PATH .. " " .. seconds

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function succeeds(command)
  local ok = os.execute(command .. " >/dev/null 2>&1")
  return ok == true or ok == 0
end

-- Client and server each on a processor of their own, where there are two.
local pin = succeeds "taskset -c 0 true && taskset -c 1 true" and "taskset -c 0 " or ""
-- The Lua programs of other versions find their modules by themselves.
local CLEAN = "env -u LUA_PATH -u LUA_CPATH "

local python = succeeds "python3 -c 'import requests'" and "requests" or "http.client"

local contenders = {
  { name = "libcurl loop in C", command = RAW, against = 1 },
  { name = "libcurl loop in C + lua-cjson", command = RAW .. " decode", against = 2 },
  { name = "oneflow, decode = false", command = LIBRARY, against = 1, target = 0.9 },
  { name = "oneflow, decoded", command = LIBRARY .. " decode", against = 2, target = 0.9 },
  { name = "lua-http + lua-cjson (LuaJIT)", against = 2,
    command = CLEAN .. "luajit bench/lua_http.lua" .. BY_HOST,
    needs = CLEAN .. "luajit -e 'require \"http.client\"'" },
  { name = "Python " .. python .. ", decoded", command = "python3 bench/python.py" .. BY_HOST, against = 2,
    needs = "python3 -c 'import json'" },
  { name = "a curl process a call", command = "sh bench/curl.sh " .. url .. " " .. seconds, against = 1,
    needs = "curl --version" },
}

-- Reading the counter opens a connection, which the next difference includes.
local function accepted()
  return tonumber(string.match(output("curl -s http://127.0.0.1:" .. port .. "/status"), "(%d+) %d+ %d+"))
end

local function median(list)
  local sorted = {}
  for index, value in ipairs(list) do sorted[index] = value end
  table.sort(sorted)
  return sorted[math.floor(#sorted / 2) + 1]
end

for index, contender in ipairs(contenders) do
  contender.present = not contender.needs or succeeds(contender.needs)
  contender.rates, contender.ratios, contender.connections, contender.requests = {}, {}, 0, 0
  if not contender.present then print(contender.name .. ": not here, left out") end
  assert(index > 2 or contender.present)
end

for round = 1, rounds do
  for _, contender in ipairs(contenders) do
    if contender.present then
      local before = accepted()
      local text = output(pin .. contender.command)
      local requests, spent = string.match(text, "^(%d+) ([%d.]+)")
      assert(requests, contender.name .. " failed: " .. text)
      contender.rates[round] = tonumber(requests) / tonumber(spent)
      contender.requests = contender.requests + tonumber(requests)
      contender.connections = contender.connections + accepted() - before - 1
    end
  end
  for _, contender in ipairs(contenders) do
    if contender.present then
      contender.ratios[round] = contender.rates[round] / contenders[contender.against].rates[round]
    end
  end
end

local ROW = "%-34s %11s %8s  %-30s %s"
print(string.format("\n%d rounds of %s s, in turns; GETs of %s bytes, one after the other\n", rounds, seconds,
  output("curl -s -o /dev/null -w '%{size_download}' " .. url)))
print(string.format(ROW, "", "requests/s", "ratio", "of", "connections"))
for _, contender in ipairs(contenders) do
  if contender.present then
    local ratio = median(contender.ratios)
    print(string.format(ROW, contender.name, string.format("%.0f", median(contender.rates)),
      string.format("%.2f", ratio), contenders[contender.against].name,
      string.format("%d in %d requests", contender.connections, contender.requests)))
    if contender.target then
      local reached = ratio >= contender.target and "reached" or "MISSED"
      print(string.format("  target: at least %.2f, %s", contender.target, reached))
    end
  end
end

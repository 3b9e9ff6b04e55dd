-- Many GETs at once from a slow service: the time relative to the ideal, and the CPU time of a call relative to a
-- curl_multi loop in C with the same requests and limits; plain and over TLS. In turns.
--
--   many_table.lua RAW_MULTI CERTIFICATE PORT TLS_PORT ROUNDS DATA_FILE
local raw, certificate, port, tls_port, rounds, data = arg[1], arg[2], arg[3], arg[4], tonumber(arg[5]), arg[6]
local delay = tonumber(os.getenv "DELAY")
local build = os.getenv "BUILD" or "build"
local COUNT = tonumber(os.getenv "COUNT" or 1000)

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  local wall, cpu = string.match(text, "^([%d.]+) ([%d.]+)")
  if not wall then error(command .. " failed: " .. text) end
  return { wall = tonumber(wall), cpu = tonumber(cpu) }
end

local pin = os.execute("taskset -c 0 true 2>/dev/null") and "taskset -c 0 " or ""

local function library(lua, way)
  return function(url, count, flight)
    return output(string.format("LUA_CPATH='%s/%s/?.so;;' %s%s bench/many.lua %s/v1 %d %d %s '%s'", build, lua, pin,
      lua, url, count, flight, way, certificate))
  end
end

local contenders = {
  { "curl_multi in C", function(url, count, flight)
    return output(string.format("%s%s %s/v1/contracts/4711 %d %d '%s'", pin, raw, url, count, flight, certificate))
  end },
  { "map, Lua 5.4", library("lua5.4", "map"), target = true },
  { "map, LuaJIT", library("luajit", "map"), target = true },
  { "gatherer, Lua 5.4", library("lua5.4", "gatherer") },
  { "gatherer, LuaJIT", library("luajit", "gatherer") },
}

local settings = {
  { flight = 1, url = "http://127.0.0.1:" .. port, count = 40 },
  { flight = 16, url = "http://127.0.0.1:" .. port, count = COUNT },
  { flight = 64, url = "http://127.0.0.1:" .. port, count = COUNT },
  { flight = 16, url = "https://localhost:" .. tls_port, count = COUNT, name = "16, TLS" },
}

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

print(string.format("\n%d GETs of 3 KB, undecoded, answered after %d ms; %d rounds, in turns\n", COUNT, delay * 1000,
  rounds))
local ROW = "%-10s %-20s %9s %9s %14s %13s"
print(string.format(ROW, "in flight", "", "seconds", "of ideal", "CPU us a call", "of curl_multi"))
local lines, missed = {}, {}
for _, setting in ipairs(settings) do
  local wall, cpu, ratio = {}, {}, {}
  for round = 1, rounds do
    local base
    for i, contender in ipairs(contenders) do
      local one = contender[2](setting.url, setting.count, setting.flight)
      base = base or one.cpu
      wall[i], cpu[i], ratio[i] = wall[i] or {}, cpu[i] or {}, ratio[i] or {}
      wall[i][round], cpu[i][round], ratio[i][round] = one.wall, one.cpu / setting.count * 1e6, one.cpu / base
    end
  end
  local name = setting.name or tostring(setting.flight)
  local ideal = setting.count / setting.flight * delay
  for i, contender in ipairs(contenders) do
    local seconds, work, factor = median(wall[i]), median(cpu[i]), median(ratio[i])
    print(string.format(ROW, i == 1 and name or "", contender[1], string.format("%.3f", seconds),
      string.format("%.3f", ideal / seconds), string.format("%.1f", work), string.format("%.2f", factor)))
    lines[#lines + 1] = string.format('"%s" "%s" %.3f %.1f %.2f', name, contender[1], ideal / seconds, work, factor)
    if contender.target and setting.flight == 64 and ideal / seconds < 0.9 then
      missed[#missed + 1] = contender[1] .. " at 64: of the ideal"
    end
    if contender.target and setting.flight == 64 and factor > 1.3 then
      missed[#missed + 1] = contender[1] .. " at 64: CPU"
    end
  end
end
print("  target: at 64 in flight at least 0.9 of the ideal, and at most 1.3 times curl_multi's CPU: "
  .. (#missed == 0 and "reached" or "MISSED by " .. table.concat(missed, "; ")))
local file = assert(io.open(data, "w"))
file:write(table.concat(lines, "\n"), "\n")
file:close()

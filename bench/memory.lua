-- The resident memory of calls: many in flight at once, and ten thousand one after the other.
--
--   memory.lua FAST_BASE_URL SLOW_BASE_URL
local oneflow = require "oneflow"

local IN_FLIGHT = 500

local function resident()
  for line in io.lines "/proc/self/status" do
    local value = string.match(line, "^VmRSS:%s*(%d+) kB")
    if value then return tonumber(value) end
  end
end

local function client_of(url, options)
  options.base_url, options.token = url, "0123456789abcdef0123456789abcdef01234567"
  return assert(oneflow.client(options))
end

local function settled()
  collectgarbage()
  collectgarbage()
  return resident()
end

local fast = client_of(arg[1], {})
local contract = assert(fast:user "sven@example.com"):contract(4711)
local function calls(count) for _ = 1, count do assert(contract:get()) end end
calls(100)
local after_hundred = settled()
calls(9900)
local after_ten_thousand = settled()
fast:close()

local sent, most = 0, 0
local slow = client_of(arg[2], { concurrency = IN_FLIGHT, hooks = { on_request = function()
  sent = sent + 1
  if sent == IN_FLIGHT then most = resident() end
end, on_response = function() if resident() > most then most = resident() end end } })
local one = assert(slow:user "sven@example.com"):contract(4711)
local before = settled()
local functions = { concurrency = IN_FLIGHT }
for i = 1, IN_FLIGHT do functions[i] = function() return one:get() end end
local _, failures = oneflow.gather(functions)
assert(#failures == 0, failures[1] and failures[1].err)
slow:close()

print(string.format("%-8s %.1f KiB a call in flight (%d at once); after 10 000 calls %+d KiB against after 100",
  rawget(_G, "jit") and "LuaJIT" or _VERSION, (most - before) / IN_FLIGHT, IN_FLIGHT,
  after_ten_thousand - after_hundred))

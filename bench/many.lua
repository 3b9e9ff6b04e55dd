-- Many GETs at once through the library, undecoded.
--   many.lua BASE_URL COUNT IN_FLIGHT map|gatherer CERTIFICATE     prints: seconds, CPU seconds of it
local oneflow = require "oneflow"
local now = require("oneflow.core").monotonic

local count, in_flight, way = tonumber(arg[2]), tonumber(arg[3]), arg[4]
local options = { decode = false }
local client = assert(oneflow.client {
  base_url = arg[1], token = "0123456789abcdef0123456789abcdef01234567", concurrency = in_flight,
  ca_file = arg[5],
})
local contract = assert(client:user "sven@example.com"):contract(4711)

-- The answers are not kept, as in the C program.
local function get() assert(contract:get(options)) end

local ways = {}

function ways.map(n)
  local left = n
  local _, failures = oneflow.map(function()
    left = left - 1
    return left >= 0 or nil
  end, get, { concurrency = in_flight })
  assert(not failures[1], failures[1] and failures[1].err)
end

function ways.gatherer(n)
  local gatherer = oneflow.gatherer { concurrency = in_flight }
  for _ = 1, n do gatherer:add(get) end
  gatherer:wait()
end

ways[way](in_flight) -- opens the connections
local started, worked = now(), os.clock()
ways[way](count)
print(string.format("%.6f %.6f", now() - started, os.clock() - worked))
client:close()

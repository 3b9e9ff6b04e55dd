-- Sequential GETs through the library.
--   client.lua BASE_URL SECONDS [decode]     prints: requests seconds
local oneflow = require "oneflow"
local now = require("oneflow.core").monotonic

local client = assert(oneflow.client{ base_url = arg[1], token = "0123456789abcdef0123456789abcdef01234567" })
local contract = assert(client:user("sven@example.com")):contract(4711)
local seconds, options = tonumber(arg[2]), nil
if not arg[3] then options = { decode = false } end

local requests, start = 0, now()
local finish
repeat
  assert(contract:get(options))
  requests = requests + 1
  finish = now()
until finish - start >= seconds
print(string.format("%d %.6f", requests, finish - start))
client:close()

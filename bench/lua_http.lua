-- Sequential GETs on a kept-alive connection of lua-http's, decoded by lua-cjson.
--   lua_http.lua HOST PORT PATH SECONDS      prints: requests seconds
local client = require "http.client"
local headers = require "http.headers"
local now = require("cqueues").monotime
local decode = require("cjson").new().decode

local host, port, path, seconds = arg[1], tonumber(arg[2]), arg[3], tonumber(arg[4])
local connection = assert(client.connect({ host = host, port = port, tls = false, version = 1.1 }, 3))

local function get()
  local request = headers.new()
  request:append(":method", "GET")
  request:append(":scheme", "http")
  request:append(":authority", host .. ":" .. port)
  request:append(":path", path)
  request:append("accept", "application/json")
  request:append("user-agent", "lua-http")
  request:append("x-oneflow-api-token", "0123456789abcdef0123456789abcdef01234567")
  request:append("x-oneflow-user-email", "sven@example.com")
  local stream = assert(connection:new_stream())
  assert(stream:write_headers(request, true, 30))
  assert(assert(stream:get_headers(30)):get ":status" == "200")
  return decode(assert(stream:get_body_as_string(30)))
end

local requests, start = 0, now()
local finish
repeat
  get()
  requests = requests + 1
  finish = now()
until finish - start >= seconds
print(string.format("%d %.6f", requests, finish - start))
connection:close()

-- Sends the sandbox's webhook deliveries, in nginx: over cosockets, from timers, and only to this machine.
local ascii = require "oneflow.base.ascii"
local webhooks = require "oneflow.sandbox.webhooks"
local M = {}

local ngx = ngx
local ipairs, tonumber = ipairs, tonumber
local concat = table.concat
local format, match = string.format, string.match

local SENDERS = 32 -- at once; nginx drops timers beyond a limit
local CONNECT, ANSWER = 3000, 10000 -- milliseconds; no page says how long the service waits

-- { tls, host, port, path } of a URL; nil if it is not on loopback.
local function address(url)
  local scheme, authority, path = match(url, "^(https?)://([^/?#@]+)([^#]*)$")
  if not scheme then return nil end
  local host, port = match(authority, "^([^:]+):?(%d*)$")
  host = host and ascii.lower(host)
  if host ~= "localhost" and not (host and match(host, "^127%.%d+%.%d+%.%d+$")) then return nil end
  local tls = scheme == "https"
  return {
    tls = tls, host = host, port = tonumber(port) or (tls and 443 or 80), authority = authority,
    path = (match(path, "^/") and "" or "/") .. path,
  }
end

-- The status of the answer, or nil and why there is none. Ignores the body.
local function post(url, body)
  local target = address(url)
  if not target then return nil, "the sandbox delivers to this machine only" end
  local socket = ngx.socket.tcp()
  socket:settimeouts(CONNECT, ANSWER, ANSWER)
  local good, problem = socket:connect(target.host == "localhost" and "127.0.0.1" or target.host, target.port)
  if good and target.tls then good, problem = socket:sslhandshake(nil, target.host, false) end
  if good then
    good, problem = socket:send(concat({
      format("POST %s HTTP/1.1", target.path), "host: " .. target.authority, "content-type: application/json",
      format("content-length: %d", #body), "connection: close", "", body,
    }, "\r\n"))
  end
  local line
  if good then line, problem = socket:receive("*l") end
  socket:close()
  if not line then return nil, problem end
  local status = match(line, "^HTTP/1%.%d (%d%d%d)")
  if not status then return nil, "the answer is not HTTP" end
  return tonumber(status)
end

local ready, first, last, senders = {}, 1, 0, 0
local pump

local function add(store, delivery)
  last = last + 1
  ready[last] = { store = store, delivery = delivery }
end

local function send(item, emulator)
  local store, delivery = item.store, item.delivery
  if emulator.store ~= store then return end -- the sandbox was reset meanwhile
  local wait = webhooks.attempted(store, delivery, post(delivery.callback_url, delivery.body))
  if not wait then return end
  ngx.timer.at(wait, function(premature)
    if premature then return end
    add(store, delivery)
    pump(emulator)
  end)
end

local function work(premature, emulator)
  while not premature and first <= last do
    local item = ready[first]
    ready[first] = nil
    first = first + 1
    send(item, emulator)
  end
  senders = senders - 1
end

function pump(emulator)
  local wanted = last - first + 1
  while senders < SENDERS and wanted > 0 do
    if not ngx.timer.at(0, work, emulator) then return end
    senders, wanted = senders + 1, wanted - 1
  end
end

--- Starts sending the waiting deliveries, and returns at once.
function M.start(emulator)
  for _, delivery in ipairs(webhooks.take(emulator.store)) do add(emulator.store, delivery) end
  pump(emulator)
end

return M

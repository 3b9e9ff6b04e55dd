-- What must hold for any text at all, of what is written in Lua or reached through it; see fuzz.c. Each gets the bytes
-- and a number, and raises when something does not hold.
local oneflow = require "oneflow"
local core = require "oneflow.core"

local M = {}

local KINDS = {}
for kind in string.gmatch("connection timeout tls decode limit cancelled memory io validation authentication payment "
  .. "permission not_found conflict http rate_limit redirect server mismatch", "%S+") do KINDS[kind] = true end

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) ~= "table" then return a == b or (a ~= a and b ~= b) end
  for name, value in pairs(a) do
    if not same(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

--- What the scan lets through is decoded, and what it refuses is not; what was decoded is encoded to the same.
function M.json(text, scanned)
  local good, kind, message = core.decode(text)
  if scanned == 0 then
    assert(good == nil and (kind == "decode" or kind == "limit"), "decoded though refused")
    assert(not string.find(message, "%c"), "control bytes in a message")
    return
  end
  assert(good ~= nil or kind == "memory", "refused after the scan: " .. tostring(message))
  if type(good) ~= "table" then return end
  local written = core.encode(good)
  if not written then return end -- of mixed tables: none come from a decoder
  local again, _, why = core.decode(written)
  -- A float beyond 2^53 is written in digits, which are no integer that can be read exactly.
  if again == nil and string.find(why, "integer", 1, true) then return end
  -- An empty list is read as an empty table, and written as an object.
  assert(same(good, again), "not the same after encoding: " .. written)
end

local clients = {}

local function user(port)
  if not clients[port] then
    local client = assert(oneflow.client {
      base_url = "http://127.0.0.1:" .. port .. "/v1", token = ("a"):rep(40), max_body = 65536,
      timeout = 1 / 5, attempt_timeout = 1 / 20, -- for answers that do not end
    })
    clients[port] = assert(client:user "sven@example.com")
  end
  return clients[port]
end

local PATIENT = { timeout = 10, attempt_timeout = 10 }

local METHODS = { [0] = "GET", "DELETE", "GET", "POST" }

-- Did the answer's header block come whole, with a status of 2xx?
local function whole_and_good(text)
  local rest = text
  while true do
    local status, more = string.match(rest, "^HTTP/1%.[01] (%d%d%d)[^\n]*\n(.*)$")
    if not status then return false end
    local _, ends = string.find("\n" .. more, "\r?\n\r?\n")
    if not ends then return false end
    if string.sub(status, 1, 1) ~= "1" then return string.sub(status, 1, 1) == "2" end
    rest = string.sub(more, ends)
  end
end

--- Whatever a server answers: a value only for what is an answer, else an error of a known kind that says that the
--- request was sent; and the next call is good.
function M.answer(text, number)
  local port, flags = number % 65536, number // 65536
  local sven = user(port)
  local first, second = string.match(text, "^(.-)\n~~\n(.*)$")
  for i, sent in ipairs { first or text, second } do
    local method = METHODS[(flags // (2 * i)) % 4]
    local value, err = sven:request(method, "/any", nil, { decode = flags % 16 < 8 and false or nil })
    if value == nil then
      assert(KINDS[err.kind], tostring(err.kind))
      if err.kind == "timeout" and err.outcome == "not_sent" then return end -- the machine was busy elsewhere
      assert(err.outcome ~= "not_sent", "it was sent: " .. tostring(err))
      assert(not string.find(tostring(err), "%c"), "control bytes in an error")
    else
      assert(whole_and_good(sent), "a value of what is no good answer")
    end
  end
  local good, problem = sven:request("GET", "/good", nil, PATIENT)
  -- The server may just be closing the connection on which the odd answer came.
  if not good and problem.kind == "connection" then good, problem = sven:request("GET", "/good", nil, PATIENT) end
  assert(good, problem)
  assert(good.id == 4711, "another answer")
end

--- Seconds that are positive, and as they were written; or none.
function M.retry_after(text, port)
  local _, err = user(port):request("GET", "/any", nil, PATIENT)
  if err.kind == "connection" then return end -- no header line at all
  assert(err.kind == "rate_limit" and err.outcome == "refused", tostring(err))
  local seconds = err.retry_after
  assert(seconds == nil or (seconds > 0 and seconds < 2 ^ 31), tostring(seconds))
  local digits = string.match(text, "^[ \t]*([1-9]%d?%d?%d?%d?%d?)[ \t]*$")
  if digits then assert(seconds == math.tointeger(tonumber(digits)), "another number of seconds") end
end

local signed = assert(oneflow.webhook.receiver { sign_key = "a key", store = oneflow.webhook.memory() })
local unsigned = assert(oneflow.webhook.receiver { unsigned = true, store = oneflow.webhook.memory() })

--- A body is refused in words, or handed on with all of its fields; without the key's signature never.
function M.webhook(text)
  signed:receive(text, function(delivery)
    local body = core.decode(text)
    assert(oneflow.webhook.verify(body.callback_id, body.signature, "a key"), "handed on without a signature")
    return delivery.verified
  end)
  unsigned:receive(text, function(delivery)
    assert(not delivery.verified)
    assert(type(delivery.callback_id) == "string" and delivery.contract_id and type(delivery.data) == "table")
    for _, event in ipairs(delivery.events) do assert(type(event.type) == "string") end
    delivery:has "contract:sign"
    assert(type(tostring(delivery)) == "string")
    return true
  end)
end

--- What is read as a time is written and read as the same time.
function M.dates(text)
  local seconds, fraction = oneflow.time.parse(text)
  if seconds then
    assert(math.type(seconds) == "integer" and fraction >= 0 and fraction < 1000000000)
    local written = assert(oneflow.time.format(seconds))
    local again, none = oneflow.time.parse(written)
    assert(again == seconds and none == 0, written)
  end
  local day = oneflow.time.parse_date(text)
  if day then assert(oneflow.time.format_date(day) == text) end
end

--- Sums do not depend on the order, and what is taken away again leaves what was.
function M.money(text)
  local a, b = string.match(text, "^(.-)|(.*)$")
  if not a then a, b = text, "1" end
  local money = oneflow.money
  local sum, err = money.add(a, b)
  if not sum then
    assert(err.kind == "validation" and err.outcome == "not_sent", tostring(err))
    return
  end
  assert(money.compare(sum, assert(money.add(b, a))) == 0, "a + b, b + a")
  assert(money.compare(assert(money.subtract(sum, b)), a) == 0, "a + b - b, a")
  assert(money.compare(a, b) == -money.compare(b, a), "a < b, b > a")
  local double = assert(money.multiply(a, 2))
  assert(money.compare(double, assert(money.add(a, a))) == 0, "2 a, a + a")
end

return M

-- The process that support/server.lua starts: a scripted TCP server. Commands are read from standard input, one JSON
-- value per line; answers and the port are written to standard output. It ends when its input ends.
local cqueues = require "cqueues"
local condition = require "cqueues.condition"
local socket = require "cqueues.socket"
local context = require "openssl.ssl.context"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"
local cjson = require "cjson"
local posix = require("spec.support.host").posix()

local loop = cqueues.new()
local input = socket.fdopen(0)
local output = socket.fdopen(1)
input:setmode("bn", "bn")
output:setmode("bn", "bn")
input:setmaxline(2 ^ 24)

local function say(value) output:xwrite(cjson.encode(value) .. "\n") end

local job = cjson.decode((input:read("*l")))
local listener = assert(socket.listen {
  host = job.args.host or "127.0.0.1", port = string.format("%d", job.args.port or 0),
})
assert(listener:listen())
local _, _, port = listener:localname()

local journal, counters, told, accepted, bytes_seen = {}, {}, {}, 0, {}
local changed = condition.new()
local requests = 0

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The connection -------------------------------------------------------------------------------------------

local Connection = {}
Connection.__index = Connection

--- At least one byte more; false at the end or after an error.
function Connection:more()
  local chunk = self.socket:xread(-65536)
  if not chunk or #chunk == 0 then return false end
  self.buffer = self.buffer .. chunk
  local seen = bytes_seen[self.number] or ""
  if #seen < 65536 then bytes_seen[self.number] = seen .. chunk end
  return true
end

--- Reads one whole request and writes it into the journal; nil when the peer closed.
function Connection:request()
  local stop
  while true do
    stop = string.find(self.buffer, "\r\n\r\n", 1, true)
    if stop then break end
    if not self:more() then return nil end
  end
  local head = string.sub(self.buffer, 1, stop + 3)
  local method, target = string.match(head, "^(%S+) (%S+) ")
  local headers = {}
  for name, value in string.gmatch(head, "\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    name = string.lower(name)
    headers[name] = headers[name] and headers[name] .. "\0" .. value or value
  end
  local length = tonumber(headers["content-length"] or "0")
  while #self.buffer < stop + 3 + length do
    if not self:more() then return nil end
  end
  local body = string.sub(self.buffer, stop + 4, stop + 3 + length)
  self.buffer = string.sub(self.buffer, stop + 4 + length)
  requests = requests + 1
  local request = {
    connection = self.number, number = requests, head = head, method = method, target = target,
    headers = headers, body = body,
  }
  journal[#journal + 1] = request
  changed:signal()
  return request
end

--- Writes all bytes; false when the peer is gone.
function Connection:write(...)
  for i = 1, select("#", ...) do
    if not self.socket:xwrite((select(i, ...))) then return false end
  end
  return true
end

--- A whole answer. `headers` is a list of lines without line ends.
function Connection:reply(status, headers, body)
  local lines = { string.format("HTTP/1.1 %d Scripted", status) }
  for _, line in ipairs(headers or {}) do lines[#lines + 1] = line end
  lines[#lines + 1] = "content-length: " .. #(body or "")
  return self:write(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
end

--- The JSON of the page for a list request, from all ids.
local function page(request, ids)
  local limit = tonumber(string.match(request.target, "[?&]limit=(%d+)") or "100")
  local offset = tonumber(string.match(request.target, "[?&]offset=(%d+)") or "0")
  local items, next_href = {}, "null"
  for i = offset + 1, math.min(offset + limit, #ids) do
    items[#items + 1] = string.format('{"id":%d,"state":"draft"}', ids[i])
  end
  if offset + limit < #ids then
    next_href = string.format('"https://api.example/v1/contracts?limit=%d&offset=%d"', limit, offset + limit)
  end
  return string.format('{"_links":{"next":{"href":%s},"previous":{"href":null}},"count":%d,"data":[%s]}',
    next_href, #ids, table.concat(items, ","))
end

-- The id in a request's path, the last one; for a copy another one.
local function id_of(request)
  local id = tonumber(string.match(string.match(request.target, "^[^?]*"), ".*/(%d+)") or "1")
  return string.format("%d", string.find(request.target, "/copy$") and id + 1 or id)
end

--- The answer of a healthy service, good enough for every operation that the specs use: a contract, once published
--- no draft, or a list of contracts 1 and 2.
function Connection:good(request)
  local id = id_of(request)
  local body = string.format('{"id":%s,"state":"%s","name":"Contract %s","_private":{"name":"Contract %s"}}', id,
    string.find(request.target, "/publish$") and "pending" or "draft", id, id)
  if string.find(request.target, "/contracts$") or string.find(request.target, "/contracts?", 1, true) then
    body = page(request, { 1, 2 })
  end
  return self:reply(200, { "content-type: application/json" }, body)
end

--- Closes gracefully: sends a FIN, then waits until the peer has closed, too.
function Connection:fin()
  self.socket:shutdown("w")
  self:until_closed()
  self.socket:close()
end

--- Closes with a reset.
function Connection:rst()
  posix.linger(self.socket:pollfd())
  self.socket:close()
end

--- Reads and discards until the peer closes.
function Connection:until_closed()
  while self:more() do self.buffer = "" end
end

--- TLS from here on, as the server. `options` = { cert = path, key = path, version = "TLSv1_1" | nil }.
--- -> true, or false when the handshake failed.
function Connection:tls(options)
  local ctx = context.new(options.version or "TLS", true)
  if options.version then ctx:setCipherList("DEFAULT@SECLEVEL=0") end
  ctx:setCertificate(x509.new(read_file(options.cert)))
  ctx:setPrivateKey(pkey.new(read_file(options.key)))
  return self.socket:starttls(ctx) and true or false
end

-- What a script has ----------------------------------------------------------------------------------------

local s = { page = page, id_of = id_of }

--- Counts an event that the spec can wait for.
function s.note(name)
  counters[name] = (counters[name] or 0) + 1
  changed:signal()
end

--- Waits until the spec has told `name`.
function s.await(name)
  while not told[name] do changed:wait() end
end

--- Waits until an event that this script noted has come `count` times.
function s.await_noted(name, count)
  while (counters[name] or 0) < count do changed:wait() end
end

--- How many requests have arrived, over all connections.
function s.requests() return requests end

--- Runs `fn(connection)` for each connection, concurrently; returns when no connection can be made any more.
function s.serve(fn)
  while true do
    local peer = listener:accept { nodelay = true }
    if peer then
      accepted = accepted + 1
      peer:setmode("bn", "bn")
      peer:onerror(function(_, _, why) return why end)
      local connection = setmetatable({ socket = peer, number = accepted, buffer = "" }, Connection)
      loop:wrap(function()
        fn(connection)
        pcall(peer.close, peer)
        s.note("closed")
      end)
    end
  end
end

--- Until the spec sends `name`, no connect is answered: the listener's queue is full.
function s.deaf_until(name)
  posix.listen(listener:pollfd(), 0)
  local fillers = {}
  for i = 1, 4 do
    fillers[i] = socket.connect { host = job.args.host or "127.0.0.1", port = port }
    fillers[i]:onerror(function(_, _, why) return why end)
    fillers[i]:connect(0)
  end
  s.note("deaf")
  s.await(name)
  for _, filler in ipairs(fillers) do filler:close() end
  posix.listen(listener:pollfd(), 128)
  s.note("hearing")
end

s.port = port

-- Commands
-- ---------------------------------------------------------------------------------------------------

-- Data that has arrived in the sockets is read before a command about it is answered.
local function settle()
  for _ = 1, 30 do cqueues.poll(0) end
end

local commands = {}

function commands.journal()
  settle()
  local bytes = {}
  for number = 1, accepted do bytes[number] = bytes_seen[number] or "" end
  return { journal = journal, accepted = accepted, bytes = bytes }
end

function commands.tell(command)
  told[command.name] = true
  changed:signal()
  return {}
end

function commands.wait(command)
  while (counters[command.name] or 0) < command.count do changed:wait() end
  return {}
end

loop:wrap(function()
  for line in input:lines("*l") do
    local command = cjson.decode(line)
    loop:wrap(function() say(commands[command.name_of_command](command)) end)
  end
  os.exit(0, false)
end)

loop:wrap(function()
  local code = string.gsub(job.code, "..", function(hex) return string.char(tonumber(hex, 16)) end)
  assert((loadstring or load)(code))(s, job.args)
end)

say { port = port }
local ok, message = loop:loop()
if not ok then
  io.stderr:write("scripted server: ", tostring(message), "\n")
  os.exit(1, false)
end

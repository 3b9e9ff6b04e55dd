-- Calls inside nginx: the core's I/O thread carries the request, and the light thread that made the call waits on a
-- cosocket at the door of that thread. The worker's event loop goes on meanwhile.
--
-- nginx drops a light thread without a word when its client goes away. What is not sent yet, or may be repeated, is
-- then dropped by the I/O thread, which sees the cosocket close. Anything else runs to its end, and a timer of this
-- file's tells the client's on_response hook, or the error log, what became of it.
local core = require "oneflow.core"

local ngx = package.loaded.ngx
local get_phase, now, sleep, tcp = ngx.get_phase, ngx.now, ngx.sleep, ngx.socket.tcp
local timer_at = ngx.timer.at
local next, pcall, require, tostring = next, pcall, require, tostring
local format = string.format
local isyieldable = core.isyieldable

-- Where cosockets work. (In ssl_client_hello and ssl_session_fetch they do only with a patched nginx: in others the
-- handshake ends there, and whatever was sent was sent.)
local PHASES = {
  server_rewrite = true, rewrite = true, access = true, content = true, timer = true, preread = true, ssl_cert = true,
}

-- What to do elsewhere, besides letting it block.
local IN_TIMER = "make it in a timer, ngx.timer.at(0, function() ... end), or "
local EARLIER = "make it in access_by_lua or content_by_lua and keep in ngx.ctx what it gave, or "
local IN_CERTIFICATE = "make it in ssl_certificate_by_lua, or "
local INSTEAD = {
  init = "", exit_worker = "", -- nobody waits there
  set = "make it in rewrite_by_lua or access_by_lua, or ",
  balancer = EARLIER, header_filter = EARLIER, body_filter = EARLIER,
  ssl_client_hello = IN_CERTIFICATE, ssl_session_fetch = IN_CERTIFICATE,
}

local POOL = { pool = "oneflow", pool_size = 1024 }
local IDLE_MS = 30000
local ASK_SECONDS = 1
local FOREVER_MS = 2 ^ 31 - 1 -- the core ends every call by its deadline

local M = {}

local queue          -- the core's, of this Lua state: calls that nobody waits for any more, when they are done
local in_flight = {} -- by number: calls that must not be repeated
local watching = false
local asked = 0      -- when the timer was; beyond lua_max_running_timers nginx drops it, and tells only its log

local door, address -- the path that the core told last, and how nginx calls it

-- -> cosocket | nil, message, option
local function knock(client)
  local path, problem = core.door(client.socket_dir)
  if not path then return nil, problem, "socket_dir" end
  if path ~= door then door, address = path, "unix:" .. path end
  local socket = tcp()
  socket:settimeout(FOREVER_MS)
  local good, why = socket:connect(address, POOL)
  if not good then
    -- nginx says what came last, perhaps long before, when it is out of connections.
    return nil, format("the library's own socket %s: %s; each call that waits takes one of nginx's worker_connections",
      path, tostring(why))
  end
  return socket
end

-- Waits at the door until a number is answered; false: the cosocket failed.
local function ask(socket, number)
  return socket:send(format("%016d", number)) ~= nil and socket:receive(1) ~= nil
end

-- ---- calls that lost their light thread ------------------------------------------------------------------------

local function tell(number, entry)
  in_flight[number] = nil
  local client = entry.client
  local info = require("oneflow.call").deserted(client, entry.ticket, entry.operation, entry.path, entry.user)
  local hook = client.hooks and client.hooks.on_response
  if hook then return hook(info) end
  ngx.log(ngx.WARN, "oneflow: ", info.operation, " as ", info.acting_user, ": nobody waited for the end of the call: ",
    info.kind and format("%s, %s", info.kind, info.outcome) or format("done, status %d", info.status))
end

local function tell_all()
  local number = queue:next()
  while number do
    local entry = in_flight[number]
    if entry then
      local good, problem = pcall(tell, number, entry)
      if not good then ngx.log(ngx.ERR, "oneflow: a hook raised: ", tostring(problem)) end
    end
    number = queue:next()
  end
end

-- The timer: there as long as there are calls that could lose their light threads.
local function watch(_, client)
  if watching then return end
  watching = true
  while next(in_flight) do
    local socket = knock(client)
    while socket and next(in_flight) do
      if not ask(socket, queue:number()) then
        socket:close()
        socket = nil
      end
      tell_all()
    end
    if socket then socket:setkeepalive(IDLE_MS) elseif next(in_flight) then sleep(0.1) end
  end
  watching, asked = false, 0
end

-- ---- the waiter ------------------------------------------------------------------------------------------------

local waiter = { bell = true }

function waiter.admit(_, client)
  local socket, problem, option = knock(client)
  if socket then return socket end
  return nil, option and "validation" or "connection", problem, option
end

function waiter.leave(_, socket) socket:setkeepalive(IDLE_MS) end

function waiter.wait(_, socket, client, ticket, number, operation, path, user)
  local once = not operation.repeatable
  if once then
    in_flight[number] = { client = client, ticket = ticket, operation = operation, path = path, user = user }
  end
  if next(in_flight) and not watching and now() - asked > ASK_SECONDS and timer_at(0, watch, client) then
    asked = now()
  end
  if ask(socket, number) then
    socket:setkeepalive(IDLE_MS)
  else
    socket:close()
    while not client.engine:done(ticket) do sleep(0.01) end
  end
  if once then
    in_flight[number] = nil
    if not next(in_flight) then queue:nudge() end
  end
end

-- Nobody tells whom to wake, so it looks often.
function waiter.sleep()
  sleep(0.01)
  return true
end

function waiter.wake() end

function waiter.within() return false end

-- Until another light thread has the token that both need; see oneflow.call.
function waiter.sleep()
  sleep(0.005)
  return true
end

function waiter.wake() end

-- A light thread does not tell for whom it runs.
function waiter.within() return false end

--- How a call waits here.
---@return table? waiter
---@return string? refusal
function M.waiter()
  local phase = get_phase()
  if not PHASES[phase] then
    return nil, format("in nginx's phase %s a call cannot wait without blocking the worker: %slet it block, with "
      .. "blocking = true in its options", phase, INSTEAD[phase] or IN_TIMER)
  end
  if not isyieldable() then
    return nil, format("here (phase %s) a call cannot wait without blocking the worker: a C function stands between, "
      .. "such as require, table.sort or string.gsub; move the call out of it, or say blocking = true", phase)
  end
  if not queue then
    queue = core.queue "threaded"
    waiter.queue = queue
  end
  return waiter
end

return M

-- Calls inside nginx: the core's I/O thread carries the request, and the light thread that made the call waits for a
-- semaphore. While calls are running, one timer in each worker reads from the I/O thread's notify socket that calls are
-- done, and wakes their light threads.
--
-- nginx drops a light thread silently when its visitor disconnects; the reader then finds that nobody waits for the
-- semaphore. Requests that were not sent yet, or may be repeated, are then dropped. Any other runs to its end, and its
-- result goes to the client's on_response hook, or to the error log.
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local events = require "oneflow.call.events"
local report = require "oneflow.errors.report"

-- nginx's own Lua, where nothing may block unless told to. Detected as a module, because the global may differ in each
-- request. (The threads of ngx.run_worker_thread have no sockets: they exist to be blocked.)
local package, type = package, type
local ngx = package.loaded.ngx
local there = type(ngx) == "table" and type(ngx.socket) == "table"

local M = { own_loops = false }

function M.detect() return there end

M.own_wrap = true

if not there then return M end

report.log_to(ngx.log, ngx.ERR) -- by default nginx does not write lower levels

local light_threads = require "oneflow.hosts.nginx.light_threads"
local exiting = ngx.worker.exiting
local get_phase, sleep, tcp = ngx.get_phase, ngx.sleep, ngx.socket.tcp
local new_semaphore = require("ngx.semaphore").new
local thread, timer_at = ngx.thread, ngx.timer.at
local error, next, pcall, setmetatable, tostring = error, next, pcall, setmetatable, tostring
local max, min = math.max, math.min
local format = string.format
local yieldable = core.yieldable

-- Phases in which light threads can wait. (In ssl_client_hello and ssl_session_fetch they can only with a patched
-- nginx: otherwise the handshake ends there, but a request that was sent stays sent.)
local PHASES = {
  server_rewrite = true, rewrite = true, access = true, content = true, timer = true, preread = true, ssl_cert = true,
}

-- Advice for the other phases, besides blocking.
local IN_TIMER = "in a timer, ngx.timer.at(0, function() ... end)"
local EARLIER = "in access_by_lua or content_by_lua and keep in ngx.ctx what it gave"
local IN_CERTIFICATE = "in ssl_certificate_by_lua"
local INSTEAD = {
  init = false, exit_worker = false, -- no request waits there
  set = "in rewrite_by_lua or access_by_lua",
  balancer = EARLIER, header_filter = EARLIER, body_filter = EARLIER,
  ssl_client_hello = IN_CERTIFICATE, ssl_session_fetch = IN_CERTIFICATE,
}

local FOREVER_MS = 2 ^ 31 - 1
local DAY, LEAST_SECONDS = 86400, 1 / 1000 -- of one sleep: nginx does not accept a month, and counts milliseconds
local LOOK_SECONDS = 1 / 20  -- between checks for light threads that are gone
local IDLE_SECONDS = 1     -- the reader stays this long without calls
local SUBSCRIBE_SECONDS = 1    -- between attempts to get a cosocket, or a timer
local ALONE_SECONDS = 1 / 100 -- between checks for done calls, while there is no notification
local WAIT_SECONDS = 1     -- between checks by a light thread itself, in case its reader fails

local WATCHED = "a sink or a progress function is called while the call waits, which would block nginx's worker: "
  .. "download to a file or as a string, or say blocking = true in the call's options"

local queue        -- the core's queue of this Lua state
local waiting = {} -- by number: calls whose light threads have not continued yet, each with its semaphore
local free_entries = {}  -- unused entries, for the next calls

-- ---- the reader ------------------------------------------------------------------------------------------------

local reading, hearing = false, false
-- When the timer was requested; beyond lua_max_running_timers nginx drops it, and reports that only in its log.
local asked = -SUBSCRIBE_SECONDS

-- A timer that reports the result of a call whose caller is gone. It has a timer of its own because a hook may make
-- calls, or call ngx.exit.
local function tell(_, number)
  local entry = waiting[number]
  if not entry or not entry.asked then return end
  waiting[number] = nil
  events.orphaned(entry.request, entry.handle)
end

-- Handles a call whose light thread is gone.
local function lose(number, entry)
  if not entry.woken then
    if not entry.lost then entry.request.client.engine:cancel(entry.handle) end
    entry.lost = true
  elseif entry.request.repeatable then
    waiting[number] = nil
  elseif not entry.asked then
    entry.asked = clock.monotonic()
    pcall(timer_at, 0, tell, number)
  elseif clock.monotonic() - entry.asked >= SUBSCRIBE_SECONDS then
    thread.spawn(tell, false, number) -- nginx had no free timer
  end
end

local function wake_done()
  local number = queue:next()
  while number do
    local entry = waiting[number]
    if entry then
      entry.woken = true
      entry.semaphore:post()
    end
    number = queue:next()
  end
end

-- A semaphore's count is its posts minus its waiters. A woken light thread may still count as waiting, because nginx
-- runs timers, such as the reader's, before posted events.
local function look_for_lost()
  local lost = {}
  for number, entry in next, waiting do
    if entry.semaphore:count() == (entry.woken and 1 or 0) then lost[number] = entry end
  end
  for number, entry in next, lost do lose(number, entry) end
end

-- -> cosocket | nil
local function subscribe(folder)
  local path = core.notify_socket(folder)
  if not path then return nil end
  local socket = tcp()
  socket:settimeout(FOREVER_MS) -- a shorter one would write a line to the error log each time
  if socket:connect("unix:" .. path) and socket:send(format("%016d", queue:number())) then return socket end
  return nil
end

-- A light thread that runs until it is killed.
local function listen(folder)
  while true do
    local socket = next(waiting) and subscribe(folder)
    hearing = socket and true or false
    while socket and socket:receive(1) do wake_done() end
    hearing = false
    sleep(SUBSCRIBE_SECONDS)
  end
end

local function look()
  local busy = clock.monotonic()
  repeat
    sleep(hearing and LOOK_SECONDS or ALONE_SECONDS)
    look_for_lost()
    wake_done()
    if next(waiting) then busy = clock.monotonic() end
  until not next(waiting) and (exiting() or clock.monotonic() - busy >= IDLE_SECONDS)
end

local function read(_, folder)
  if reading then return end
  local listener = thread.spawn(listen, folder)
  reading = true
  local good, problem = pcall(look)
  thread.kill(listener)
  reading, hearing, asked = false, false, -SUBSCRIBE_SECONDS
  if not good then ngx.log(ngx.ERR, "oneflow: ", tostring(problem)) end
end

-- ---- the waiter ------------------------------------------------------------------------------------------------

local waiter = {}

function waiter.admit(_, client)
  if not reading then
    local path, problem, kind = core.notify_socket(client.socket_dir)
    if not path then return nil, kind, problem, kind == "validation" and "socket_dir" or nil end
  end
  local entry = free_entries[#free_entries]
  if entry then
    free_entries[#free_entries] = nil
    return entry
  end
  local semaphore, problem = new_semaphore()
  if semaphore then return { semaphore = semaphore, woken = false } end
  return nil, "memory", problem
end

function waiter.leave(_, entry) free_entries[#free_entries + 1] = entry end

function waiter.wait(_, entry, request, handle, number)
  local client = request.client
  local engine, semaphore = client.engine, entry.semaphore
  entry.request, entry.handle = request, handle
  waiting[number] = entry
  local woken, why
  repeat
    if not reading and clock.monotonic() - asked >= SUBSCRIBE_SECONDS then
      asked = clock.monotonic()
      pcall(timer_at, 0, read, client.socket_dir) -- raises when nginx has no free connection for it
    end
    woken, why = semaphore:wait(reading and WAIT_SECONDS or ALONE_SECONDS)
    -- blocking is better than losing the result of a request that may be on the wire
    if not woken and why ~= "timeout" then engine:wait(handle) end
  until engine:done(handle)
  waiting[number] = nil
  if entry.woken and not woken then return end -- its semaphore may be posted late, so it is not reused
  entry.request, entry.handle, entry.woken = nil, nil, false
  free_entries[#free_entries + 1] = entry
end

function waiter.forget(_, number) waiting[number] = nil end

-- The semaphores of light threads that wait until another one has the token that both need; see oneflow.call.token.
-- Only the waiting light thread references its semaphore, because nginx drops light threads silently.
local sleepers = setmetatable({}, { __mode = "k" })

function waiter.sleep(_, due)
  local semaphore, problem = new_semaphore()
  if not semaphore then error(problem, 0) end
  sleepers[semaphore] = true
  semaphore:wait(max(due - clock.monotonic(), LEAST_SECONDS))
  sleepers[semaphore] = nil
  return true
end

-- Wakes all of the worker's: all light threads share one waiter, and each checks again what it waits for.
function waiter.wake()
  for semaphore in next, sleepers do
    sleepers[semaphore] = nil
    semaphore:post()
  end
end

-- nginx's clock is updated only once per turn, so a sleep may end too early.
function waiter.pause(_, seconds)
  local due, left = clock.monotonic() + seconds, seconds
  repeat
    sleep(min(max(left, LEAST_SECONDS), DAY))
    left = due - clock.monotonic()
  until left <= 0
  return true
end

-- A light thread cannot tell for whom it runs.
function waiter.within() return false end

function waiter.gone() return false end

-- The waiter of a light thread that a gather started.
local function begun_here(co)
  local begun = co and light_threads.waiters[co]
  -- otherwise it is of another request: nginx reuses coroutines
  if begun and begun.request == ngx.ctx then return begun end
end

-- The phase, if calls cannot wait in it, and where to make them instead; nil there: inside a C function; false:
-- nowhere.
local function where_not(co)
  local phase = get_phase()
  if not PHASES[phase] then
    local instead = INSTEAD[phase]
    return phase, instead == nil and IN_TIMER or instead
  end
  if not co then return phase, nil end
end

function M.waiter(co, blocking, watched)
  local begun = not watched and begun_here(co)
  if begun or blocking then return begun or nil end
  if watched then return nil, WATCHED end
  local phase, instead = where_not(co)
  if phase and instead ~= nil then
    return nil, format("in nginx's phase %s a call cannot wait without blocking the worker: %slet it block, with "
      .. "blocking = true in its options", phase, instead and format("make it %s, or ", instead) or "")
  elseif phase then
    return nil, format("here (phase %s) a call cannot wait without blocking the worker: a C function called it, "
      .. "such as require, table.sort or string.gsub; move the call out of it, or say blocking = true", phase)
  end
  if not queue then
    queue = core.queue "threaded"
    waiter.queue = queue
  end
  return waiter
end

function M.pauser(co)
  local phase, instead = where_not(co)
  if not phase then return begun_here(co) or waiter end
  if instead == nil then
    instead = "outside of the C function that called it, such as require, table.sort or string.gsub"
  end
  return nil, format("here (phase %s of nginx) it would block the worker%s", phase,
    instead and ": do it " .. instead or "")
end

M.parallel = light_threads.parallel(function() return M.waiter(yieldable()) end, new_semaphore)

return M

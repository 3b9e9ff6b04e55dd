-- Where the library runs, and how a call waits there. Decided before anything is sent.
--
-- A waiter, for calls that wait by yielding:
--   queue   what `engine:submit` is given, see the core
--   admit(self, client)   -> pass | nil, kind, message, option: the last word before the core gets a request
--   leave(self, pass)   nothing was handed over
--   wait(self, pass, client, ticket, number, operation, path, user)   returns once the ticket is done
--   forget(self, number)   a raise ended wait: nothing is to be left of it. Takes no memory
--   sleep(self, due)   until wake, until a time, or sooner -> false: nobody can wake it
--   pause(self, seconds)   -> true | nil, "cancelled", why: what runs here was stopped
--   wake(self)
--   within(self, co)   does this coroutine wait for what it runs?
local core = require "oneflow.core"
local script = require "oneflow.hosts.script"

local package, setmetatable, type = package, setmetatable, type
local yieldable = core.yieldable

local M = {}

--- The task that runs, see oneflow.gather.loop; false: none. Its coroutine may not be the one that runs.
M.task = false

--- By coroutine: the waiters of nginx's light threads that the library began.
M.light_threads = setmetatable({}, { __mode = "k" })
local light_threads = M.light_threads

-- nginx's own Lua: there nothing may block by itself. Found as a module: its global may be another table's in each
-- request. (In the threads of ngx.run_worker_thread it has no sockets: those are there to be blocked.)
local ngx = package.loaded.ngx
local nginx = type(ngx) == "table" and type(ngx.socket) == "table" and require "oneflow.hosts.nginx"

M.in_nginx = nginx and true or false

local WATCHED = "a sink or a progress function is called while the call waits, which would block nginx's worker: "
  .. "download to a file or as a string, or say blocking = true in the call's options"

-- What runs here waits by, of those that the library began; nil: it runs by itself, or cannot wait.
local function begun_here(co)
  local task = M.task
  if co and task and task.co == co then return task end
  local waiter = co and nginx and light_threads[co]
  if waiter and waiter.request == ngx.ctx then return waiter end -- else of another request: nginx uses coroutines again
end

--- How a call waits here: nil for inline, which blocks the thread.
---@param blocking boolean?  the caller allows the thread to be blocked
---@param watched any  a function is called while it waits, which a waiter cannot do: only inline
---@return table? waiter
---@return string? refusal  it must not wait here at all
function M.waiter(blocking, watched)
  local co = yieldable()
  local waiter = begun_here(not watched and co)
  if waiter then return waiter end
  if nginx and not blocking then
    if watched then return nil, WATCHED end
    return nginx.waiter()
  end
  return nil
end

--- How a pause waits here.
---@return table? waiter  of which a script's has `pause` alone
---@return string? refusal
function M.pauser()
  local waiter = begun_here(yieldable())
  if waiter then return waiter end
  if nginx then return nginx.pauser() end
  return script.waiter
end

return M

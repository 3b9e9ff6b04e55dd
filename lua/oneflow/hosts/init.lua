-- Where the library runs, and how calls wait there. This is decided before anything is sent.
--
-- A host is a file in this folder. The library's own loops are tested first, then the hosts around it (AROUND). It has
--
--   detect(co)   does this host run the current code? `co`: the coroutine, if it can yield here
--   waiter(co, blocking, watched)   for a call -> waiter | nil: inline, which blocks the thread | nil, refusal
--   pauser(co)   for a pause -> waiter | nil, refusal
--   parallel     how gather and map run their functions there, see below
--   own_wrap     does the host have its own coroutine.wrap, which ends the request if the wrapped function raises?
--   own_loops    may a loop of the library run there?
--
-- A waiter, for calls that wait by yielding; a script's can only pause:
--
--   queue   passed to `engine:submit`, see the core
--   admit(self, client)   -> pass | nil, kind, message, option: the last check before the core gets a request
--   leave(self, pass)   nothing was submitted
--   wait(self, pass, request, handle, number)   returns when the request is done; `handle`: the core's
--   forget(self, number)   an error ended wait: clears its state. Needs no memory
--   sleep(self, due)   until wake, until a time, or sooner -> false: nothing can wake it
--   pause(self, seconds)   -> true | nil, "cancelled", why: the running code was stopped
--   wake(self)
--   within(self, co)   does this coroutine wait for the code of this waiter?
--   gone(self)   is it known that the code of this waiter will never be resumed?
--
-- `parallel`, for a group (oneflow.gather.group):
--
--   room                  see there
--   prepare(group)
--   run(group)            returns when all have ended
--   settle(group, what)   after an error out of `run`, such as Ctrl-C: everything is stopped, and runs to its end
--   lose(group, what)     after an error out of `settle`: items that did not end become failures
local core = require "oneflow.core"
local gather = require "oneflow.hosts.gather"
local nginx = require "oneflow.hosts.nginx"
local script = require "oneflow.hosts.script"

local yieldable = core.yieldable

local M = {}

-- The host around the functions of a loop does not change.
local AROUND = nginx.detect() and nginx or script

--- `own_wrap` of the host here, see above.
---@type boolean
M.own_wrap = AROUND.own_wrap or false

local function host_of(co) return gather.detect(co) and gather or AROUND end

--- The host of the running code.
---@return table host
function M.here() return host_of(yieldable()) end

--- How a call waits here; nil: inline, which blocks the thread.
---@param blocking boolean?  the caller allows the thread to be blocked
---@param watched any  a function that is called during the wait, which only inline waiting can do
---@return table? waiter
---@return string? refusal  why it must not wait here
function M.waiter(blocking, watched)
  local co = yieldable()
  if not watched and gather.detect(co) then return gather.waiter() end
  return AROUND.waiter(co, blocking, watched)
end

--- How a pause waits here.
---@return table? waiter
---@return string? refusal
function M.pauser()
  local co = yieldable()
  return host_of(co).pauser(co)
end

return M

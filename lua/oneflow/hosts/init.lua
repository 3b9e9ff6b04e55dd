-- Where the library runs, and how what is asked for there waits. Decided before anything is sent.
--
-- A host is a file in this folder. A loop of the library's comes first, then what stands around it (AROUND):
--   detect(co)   does it run what runs here? `co`: the coroutine, if it can yield here
--   waiter(co, blocking, watched)   for a call -> waiter | nil: inline, which blocks the thread | nil, refusal
--   pauser(co)   for a pause -> waiter | nil, refusal
--   parallel     how gather and map run their functions there, see below
--   own_wrap     is coroutine.wrap the host's, which ends what runs there when what it wraps raises?
--   own_loops    may a loop of the library's be turned there?
--
-- A waiter, for calls that wait by yielding; a script's can pause, and no more:
--   queue   what `engine:submit` is given, see the core
--   admit(self, client)   -> pass | nil, kind, message, option: the last word before the core gets a request
--   leave(self, pass)   nothing was handed over
--   wait(self, pass, request, handle, number)   returns once the request is done; `handle`: the core's
--   forget(self, number)   a raise ended wait: nothing is to be left of it. Takes no memory
--   sleep(self, due)   until wake, until a time, or sooner -> false: nobody can wake it
--   pause(self, seconds)   -> true | nil, "cancelled", why: what runs here was stopped
--   wake(self)
--   within(self, co)   does this coroutine wait for what it runs?
--   gone(self)   is it known that what it runs is never gone on with?
--
-- `parallel`, of a group (oneflow.gather.group):
--   room                  see there
--   prepare(group)
--   run(group)            returns when all has ended
--   settle(group, what)   after a raise out of `run`, such as a Ctrl-C's: all is stopped, and runs to its end
--   lose(group, what)     after one out of `settle`: what did not end is among the failures
local core = require "oneflow.core"
local gather = require "oneflow.hosts.gather"
local nginx = require "oneflow.hosts.nginx"
local script = require "oneflow.hosts.script"

local yieldable = core.yieldable

local M = {}

-- What stands around the functions of a loop does not change.
local AROUND = nginx.detect() and nginx or script

--- Of the host here, see above.
---@type boolean
M.own_wrap = AROUND.own_wrap or false

local function host_of(co) return gather.detect(co) and gather or AROUND end

--- The host of what runs here.
---@return table host
function M.here() return host_of(yieldable()) end

--- How a call waits here: nil for inline, which blocks the thread.
---@param blocking boolean?  the caller allows the thread to be blocked
---@param watched any  a function is called while it waits, which a waiter cannot do: only inline
---@return table? waiter
---@return string? refusal  it must not wait here at all
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

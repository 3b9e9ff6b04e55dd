-- Where the library runs, and how a call waits there. Decided before anything is sent.
--
-- A waiter, for calls that wait by yielding:
--   queue, bell   what `engine:submit` is given, see the core
--   admit(self)   -> pass | nil, kind, message: the last word before a request is handed to the core
--   leave(self, pass)   nothing was handed over
--   wait(self, pass, client, ticket, number, operation, path, user)   returns once the ticket is done
local core = require "oneflow.core"

local format = string.format
local next, rawget, setmetatable, type = next, rawget, setmetatable, type
local running = coroutine.running
local isyieldable = core.isyieldable

local M = {}

--- By coroutine: the waiters of those that the library's own gatherer made, and of no others.
M.waiters = setmetatable({}, { __mode = "k" })
local waiters = M.waiters

local ngx = rawget(_G, "ngx")
local in_nginx = type(ngx) == "table" and type(ngx.get_phase) == "function"

--- How a call waits here: nil for inline, which blocks the thread.
---@param blocking boolean?  the caller allows the thread to be blocked
---@return table? waiter
---@return string? refusal  it must not wait here at all
function M.waiter(blocking)
  if next(waiters) ~= nil and isyieldable() then
    local waiter = waiters[running()]
    if waiter then return waiter end
  end
  if in_nginx and not blocking then
    return nil, format("inside nginx (phase %s) this call would block the worker and every request in it; where that "
      .. "is wanted, as in init_by_lua, say blocking = true in the call's options", ngx.get_phase())
  end
  return nil
end

return M

-- Where the library runs, and whether a call may wait there. Decided before anything is sent.
local format = string.format

local M = {}

local ngx = rawget(_G, "ngx")

if type(ngx) == "table" and type(ngx.get_phase) == "function" then
  --- Why a call must not wait here, nil when it may. There is no such function where it always may.
  ---@param blocking boolean?  the caller allows the thread to be blocked
  ---@return string?
  function M.refusal(blocking)
    if blocking then return nil end
    return format("inside nginx (phase %s) this call would block the worker and every request in it; where that is "
      .. "wanted, as in init_by_lua, say blocking = true in the call's options", ngx.get_phase())
  end
end

return M

-- Where the library runs, and whether a call may wait there. Decided before anything is sent.
local rawget, type = rawget, type

local M = {}

--- Why a call must not wait here, nil when it may.
---@param blocking boolean?  the caller allows the thread to be blocked
---@return string?
function M.refusal(blocking)
  local ngx = rawget(_G, "ngx")
  if type(ngx) ~= "table" or type(ngx.get_phase) ~= "function" or blocking then return nil end
  return "inside nginx (phase " .. ngx.get_phase() .. ") this call would block the worker and every request in it; "
    .. "where that is wanted, as in init_by_lua, say blocking = true in the call's options"
end

return M

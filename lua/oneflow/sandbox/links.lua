-- The `_links` of answers: addresses of operations, from the endpoint table.
local operations = require("oneflow.api").operations
local M = {}

local format, gsub = string.format, string.gsub
local select = select

--- The address of an operation.
---@param operation string its name
---@param ... integer the ids of its path, in order; one more is that of a thing in its list
function M.to(base_url, operation, ...)
  local path, used = operations[operation].path, 0
  local ids = { ... }
  path = gsub(path, "{[a-z_]+}", function()
    used = used + 1
    return format("%d", ids[used])
  end)
  if used < select("#", ...) then path = format("%s/%d", path, ids[used + 1]) end
  return { href = base_url .. path }
end

return M

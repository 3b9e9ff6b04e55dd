-- Finds the operation of a request, by the endpoint table. A literal segment takes precedence over an id: GET
-- /contracts/create is that path with the wrong method, not a contract called "create".
local M = {}
M.__index = M

local error, ipairs, pairs, setmetatable = error, ipairs, pairs, setmetatable
local format, gmatch, match, sub = string.format, string.gmatch, string.match, string.sub

local PREFIX = "/v1"
-- Keys of a node that cannot be segments, because a segment has no slash.
local ID, METHODS = "/id", "/methods"

local function segments(path)
  local list = {}
  for segment in gmatch(path, "[^/]+") do list[#list + 1] = segment end
  return list
end

--- A tree of segments from the table's operations, each with its handler.
---@param operations table the endpoint table's operations by name
---@param handlers table operation name -> function
function M.new(operations, handlers)
  local root = {}
  for name, operation in pairs(operations) do
    if not handlers[name] then error(format("the sandbox has no handler for %s", name), 2) end
    local node = root
    for _, segment in pairs(segments(operation.path)) do
      local key = match(segment, "^{.*}$") and ID or segment
      node[key] = node[key] or {}
      node = node[key]
    end
    node[METHODS] = node[METHODS] or {}
    node[METHODS][operation.method] = { operation = operation, handler = handlers[name] }
  end
  return setmetatable({ root = root }, M)
end

--- The route ({ operation, handler }) and the ids of the path by their names, as they were sent; or nil, and whether
--- the path is known with another method.
function M:find(method, path)
  if path ~= PREFIX and sub(path, 1, #PREFIX + 1) ~= PREFIX .. "/" then return nil, false end
  local node, found = self.root, {}
  for _, segment in pairs(segments(sub(path, #PREFIX + 1))) do
    if node[segment] then
      node = node[segment]
    else
      node = node[ID]
      found[#found + 1] = segment
    end
    if not node then return nil, false end
  end
  if not node[METHODS] then return nil, false end
  local route = node[METHODS][method]
  if not route then return nil, true end
  local ids = {}
  for i, name in ipairs(route.operation.ids or {}) do ids[name] = found[i] end
  return route, ids
end

return M

-- Mistakes in the program: wrong names, wrong Lua types, a missing acting user. They are raised as strings with the
-- position of the line that called the library, however deep in the library they are detected.
local ascii = require "oneflow.base.ascii"
local error, ipairs, pairs, type = error, ipairs, pairs, type
local getinfo = debug.getinfo
local find, format, match, sub = string.find, string.format, string.match, string.sub
local concat, sort = table.concat, table.sort
local min = math.min

local M = {}

local here = match(getinfo(1, "S").source, "^(.*)errors/usage%.lua$") or "@oneflow/"

--- Raises `message` at the level of the first caller outside of the library.
---@param message string
function M.raise(message)
  local level = 2
  while true do
    local info = getinfo(level, "S")
    if not info then break end
    if info.what ~= "C" and sub(info.source, 1, #here) ~= here then break end
    level = level + 1
  end
  error("oneflow: " .. message, level)
end

--- Raises a value unchanged.
function M.throw(value) error(value, 0) end

-- The edit distance of two words.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = sub(a, i, i) == sub(b, j, j) and diagonal or diagonal + 1
      diagonal, row[j] = row[j], min(cost, row[j] + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
end

--- Is the value in the list?
function M.among(list, value)
  for _, candidate in ipairs(list) do if candidate == value then return true end end
  return false
end

--- A clause for a name that is not in the list, such as `; did you mean "publish"?` or `; known: a, b`.
---@param name any
---@param known string[]
---@param path string?  where the option `unchecked` lets it pass
---@return string
function M.hint(name, known, path)
  local best, best_distance
  if type(name) == "string" and #name <= 64 then
    for _, candidate in ipairs(known) do
      local d = distance(name, candidate)
      if not best or d < best_distance then best, best_distance = candidate, d end
    end
  end
  if best and best_distance <= 2 + #best / 4 then return format("; did you mean %q?", best) end
  local way_out = ""
  if path and #path <= 100 and match(path, "^[A-Za-z0-9_.:%[%]-]+$") then
    way_out = format("; unchecked = { %q } sends it", path)
  end
  if #known == 0 then return way_out end
  return "; known: " .. concat(known, ", ") .. way_out
end

--- The names of a table, sorted.
---@param t table<string, any>
---@return string[]
function M.names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  sort(names, ascii.before)
  return names
end

--- A name for a message: short, without control bytes.
---@param name any
---@return string
function M.show(name)
  if type(name) ~= "string" then return "[" .. type(name) .. "]" end
  if #name > 40 or find(name, "[^A-Za-z0-9_.:%-]") then return "(an unusual name)" end
  return '"' .. name .. '"'
end

--- Raises that a value has the wrong Lua type.
function M.expected(path, what, value)
  M.raise(format("%s: %s expected, got %s", path, what, type(value)))
end

--- Raises that there is no field of this name.
---@param way_out string?  see `hint`
function M.no_field(path, name, fields, way_out)
  M.raise(format("%s has no field %s%s", path, M.show(name), M.hint(name, M.names(fields), way_out)))
end

--- The length of a table, ignoring its metatable. (LuaJIT's # calls no metamethod of a table.)
---@type fun(t: table): integer
M.rawlen = rawlen or function(t) return #t end

return M

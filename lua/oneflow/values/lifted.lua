-- What the option `unchecked` lifts: `true` all checks; a list those of what it names, and of all that is in it. Paths
-- are those of an error's problems; `body.` may be left out.
local ipairs, type = ipairs, type
local find, sub = string.find, string.sub

local function within(path, name)
  return sub(path, 1, #name) == name and (#path == #name or find(path, "^[.%[]", #name + 1) ~= nil)
end

---@param unchecked boolean|string[]|nil
---@param path string
---@return boolean?
return function(unchecked, path)
  if type(unchecked) ~= "table" then return unchecked end
  for _, name in ipairs(unchecked) do
    if within(path, name) or within(path, "body." .. name) then return true end
  end
  return false
end

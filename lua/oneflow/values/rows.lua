-- The items of a list, in either form that the service uses: an array, or an envelope that has the array under one of
-- several names, and perhaps `count`.
local getmetatable, ipairs, next, type = getmetatable, ipairs, next, type

local USUAL = { "data" }

-- The decoder marks empty lists: {} is an object.
local function is_list(value)
  return type(value) == "table" and (#value > 0 or (next(value) == nil and getmetatable(value) ~= nil))
end

---@param value any
---@param names string[]?  names of the list in an envelope, the usual one first ("data")
---@return table? items  nil: it is not a list
---@return integer? count  the total, if an envelope has fewer items
return function(value, names)
  if type(value) ~= "table" then return nil end
  for _, name in ipairs(names or USUAL) do
    local items = value[name]
    if items ~= nil then
      if not is_list(items) then return nil end
      local count = value.count
      return items, type(count) == "number" and count > #items and count or nil
    end
  end
  return is_list(value) and value or nil
end

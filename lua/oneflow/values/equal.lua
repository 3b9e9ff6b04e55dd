-- Are two decoded values the same?
local next, type = next, type

local function equal(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for name, value in next, a do
    if not equal(value, b[name]) then return false end
  end
  for name in next, b do
    if a[name] == nil then return false end
  end
  return true
end

return equal

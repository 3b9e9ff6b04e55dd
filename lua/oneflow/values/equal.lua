-- Are two decoded values the same?
local next, rawequal, rawget, type = next, rawequal, rawget, type

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if rawequal(a, b) then return true end
  for name, value in next, a do
    if not equal(value, rawget(b, name)) then return false end
  end
  for name in next, b do
    if rawget(a, name) == nil then return false end
  end
  return true
end

return equal

-- Secrets from the system's random source. Nothing here falls back to math.random.
local M = {}

local assert, error, open = assert, error, io.open
local byte, sub = string.byte, string.sub
local concat = table.concat

local ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
-- 252 is the largest multiple of the alphabet's 63 characters in a byte: with higher values some characters would be
-- more likely.
local FAIR = 252

--- `length` characters of [a-zA-Z0-9-], each equally likely.
function M.text(length)
  local file = assert(open("/dev/urandom", "rb"))
  local characters = {}
  while #characters < length do
    local bytes = file:read(length)
    if not bytes then file:close(); error("cannot read /dev/urandom") end
    for i = 1, #bytes do
      local value = byte(bytes, i)
      if value < FAIR and #characters < length then
        local index = value % #ALPHABET + 1
        characters[#characters + 1] = sub(ALPHABET, index, index)
      end
    end
  end
  file:close()
  return concat(characters)
end

return M

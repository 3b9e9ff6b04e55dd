-- The bytes of a large file that is not stored: one block, repeated, in which neighbouring KiB differ.
local M = {}

local floor, min = math.floor, math.min
local format, rep, sub = string.format, string.rep, string.sub
local concat = table.concat

local LINES = {}
for i = 1, 64 do LINES[i] = rep(format("%02d.", i), 341) .. "\n" end
local BLOCK = concat(LINES)

--- This many bytes, as the body of an answer.
function M.new(size)
  return { size = size }
end

--- The bytes in pieces.
---@return fun(): string|nil
function M.pieces(filler)
  local left = filler.size
  return function()
    if left == 0 then return nil end
    local length = min(left, #BLOCK)
    left = left - length
    return length == #BLOCK and BLOCK or sub(BLOCK, 1, length)
  end
end

--- All at once.
---@return string
function M.whole(filler)
  local blocks = floor(filler.size / #BLOCK)
  return rep(BLOCK, blocks) .. sub(BLOCK, 1, filler.size - blocks * #BLOCK)
end

return M

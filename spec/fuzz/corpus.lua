-- A corpus as one text file: an input a line, written as Lua writes strings, without the quotes.
--   corpus.lua unpack FILE FOLDER     a file for each input into the folder
--   corpus.lua pack FOLDER FILE       the other way; inputs of over 2000 bytes are left out
local command, from, to = arg[1], arg[2], arg[3]

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function escape(byte) return string.format("\\%03d", string.byte(byte)) end

local function unescape(line)
  return (string.gsub(line, "\\(%d%d%d)", function(digits) return string.char(tonumber(digits)) end))
end

if command == "unpack" then
  local number = 0
  for line in io.lines(from) do
    number = number + 1
    local file = assert(io.open(string.format("%s/%04d", to, number), "wb"))
    file:write(unescape(line))
    assert(file:close())
  end
else
  local inputs = {}
  for name in assert(io.popen("ls '" .. from .. "'")):lines() do
    local text = read(from .. "/" .. name)
    if #text <= 2000 then
      inputs[#inputs + 1] = string.gsub(text, "[^\32-\91\93-\126]", escape)
    end
  end
  table.sort(inputs)
  local file = assert(io.open(to, "w"))
  for _, line in ipairs(inputs) do file:write(line, "\n") end
  assert(file:close())
end

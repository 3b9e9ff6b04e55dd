-- Writes the Lua files of a folder as C, for embedded.h:
--   lua embed.lua lua lua/oneflow/init.lua lua/oneflow/values/check.lua ... > embedded.c
-- Bytes rather than a string literal: compilers need not take literals of more than 4095 characters.
local folder = assert(arg[1])
local list = {}

io.write('#include "embedded.h"\n')
for i = 2, #arg do
  local path = assert(string.match(arg[i], "^" .. string.gsub(folder, "%p", "%%%0") .. "/(.+%.lua)$"), arg[i])
  local module = string.gsub(string.gsub(string.gsub(path, "%.lua$", ""), "/init$", ""), "/", ".")
  local file = assert(io.open(arg[i], "rb"))
  local text = assert(file:read("*a"))
  file:close()
  local codes = {}
  for k = 1, #text do codes[k] = string.byte(text, k) end
  io.write(string.format("\nstatic const unsigned char text_%d[] = {", i))
  for from = 1, #codes, 32 do
    io.write("\n", table.concat(codes, ",", from, math.min(from + 31, #codes)), ",")
  end
  io.write("0};\n") -- so that an empty file is an array too
  list[#list + 1] = string.format('    {"%s", "@%s", text_%d, sizeof text_%d - 1},\n', module, path, i, i)
end
io.write("\nconst of_embedded of_embedded_modules[] = {\n", table.concat(list), "    {NULL, NULL, NULL, 0},\n};\n")

-- Writes the Lua files of the static library as C, for embedded.h, and the names of the modules that are not in it:
--   lua embed.lua lua lua/oneflow/init.lua lua/oneflow/values/check.lua ... -- lua/oneflow/testing.lua ... > embedded.c
-- Bytes rather than a string literal: compilers need not take literals of more than 4095 characters.
local folder = "^" .. string.gsub(assert(arg[1]), "%p", "%%%0") .. "/(.+%.lua)$"

local function module_of(path)
  local file = assert(string.match(path, folder), path)
  return string.gsub(string.gsub(string.gsub(file, "%.lua$", ""), "/init$", ""), "/", "."), file
end

local paths, absent, is_absent = {}, {}, false
for i = 2, #arg do
  if arg[i] == "--" then
    is_absent = true
  elseif is_absent then
    local module = module_of(arg[i])
    absent[module], absent[#absent + 1] = true, string.format('    "%s",\n', module)
  else
    paths[#paths + 1] = arg[i]
  end
end

local list = {}
io.write('#include "embedded.h"\n')
for i, path in ipairs(paths) do
  local module, name = module_of(path)
  local file = assert(io.open(path, "rb"))
  local text = assert(file:read("*a"))
  file:close()
  for used in string.gmatch(text, 'require *%(?"([^"]+)"') do
    if absent[used] then error(path .. " requires " .. used .. ", which is not in the static library", 0) end
  end
  local codes = {}
  for k = 1, #text do codes[k] = string.byte(text, k) end
  io.write(string.format("\nstatic const unsigned char text_%d[] = {", i))
  for from = 1, #codes, 32 do
    io.write("\n", table.concat(codes, ",", from, math.min(from + 31, #codes)), ",")
  end
  io.write("0};\n") -- so that an empty file is an array too
  list[i] = string.format('    {"%s", "@%s", text_%d, sizeof text_%d - 1},\n', module, name, i, i)
end
io.write("\nconst of_embedded of_embedded_modules[] = {\n", table.concat(list), "    {NULL, NULL, NULL, 0},\n};\n")
io.write("\nconst char *const of_embedded_absent[] = {\n", table.concat(absent), "    NULL,\n};\n")

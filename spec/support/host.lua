-- Where the specs run: which Lua, which folders, and the paths that its children need.
local uv = require "luv"

local M = {}

--- "lua5.4", "lua5.3" or "luajit": the name of the build folder.
M.lua = rawget(_G, "jit") and "luajit" or "lua" .. string.match(_VERSION, "%d%.%d")
M.executable = uv.exepath()

local here = string.match(string.sub(debug.getinfo(1, "S").source, 2), "^(.*)/") or "."
M.root = assert(uv.fs_realpath(here .. "/../.."))
M.build = M.root .. "/build/" .. M.lua

--- Runs a shell command that must succeed; returns what it printed.
function M.shell(command)
  local pipe = assert(io.popen("(" .. command .. ") 2>&1; echo \"=$?\"", "r"))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = string.match(text, "^(.*)=(%d+)\n$")
  if status ~= "0" then error("failed: " .. command .. "\n" .. tostring(output), 2) end
  return output
end

local temporary = {}

--- A private folder, which is removed when the Lua state closes.
function M.folder()
  local path = assert(uv.fs_mkdtemp("/tmp/oneflow-spec-XXXXXX"))
  temporary[#temporary + 1] = path
  return path
end

function M.remove(path)
  assert(string.find(path, "^/tmp/oneflow%-spec%-"))
  M.shell("rm -rf '" .. path .. "'")
end

local function remove_all()
  for _, path in ipairs(temporary) do pcall(M.remove, path) end
  temporary = {}
end
if M.lua == "luajit" then
  M.guard = newproxy(true)
  getmetatable(M.guard).__gc = remove_all
else
  M.guard = setmetatable({}, { __gc = remove_all })
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

function M.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

--- Compiler flags for C modules of the Lua that runs the specs.
function M.cflags()
  return (string.gsub(M.shell("pkg-config --cflags " .. M.lua), "%s+$", ""))
end

local function newer(a, b)
  local first, second = uv.fs_stat(a), uv.fs_stat(b)
  if not first or not second then return false end
  return first.mtime.sec > second.mtime.sec
    or first.mtime.sec == second.mtime.sec and first.mtime.nsec >= second.mtime.nsec
end

-- spec/support/NAME.c as a shared object of the Lua that runs the specs, compiled when it is older than its source.
local function compiled(name, libraries)
  local source, library = M.root .. "/spec/support/" .. name .. ".c", M.build .. "/spec/" .. name .. ".so"
  if not newer(library, source) then
    local scratch = string.format("%s.%d", library, uv.os_getpid())
    M.shell(string.format("mkdir -p '%s/spec' && cc -std=c11 -O1 -Wall -Wextra -fPIC -shared %s -o '%s' '%s' %s "
      .. "&& mv '%s' '%s'",
      M.build, M.cflags(), scratch, source, libraries or "", scratch, library))
  end
  return library
end

--- The module of posix.c.
function M.posix() return assert(package.loadlib(compiled "posix", "luaopen_posix"))() end

--- The module of capped.c: states of their own, with a cap on their memory.
function M.capped() return assert(package.loadlib(compiled "capped", "luaopen_capped"))() end

local LIBRARIES = {
  curl = "-Wl,--no-as-needed $(pkg-config --libs libcurl)",
  lua = "-Wl,-z,nodelete", -- the state uses it until it is completely closed
}

--- failing_malloc.c or failing_curl.c, for LD_PRELOAD; in the process that has it, package.loadlib(path,
--- "luaopen_failing_malloc") opens the module that makes things fail. So does, of failing_lua.c, "luaopen_failing_lua".
function M.failing(what) return compiled("failing_" .. what, LIBRARIES[what]) end

return M

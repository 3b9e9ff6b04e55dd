-- Locales of the specs, created with localedef when first needed, and kept with the build.
local uv = require "luv"
local host = require "spec.support.host"

local M = {}

local FOLDER = host.root .. "/build/locales"

--- Purpose -> the name for setlocale.
M.names = {
  comma = "de_DE.ISO-8859-1",     -- a decimal comma
  two_bytes = "ps_AF.UTF-8",      -- a decimal point of two bytes
  turkish = "tr_TR.ISO-8859-9",   -- a decimal comma; the small I is no i; letters and control bytes beyond ASCII
}

local function make(name)
  local path = FOLDER .. "/" .. name
  if uv.fs_stat(path) then return end
  local language, charset = string.match(name, "^([^.]+)%.(.+)$")
  local scratch = string.format("%s.%d", path, uv.os_getpid())
  host.shell(string.format("mkdir -p '%s'; localedef -c -i %s -f %s '%s' || [ -e '%s/LC_NUMERIC' ]; mv -T '%s' '%s'",
    FOLDER, language, charset, scratch, scratch, scratch, path))
end

--- Where setlocale finds them: the value of LOCPATH.
function M.path()
  for _, name in pairs(M.names) do make(name) end
  return FOLDER
end

--- Runs fn in this process under one of the locales -> what it returns, or raises.
function M.within(which, fn)
  uv.os_setenv("LOCPATH", M.path())
  assert(os.setlocale(M.names[which]))
  local results = { pcall(fn) }
  os.setlocale "C"
  if not results[1] then error(results[2], 0) end
  return (table.unpack or unpack)(results, 2)
end

return M

-- Targets of the Makefile that specs need, built for the Lua that runs them. What a make around the specs was told
-- is not for this one.
local host = require "spec.support.host"

return function(target, variables)
  host.shell(string.format("cd '%s' && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u FLAVOUR -u EXTRA "
    .. "-u CFLAGS -u HARDENING_WANTED make %s LUA=%s BUILD=build %s",
    host.root, target, host.lua, variables or ""))
end

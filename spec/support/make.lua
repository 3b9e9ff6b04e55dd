-- Builds targets of the Makefile that specs need, for the Lua that runs them. Variables of a surrounding make do not
-- apply.
local host = require "spec.support.host"

return function(target, variables)
  host.shell(string.format("cd '%s' && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u FLAVOUR -u EXTRA "
    .. "-u CFLAGS -u HARDENING_WANTED make %s LUA=%s BUILD=build %s",
    host.root, target, host.lua, variables or ""))
end

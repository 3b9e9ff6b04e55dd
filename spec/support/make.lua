-- Targets of the Makefile that specs need, built for the Lua that runs them. A make of its own: the flags of a make
-- around the specs are not for it.
local host = require "spec.support.host"

return function(target, variables)
  host.shell(string.format("cd '%s' && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES make %s LUA=%s %s",
    host.root, target, host.lua, variables or ""))
end

-- busted's helper for `make sanitize`. The sanitizers belong to this process: what it starts (nginx, openssl,
-- other Luas) gets the ordinary core and no preloaded library.
local uv = require "luv"

uv.os_unsetenv "LD_PRELOAD"
uv.os_setenv("LUA_CPATH", assert(os.getenv "PLAIN_CPATH"))

-- The sandbox hands its own package.cpath on, so the core is loaded while this still names the sanitized one.
require "oneflow.core"
package.cpath = assert(os.getenv "PLAIN_CPATH")

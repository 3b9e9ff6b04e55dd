-- busted's helper for `make sanitize`. The sanitizers belong to this process: what it starts (nginx, openssl,
-- other Luas) gets the ordinary core and no preloaded library.
local uv = require "luv"

uv.os_unsetenv "LD_PRELOAD"
uv.os_setenv("LUA_CPATH", assert(os.getenv "PLAIN_CPATH"))

-- The sandbox hands its own package.cpath on, so the core is loaded while this still names the sanitized one.
require "oneflow.core"
-- What LUA_CPATH says by `;;` is expanded already in what stands here.
package.cpath = string.gsub(package.cpath, "^[^;]*", (string.match(os.getenv "PLAIN_CPATH", "^[^;]*")))

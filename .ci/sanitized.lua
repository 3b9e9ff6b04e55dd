-- busted's helper for `make sanitize`. Only this process is sanitized: the programs that it starts (nginx, openssl,
-- other Luas) get the ordinary core and no preloaded library.
local uv = require "luv"

uv.os_unsetenv "LD_PRELOAD"
uv.os_setenv("LUA_CPATH", assert(os.getenv "PLAIN_CPATH"))

-- The core is loaded while package.cpath still names the sanitized one; after that, package.cpath is what the sandbox
-- passes on to its own processes.
require "oneflow.core"
-- In package.cpath the `;;` of LUA_CPATH is already expanded, so only the first entry is replaced.
package.cpath = string.gsub(package.cpath, "^[^;]*", (string.match(os.getenv "PLAIN_CPATH", "^[^;]*")))

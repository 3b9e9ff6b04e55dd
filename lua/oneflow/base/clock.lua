-- The clock. All Lua code calls these fields and keeps none of them, so a spec can replace the clock: then a whole
-- program with a transport in Lua runs in simulated time. libcurl and the waits of the core have their own clocks,
-- which such a program does not use.
--
--   monotonic() -> seconds since a fixed but unspecified moment: for durations and deadlines
--   wall()      -> seconds since 1970, which jumps when the system's clock is set: for dates
--   sleep(seconds)  blocks the thread for at most that long. It returns early, so that signals are seen
local core = require "oneflow.core"

return { monotonic = core.monotonic, wall = core.wall, sleep = core.sleep }

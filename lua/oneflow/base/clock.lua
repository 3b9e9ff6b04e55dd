-- The time. Whatever in Lua asks for it calls these fields, and keeps none of them, so that a spec can put another
-- clock there: then a whole program over a transport in Lua runs in simulated time. libcurl and the core's waits keep
-- their own clocks, and are not entered then.
--
--   monotonic() -> seconds since some point that does not move: for durations and deadlines
--   wall()      -> seconds since 1970, which the system may set at any time: for dates
--   sleep(seconds)  the thread waits for at most that long. It returns early, so that signals are seen
local core = require "oneflow.core"

return { monotonic = core.monotonic, wall = core.wall, sleep = core.sleep }

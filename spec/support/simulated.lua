-- Simulated time: the library's clock advances only when something sleeps. For programs with a transport in Lua.
local clock = require "oneflow.base.clock"

local M = {}

-- The names of the real clock's functions, as the spec finds them.
local NAMES = { "monotonic", "wall", "sleep" }
local real = {}

--- From now on time is simulated, until `stop`. Starts at `wall`, seconds since 1970.
function M.start(wall)
  for _, name in ipairs(NAMES) do real[name] = real[name] or clock[name] end
  local now = 0
  function clock.monotonic() return now end
  function clock.wall() return wall + math.floor(now) end
  function clock.sleep(seconds)
    assert(seconds > 0 and seconds < math.huge)
    now = now + seconds
  end
end

function M.stop()
  for name, fn in pairs(real) do clock[name], real[name] = fn, nil end
end

--- Advances the time during the library's calls, for example for a slow transport.
function M.pass(seconds) clock.sleep(seconds) end

return M

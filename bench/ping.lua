-- Pings a site, one after the other on one connection, with pauses.
--   ping.lua PORT SECONDS     prints the seconds that each took, a line each
local uv = require "luv"
local port, seconds = tonumber(arg[1]), tonumber(arg[2])
local PAUSE_MS = 2

local socket, timer = uv.new_tcp(), uv.new_timer()
local stop = uv.hrtime() + seconds * 1e9
local took, sent = {}, 0

local function ask()
  sent = uv.hrtime()
  socket:write "GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"
end

socket:connect("127.0.0.1", port, function(problem)
  assert(not problem, problem)
  socket:nodelay(true)
  ask()
end)
local buffer = ""
socket:read_start(function(problem, chunk)
  assert(not problem and chunk, "the site hung up")
  buffer = buffer .. chunk
  if not string.find(buffer, "\r\n0\r\n\r\n", 1, true) then return end
  buffer = ""
  took[#took + 1] = (uv.hrtime() - sent) / 1e9
  if uv.hrtime() < stop then
    timer:start(PAUSE_MS, 0, ask)
  else
    socket:close()
    timer:close()
  end
end)
uv.run()
for _, one in ipairs(took) do io.write(string.format("%.6f\n", one)) end

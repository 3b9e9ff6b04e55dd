-- One large download, onto disk and into a function: how fast, and how much memory it takes. Fails beyond the limit.
--   download.lua URL FOLDER   the URL is that of the service, without /v1
local oneflow = require "oneflow"
local core = require "oneflow.core"

local LIMIT = 8 * 1024 * 1024 -- maximum growth of resident memory, in bytes

local url, folder = ...
local client = assert(oneflow.client { base_url = url .. "/v1", token = "bench-token" })
local contract = assert(client:user "sven@example.com"):contract(4711)

local function status(name)
  for line in io.lines "/proc/self/status" do
    local value = string.match(line, "^" .. name .. ":%s*(%d+) kB")
    if value then return tonumber(value) * 1024 end
  end
end

local function measure(what, where)
  collectgarbage()
  collectgarbage()
  local peak = assert(io.open("/proc/self/clear_refs", "w")) -- 5: the peak is forgotten
  peak:write "5"
  peak:close()
  local before, started = status "VmRSS", core.monotonic()
  local _, meta = assert(contract:file(1):download(where))
  local seconds, growth = core.monotonic() - started, status "VmHWM" - before
  print(string.format("%-10s %5.0f MiB in %5.2f s, %5.0f MiB/s, memory grew by %5.2f MiB", what, meta.bytes / 2 ^ 20,
    seconds, meta.bytes / 2 ^ 20 / seconds, growth / 2 ^ 20))
  if growth > LIMIT then error("memory is not flat") end
end

assert(contract:file(2):download()) -- allocates what is needed only once
local received = 0
measure("to a sink", { sink = function(chunk) received = received + #chunk end })
measure("to a file", { to = folder .. "/download.bin" })
assert(received == require("luv").fs_stat(folder .. "/download.bin").size)

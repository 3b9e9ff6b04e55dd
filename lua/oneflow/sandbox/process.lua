-- `oneflow sandbox` as a child process of a script: with the same Lua and the same paths as the script, and
-- with a pipe as its standard input, so that it ends when the script does.
local uv = require "luv"
local core = require "oneflow.core"
local M = {}

local error, format, match, sub = error, string.format, string.match, string.sub
local assert, ipairs, os, package, pairs, setmetatable = assert, ipairs, os, package, pairs, setmetatable
local io = io

local Process = {}
Process.__index = Process

local RUN = "os.exit(require('oneflow.cli').main({%s}), true)"

-- This process's environment, with the present search paths, which the script may have changed.
local function environment()
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if not match(name, "^LUA_C?PATH") and name ~= "LUA_INIT" then list[#list + 1] = name .. "=" .. value end
  end
  list[#list + 1] = "LUA_PATH=" .. package.path
  list[#list + 1] = "LUA_CPATH=" .. package.cpath
  return list
end

local function write_seed(seed)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write((assert(core.encode(seed))))
  file:close()
  return path
end

--- Starts a sandbox and waits until it is ready; raises if that fails (the sandbox's message is then on standard
--- error).
---@param options { seed: table|nil, port: integer|nil, lua: string|nil, access_log: string|nil }
function M.start(options)
  local arguments = format("'sandbox','--port','%d','--until-eof'", options.port or 0)
  local seed_path = options.seed and write_seed(options.seed)
  if seed_path then arguments = arguments .. format(",'--seed',%q", seed_path) end
  if options.access_log then arguments = arguments .. format(",'--access-log',%q", options.access_log) end
  local self = setmetatable({ input = uv.new_pipe(false), output = uv.new_pipe(false) }, Process)
  local said = ""
  local handle, pid = uv.spawn(options.lua or uv.exepath(), {
    args = { "-e", format(RUN, arguments) },
    stdio = { self.input, self.output, 2 },
    env = environment(),
  }, function() self.ended = true end)
  if not handle then error("cannot start the sandbox: " .. pid, 2) end
  self.handle, self.pid = handle, pid
  self.output:read_start(function(_, text) said = said .. (text or "") end)
  while not self.ended and not match(said, "\n") do uv.run("once") end
  if seed_path then os.remove(seed_path) end
  if self.ended then
    self:stop()
    error("the sandbox did not start; it says why on standard error", 2)
  end
  self.description = core.decode(sub(said, 1, -2))
  -- A script's own event loop does not wait for the sandbox.
  for _, each in ipairs{ self.handle, self.input, self.output } do each:unref() end
  return self
end

--- Ends it, and waits until it has ended.
function Process:stop()
  if self.handle:is_closing() then return end
  self.handle:ref()
  if not self.ended then uv.kill(self.pid, "sigterm") end
  while not self.ended do uv.run("once") end
  for _, each in ipairs{ self.handle, self.input, self.output } do each:close() end
  uv.run("nowait")
end

return M

-- Child processes of a spec. Every child ends when its standard input does, so none outlives the spec.
local uv = require "luv"
local cjson = require "cjson"
local host = require "spec.support.host"

local M = {}
local Process = {}
Process.__index = Process

local TIMEOUT_MS = 60000 -- ms; a child that prints nothing for this long is a failure, even on the slowest machine
local live = {}

--- Runs the event loop until `done()` is true. For events, not for waiting a fixed time.
function M.wait_until(done, what)
  if done() then return end
  local late = false
  uv.update_time()
  local timer = uv.new_timer()
  timer:start(TIMEOUT_MS, 0, function() late = true end)
  while not done() and not late do uv.run("once") end
  timer:close()
  if late and not done() then error("nothing came: " .. (what or "event"), 2) end
end

--- Polls, for conditions without an event.
function M.eventually(what, done)
  local deadline = uv.hrtime() + TIMEOUT_MS * 1e6
  while not done() do
    if uv.hrtime() > deadline then error("nothing came: " .. what, 2) end
    uv.run "nowait"
  end
end

--- spawn{ command, arg, ..., env = { NAME = value | false }, fds = { fd, ... }, cwd = path }
function M.spawn(options)
  local environment = uv.os_environ()
  environment.LUA_PATH = environment.LUA_PATH or package.path
  environment.LUA_CPATH = environment.LUA_CPATH or package.cpath
  for name, value in pairs(options.env or {}) do environment[name] = value or nil end
  local list = {}
  for name, value in pairs(environment) do list[#list + 1] = name .. "=" .. value end
  local self = setmetatable({
    stdin = uv.new_pipe(false), stdout = uv.new_pipe(false), stderr = uv.new_pipe(false),
    output = "", errors = "", closed = 0,
  }, Process)
  local stdio = { self.stdin, self.stdout, self.stderr }
  for _, fd in ipairs(options.fds or {}) do stdio[#stdio + 1] = fd end
  local handle, pid = uv.spawn(options[1], {
    args = { (table.unpack or unpack)(options, 2) }, stdio = stdio, env = list, cwd = options.cwd
      or host.root,
  }, function(code, signal)
    self.code, self.signal = code, signal
    self.handle:close()
    live[self] = nil
  end)
  if not handle then error("cannot start " .. options[1] .. ": " .. tostring(pid), 2) end
  self.handle, self.pid = handle, pid
  live[self] = true
  self.stdout:read_start(function(_, chunk)
    if chunk then self.output = self.output .. chunk else self.closed = self.closed + 1 end
  end)
  self.stderr:read_start(function(_, chunk)
    if chunk then self.errors = self.errors .. chunk else self.closed = self.closed + 1 end
  end)
  return self
end

--- The next line of its standard output, without the line end; nil at the end.
function Process:line()
  M.wait_until(function() return string.find(self.output, "\n", 1, true) or self.closed == 2 end,
    "a line of a child")
  local line, rest = string.match(self.output, "^(.-)\n(.*)$")
  if line then self.output = rest end
  return line
end

function Process:send(text)
  self.stdin:write(text)
end

function Process:close_input()
  if not self.stdin:is_closing() then self.stdin:close() end
end

function Process:kill(signal)
  if live[self] then self.handle:kill(signal or "sigterm") end
end

--- Waits for its end -> exit code, signal number (0 for none), the rest of its output, its error output.
function Process:wait()
  M.wait_until(function() return self.code and self.closed == 2 end, "the end of a child")
  self:close_input()
  return self.code, self.signal, self.output, self.errors
end

--- Ends it, first by closing its input, then by force.
function Process:stop()
  self:close_input()
  if not pcall(M.wait_until, function() return self.code end, "the end of a child") then
    self:kill("sigkill")
    M.wait_until(function() return self.code end)
  end
  for _, stream in ipairs { self.stdout, self.stderr } do
    if not stream:is_closing() then stream:close() end
  end
end

--- Ends all children; specs call it in `after_each`.
function M.clean()
  local list = {}
  for child in pairs(live) do list[#list + 1] = child end
  for _, child in ipairs(list) do child:close_input() end
  for _, child in ipairs(list) do child:stop() end
  uv.run("nowait")
end

--- A function without upvalues, as text that another process of the same Lua can load.
function M.dump(fn)
  for i = 1, 255 do
    local name = debug.getupvalue(fn, i)
    if not name then break end
    if name ~= "_ENV" then error("a function for another process cannot use the upvalue " .. name, 3) end
  end
  return (string.gsub(string.dump(fn), ".", function(byte)
    return string.format("%02x", string.byte(byte))
  end))
end

--- start(fn, args, { env = {...}, before = "shell commands" }): runs `fn(args)` in a new Lua process. Its lines are
--- read with `:line()`; a table that it returns is what `:result()` returns.
function M.start(fn, args, options)
  options = options or {}
  local command = { host.executable, host.root .. "/spec/support/child.lua", env = options.env, cwd = options.cwd }
  if options.before then
    for i, word in ipairs { "/bin/sh", "-c", options.before .. '; exec "$0" "$1"', command[1], command[2] } do
      command[i] = word
    end
  end
  local child = M.spawn(command)
  child:send(cjson.encode { code = M.dump(fn), args = args or {}, root = host.root } .. "\n")
  return child
end

--- Waits for the function of `start` -> what it returned; raises with its error output when it failed.
function Process:result()
  local code, signal, output, errors = self:wait()
  if code ~= 0 or signal ~= 0 then
    error(string.format("child ended with code %s, signal %s\n%s%s", code, signal, output, errors), 2)
  end
  return cjson.decode(string.match(output, "([^\n]*)\n$"))
end

return M

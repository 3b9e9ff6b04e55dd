-- Runs nginx for the sandbox: a private folder, a port, readiness, signals, and a clean end. Written from top
-- to bottom; `wait` turns luv's loop until something has happened.
local uv = require "luv"
local core = require "oneflow.core"
local nginx = require "oneflow.sandbox.nginx"
local random = require "oneflow.sandbox.random"
local remote = require "oneflow.sandbox.remote"
local start = require "oneflow.sandbox.start"
local M = {}

local assert, error, ipairs, pcall = assert, error, ipairs, pcall
local package = package
local format, find, sub = string.format, string.find, string.sub

local SIGNALS = { "sigterm", "sigint", "sighup" }
local PORT_ATTEMPTS = 10
local STOP_MILLISECONDS = 5000
local LOG_KEPT = 8192
-- The line that the worker logs when it is ready. A second one means that the first worker died, and the sandbox's data
-- with it.
local READY = "ready\n"

local function wait(happened)
  while not happened() do uv.run("once") end
end

local function write_file(path, text)
  local file = assert(uv.fs_open(path, "w", 384)) -- 0600
  assert(uv.fs_write(file, text, 0))
  uv.fs_close(file)
end

local function remove_folder(path)
  local entries = uv.fs_scandir(path)
  while entries do
    local name, kind = uv.fs_scandir_next(entries)
    if not name then break end
    if kind == "directory" then remove_folder(path .. "/" .. name) else uv.fs_unlink(path .. "/" .. name) end
  end
  uv.fs_rmdir(path)
end

-- A port that is free now; if it is not when nginx starts, nginx reports it.
local function free_port()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  return port
end

-- The running nginx: its messages, and how it ended.
local function spawn(program, folder, log)
  local child = { log = "", said = "" }
  -- Kept open and never written to: nginx's worker sees its end when this process has ended, in whatever way.
  child.input = uv.new_pipe(false)
  child.output, child.errors = uv.new_pipe(false), uv.new_pipe(false)
  local handle, pid = uv.spawn(program, {
    args = { "-p", folder, "-c", folder .. "/nginx.conf" },
    stdio = { child.input, child.output, child.errors },
    env = { "PATH=" .. (uv.os_getenv("PATH") or "") },
    -- Its own process group, so that Ctrl-C reaches only the supervisor.
    detached = true,
  }, function(code, signal)
    child.ended = format("exit status %d, signal %d", code, signal)
  end)
  if not handle then error(format("cannot start %s: %s", program, pid), 0) end
  child.handle, child.pid = handle, pid
  child.output:read_start(function(_, text) child.said = child.said .. (text or "") end)
  child.errors:read_start(function(_, text)
    if not text then return end
    child.log = sub(child.log .. text, -LOG_KEPT)
    if child.ready then log(text) end
  end)
  return child
end

local function stop(child)
  if not child then return end
  if not child.ended then
    uv.kill(child.pid, "sigterm")
    local timer = uv.new_timer()
    timer:start(STOP_MILLISECONDS, 0, function() uv.kill(-child.pid, "sigkill") end)
    wait(function() return child.ended end)
    timer:close()
  end
  -- A master that was killed leaves its worker, which is in its group.
  uv.kill(-child.pid, "sigkill")
  for _, handle in ipairs{ child.input, child.output, child.errors, child.handle } do
    if not handle:is_closing() then handle:close() end
  end
end

local function in_use(child)
  return find(child.log, "Address already in use", 1, true) ~= nil
end

-- Starts nginx on a port -> the child when it is ready, nil if the port is taken.
local function start_on(port, setting, stopping)
  write_file(setting.folder .. "/config.json", core.encode{
    folder = setting.folder, seed = setting.seed, base_url = format("http://127.0.0.1:%d/v1", port),
    control_key_sha256 = core.sha256(setting.control_key),
  })
  write_file(setting.folder .. "/nginx.conf", nginx.configuration{
    folder = setting.folder, port = port, path = setting.path, cpath = setting.cpath,
    user = uv.getuid() == 0 and uv.os_get_passwd().username or nil, access_log = setting.access_log,
  })
  local child = spawn(setting.program, setting.folder, setting.log)
  setting.started(child)
  wait(function() return stopping() or child.ended or in_use(child) or find(child.said, "\n", 1, true) end)
  if stopping() then return child end
  if in_use(child) then
    stop(child)
    return nil
  end
  if child.said == READY then
    child.ready = true
    return child
  end
  local said = child.said
  stop(child)
  error(format("nginx did not start (%s).\n%s%s", child.ended, said, child.log), 0)
end

local function start_nginx(setting, port, stopping)
  for _ = 1, port == 0 and PORT_ATTEMPTS or 1 do
    local chosen = port == 0 and free_port() or port
    local child = start_on(chosen, setting, stopping)
    if child then return child, chosen end
  end
  error(port == 0 and "no free port was found" or format("port %d is in use", port), 0)
end

-- Calls `happened` when standard input ends.
local function at_end_of_input(happened)
  if uv.guess_handle(0) ~= "pipe" then error("--until-eof needs a pipe as standard input", 0) end
  local input = uv.new_pipe(false)
  assert(input:open(0))
  input:read_start(function(err, text)
    if err or not text then happened() end
  end)
  return input
end

--- Runs a sandbox until a signal arrives. Returns the exit status: 0 after SIGTERM, SIGINT or SIGHUP (or the end of
--- standard input with `until_eof`), 1 with a message if it could not start or nginx died.
---@param options table port (0: a free one), seed, nginx, access_log, until_eof; each may be nil
---@param ready fun(description: table) called once, when requests are answered
---@param log fun(text: string) for nginx's messages and this one's
---@return integer
function M.serve(options, ready, log)
  local asked_to_stop, child, folder = false, nil, nil
  local handles = {}
  local function stopping() return asked_to_stop end
  for i, name in ipairs(SIGNALS) do
    handles[i] = uv.new_signal()
    handles[i]:start(name, function() asked_to_stop = true end)
  end

  local ok, problem = pcall(function()
    if options.until_eof then
      handles[#handles + 1] = at_end_of_input(function() asked_to_stop = true end)
    end
    local path, cpath = nginx.lua_paths(package.path, package.cpath, uv.cwd())
    if not path then error(cpath, 0) end
    local program, missing = nginx.program(options.nginx, uv.os_getenv("PATH"))
    if not program then error(missing, 0) end
    folder = assert(uv.fs_mkdtemp(uv.os_tmpdir() .. "/oneflow-sandbox-XXXXXX"))
    local setting = {
      folder = folder, program = program, path = path, cpath = cpath, seed = options.seed,
      access_log = options.access_log and nginx.absolute(options.access_log, uv.cwd()),
      -- Never begins with a dash, because a command line would take it for an option.
      control_key = "sandbox-" .. random.text(32), log = log,
      started = function(started) child = started end,
    }
    local port
    child, port = start_nginx(setting, options.port or 0, stopping)
    if asked_to_stop then return end
    local run = remote.runner(format("http://127.0.0.1:%d/v1", port), setting.control_key)
    local description = start(function(name, arguments) return assert(run(name, arguments)) end)
    description.control_key = setting.control_key
    ready(description)
    wait(function() return asked_to_stop or child.ended or child.said ~= READY end)
    if not asked_to_stop then
      error(format("nginx died unexpectedly (%s); its last words are above", child.ended or "its worker"), 0)
    end
  end)

  stop(child)
  if folder then remove_folder(folder) end
  for _, handle in ipairs(handles) do handle:close() end
  uv.run("nowait")
  if ok then return 0 end
  log(problem .. "\n")
  return 1
end

return M

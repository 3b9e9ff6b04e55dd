-- An nginx for an example: its own process on a free port of this machine, with its own folder. Both are removed when
-- the example ends, in whatever way. Needs no root.
local uv = require "luv"
local nginx = require "oneflow.sandbox.nginx"

local M = {}
local Nginx = {}
Nginx.__index = Nginx

-- A shell that ends nginx and removes the folder when its standard input ends, as it does with this process.
local KEEPER = '"$1" -p "$0" -c "$0/nginx.conf" -e "$0/start.log" & nginx=$!; exec 3<&-; cat >/dev/null; '
  .. 'kill "$nginx" 2>/dev/null; wait "$nginx"; rm -rf "$0"'

local function write(name, text)
  local file = assert(uv.fs_open(name, "w", 384)) -- 0600
  assert(uv.fs_write(file, text, 0))
  uv.fs_close(file)
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- The connection waits in the port's queue until nginx has started; it fails if nginx does not start.
local function came_up(port, interrupted)
  local answer
  local probe = uv.new_tcp()
  probe:connect("127.0.0.1", port, function(refused)
    if refused then
      answer = refused
      return
    end
    probe:write("GET /health HTTP/1.0\r\n\r\n")
    probe:read_start(function(broken, text) answer = answer or text or broken or "nginx did not start" end)
  end)
  while not answer and not (interrupted and interrupted()) do uv.run "once" end
  probe:close()
  return answer and string.find(answer, "^HTTP/1.1 200 ") ~= nil
end

--- Starts nginx with a folder's `nginx.conf`, changing only the port, and waits until it answers GET /health.
---   from         that folder; its other files are found below nginx's prefix
---   env          variables for nginx
---   token        an API token, written to a file that ONEFLOW_TOKEN_FILE then names
---   interrupted  function that returns true to end the wait
--- -> { url, folder, up = whether it started, ended = whether it has ended }
function M.start(options)
  local from = assert(uv.fs_realpath(options.from))
  local program = assert(nginx.program(nil, os.getenv "PATH"))
  local path, cpath = nginx.lua_paths(package.path, package.cpath, uv.cwd())
  if not path then error(cpath, 0) end
  local folder = assert(uv.fs_mkdtemp(uv.os_tmpdir() .. "/oneflow-example-XXXXXX"))

  -- The listening socket is created here and inherited, so that no other program can take the port meanwhile.
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  assert(socket:listen(128, function() end))
  local port = socket:getsockname().port
  local configuration = string.gsub(read(from .. "/nginx.conf"), "listen 127%.0%.0%.1:8080;",
    "listen 127.0.0.1:" .. port .. ";")
  write(folder .. "/nginx.conf", "daemon off;\n" .. nginx.load_modules()
    .. (uv.getuid() == 0 and "user root;\n" or "") -- only root may be able to read the checkout
    .. configuration)
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(from)) do
    if name ~= "nginx.conf" then assert(uv.fs_symlink(from .. "/" .. name, folder .. "/" .. name)) end
  end

  local environment = {
    "PATH=" .. os.getenv "PATH", "NGINX=3;", "LUA_PATH=" .. path, "LUA_CPATH=" .. cpath,
    "ONEFLOW_SOCKET_DIR=" .. folder .. "/sockets",
  }
  if options.token then
    write(folder .. "/token", options.token)
    environment[#environment + 1] = "ONEFLOW_TOKEN_FILE=" .. folder .. "/token"
  end
  for name, value in pairs(options.env) do environment[#environment + 1] = name .. "=" .. value end
  local self = setmetatable({ url = "http://127.0.0.1:" .. port, folder = folder, input = uv.new_pipe(false) }, Nginx)
  self.handle = assert(uv.spawn("/bin/sh", {
    args = { "-c", KEEPER, folder, program }, stdio = { self.input, 1, 2, socket:fileno() }, env = environment,
    detached = true, -- its own process group, so that Ctrl-C reaches only this process
  }, function() self.ended = true end))
  socket:close()
  self.up = came_up(port, options.interrupted)
  uv.run "nowait" -- completes closing: luv does not exit cleanly with handles that are still closing
  return self
end

--- Ends nginx, and waits until the process has ended and its folder is removed.
function Nginx:stop()
  self.input:close()
  while not self.ended do uv.run "once" end
  self.handle:close()
  uv.run "nowait"
end

return M

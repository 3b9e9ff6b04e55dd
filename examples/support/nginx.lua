-- An nginx for an example: its own process on a free port of this machine, in a folder of its own, both gone when the
-- example is, however it ended. Needs no root.
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

-- The connection waits in the port's queue until nginx is up; it breaks when nginx does not come up.
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

--- Starts nginx with the `nginx.conf` of a folder, as it is but for the port, and waits until GET /health is answered.
---   from         that folder; its other files are found below nginx's prefix
---   env          variables for nginx
---   token        an API token, for a file that ONEFLOW_TOKEN_FILE then names
---   interrupted  function: true when nobody waits any more
--- -> { url, folder, up = whether it came up, ended = whether it has ended }
function M.start(options)
  local from = assert(uv.fs_realpath(options.from))
  local program = assert(nginx.program(nil, os.getenv "PATH"))
  local path, cpath = nginx.lua_paths(package.path, package.cpath, uv.cwd())
  if not path then error(cpath, 0) end
  local folder = assert(uv.fs_mkdtemp(uv.os_tmpdir() .. "/oneflow-example-XXXXXX"))

  -- The port's socket is made here and handed down, so that nobody else can take it meanwhile.
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  assert(socket:listen(128, function() end))
  local port = socket:getsockname().port
  local configuration = string.gsub(read(from .. "/nginx.conf"), "listen 127%.0%.0%.1:8080;",
    "listen 127.0.0.1:" .. port .. ";")
  write(folder .. "/nginx.conf", "daemon off;\n" .. nginx.load_modules()
    .. (uv.getuid() == 0 and "user root;\n" or "") -- a checkout may lie in a folder of root's alone
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
    detached = true, -- a group of its own: the terminal's Ctrl-C comes here only
  }, function() self.ended = true end))
  socket:close()
  self.up = came_up(port, options.interrupted)
  uv.run "nowait" -- what was closed so far: luv does not end well with handles that are half closed
  return self
end

--- Ends nginx, and waits until it and its folder are gone.
function Nginx:stop()
  self.input:close()
  while not self.ended do uv.run "once" end
  self.handle:close()
  uv.run "nowait"
end

return M

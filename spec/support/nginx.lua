-- A real nginx with a private folder, for the specs. It ends, and its folder is removed, when the spec ends.
local uv = require "luv"
local host = require "spec.support.host"
local process = require "spec.support.process"
local tls = require "spec.support.tls"

local M = {}
local Nginx = {}
Nginx.__index = Nginx

-- The socket is bound here and inherited, as nginx itself does for its upgrade: no port is guessed, and the first
-- connection waits in its queue until nginx has started.
local function listen()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  assert(socket:listen(128, function() end))
  return socket, socket:fileno(), socket:getsockname().port
end

local MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }

--- start{ server = "location ...", http = "lua_...", main = "env ...;", lua = true, env = {...}, workers = 1
-- }
--- -> { url, https, port, ... }. `server` is the inside of the server block.
function M.start(options)
  local folder = host.folder()
  local plain, plain_fd, plain_port = listen()
  local secure, secure_fd, secure_port = listen()
  local good = tls.certificates().good
  local modules = {}
  if options.lua then
    for _, name in ipairs(MODULES) do
      if uv.fs_stat("/usr/lib/nginx/modules/" .. name) then
        modules[#modules + 1] = "load_module /usr/lib/nginx/modules/" .. name .. ";"
      end
    end
  end
  host.write(folder .. "/nginx.conf", table.concat({
    table.concat(modules, "\n"),
    uv.getuid() == 0 and "user root;" or "",
    "daemon off; worker_processes " .. (options.workers or 1) .. "; pid nginx.pid; error_log error.log info;",
    options.main or "",
    "events { worker_connections 256; }",
    "http {",
    "access_log access.log; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;",
    "uwsgi_temp_path uwsgi; scgi_temp_path scgi;",
    options.http or "",
    "server { listen 127.0.0.1:" .. plain_port .. "; listen 127.0.0.1:" .. secure_port .. " ssl;",
    "server_name localhost; ssl_certificate " .. good.cert .. "; ssl_certificate_key " .. good.key .. ";",
    options.server or "",
    "} }",
  }, "\n"))
  local env = { NGINX = "3;4;" }
  for name, value in pairs(options.env or {}) do env[name] = value end
  -- sh ends nginx when its input ends, even if the spec was killed, and removes the folder
  local child = process.spawn {
    "/bin/sh", "-c",
    "exec 5<&0; nginx -p \"$0\" -c \"$0/nginx.conf\" -e \"$0/error.log\" >\"$0/output\" 2>&1 5<&- & "
      .. "pid=$!; exec 3<&- 4<&-; "
      .. "cat <&5 >/dev/null; kill -TERM $pid; wait $pid; rm -rf \"$0\"",
    folder, fds = { plain_fd, secure_fd }, env = env,
  }
  plain:close()
  secure:close()
  return setmetatable({
    child = child, folder = folder, port = plain_port,
    address = "127.0.0.1:" .. plain_port, url = "http://127.0.0.1:" .. plain_port,
    https = "https://localhost:" .. secure_port,
  }, Nginx)
end

function Nginx:access_log() return host.read(self.folder .. "/access.log") or "" end

function Nginx:error_log() return (host.read(self.folder .. "/error.log") or "")
  .. (host.read(self.folder .. "/output") or "") end

function Nginx:stop() self.child:stop() end

return M

-- nginx for the sandbox: where it and its modules are, which Lua paths its LuaJIT needs, its configuration.
local M = {}

local ipairs = ipairs
local concat = table.concat
local format, gmatch, gsub, match, sub = string.format, string.gmatch, string.gsub, string.match, string.sub
local open = io.open

local PROGRAMS = { "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx" }
-- Modules that are loaded if they are files; other builds of nginx contain Lua.
local MODULES = {
  "/usr/lib/nginx/modules/ndk_http_module.so",
  "/usr/lib/nginx/modules/ngx_http_lua_module.so",
}
local CORE = "oneflow/core.so"
local LUAJIT_FOLDERS = { "/usr/local/lib/lua/5.1", "/usr/lib/lua/5.1" }

local function exists(path)
  local file = open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- The nginx program: a given one, the first of the search path, or a usual place.
function M.program(given, search_path)
  if given then return given end
  for folder in gmatch(search_path or "", "[^:]+") do
    if exists(folder .. "/nginx") then return folder .. "/nginx" end
  end
  for _, path in ipairs(PROGRAMS) do
    if exists(path) then return path end
  end
  return nil, "nginx is not installed. On Debian: apt-get install nginx-light libnginx-mod-http-lua"
end

-- An absolute path.
function M.absolute(path, folder)
  return sub(path, 1, 1) == "/" and path or folder .. "/" .. gsub(path, "^%./", "")
end

--- The Lua paths for nginx's LuaJIT, from where the running Lua finds the library: the same Lua files, and
--- the core built for LuaJIT beside them.
---@param package_path string
---@param package_cpath string
---@param folder string the current directory
---@return string|nil lua_package_path
---@return string lua_package_cpath or, without a path, what is missing
function M.lua_paths(package_path, package_cpath, folder)
  local paths, found = {}, nil
  local function look(candidate)
    if not found and exists(candidate .. "/" .. CORE) then found = candidate end
  end
  for template in gmatch(package_path, "[^;]+") do
    template = M.absolute(template, folder)
    local place = gsub(template, "%?", "oneflow/sandbox/front")
    if exists(place) then
      paths[#paths + 1] = template
      paths[#paths + 1] = (gsub(template, "%?%.lua$", "?/init.lua"))
      local checkout = match(template, "^(.*)/lua/%?%.lua$")
      if checkout then look(checkout .. "/build/luajit") end
      local prefix = match(template, "^(.*)/share/lua/[%d.]+/%?%.lua$")
      if prefix then look(prefix .. "/lib/lua/5.1") end
    end
  end
  for template in gmatch(package_cpath, "[^;]+") do
    template = M.absolute(template, folder)
    local builds = match(template, "^(.*)/[^/]+/%?%.so$")
    if builds then look(builds .. "/luajit") end
    local installed = match(template, "^(.*)/lua/[%d.]+/%?%.so$")
    if installed then look(installed .. "/lua/5.1") end
  end
  for _, candidate in ipairs(LUAJIT_FOLDERS) do look(candidate) end
  if not found then
    return nil, "the sandbox's nginx runs LuaJIT, and there is no oneflow.core for it. "
      .. "Run: make build LUA=luajit"
  end
  return concat(paths, ";") .. ";;", found .. "/?.so;;"
end

--- The lines of a configuration that load nginx's Lua module, where it is a file.
---@return string
function M.load_modules()
  local lines = ""
  for _, path in ipairs(MODULES) do
    if exists(path) then lines = lines .. format("load_module %s;\n", path) end
  end
  return lines
end

local function quote(text)
  return '"' .. gsub(text, '[\\"]', "\\%0") .. '"'
end

local CONFIGURATION = [[
%(modules)daemon off;
worker_processes 1;
%(user)pid %(folder)/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  lua_package_path %(path);
  lua_package_cpath %(cpath);
  # A webhook delivery that waits for its next try holds a timer; how a try went is among the deliveries.
  lua_max_pending_timers 65536;
  lua_socket_log_errors off;
  # One line to the supervisor, who waits for it: all is ready, or why not.
  init_worker_by_lua_block {
    local ok, problem = pcall(function() require("oneflow.sandbox.front").start(%(config)) end)
    io.stdout:write(ok and "ready" or "failed: " .. tostring(problem), "\n")
    io.stdout:flush()
  }
  # The acting user as it was sent ("-": no such header), and the token's SHA-256: never the token.
  log_format calls '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent '
    'user="$http_x_oneflow_user_email" token=$token_sha256';
  access_log %(access_log);
  client_body_temp_path %(folder)/client_body;
  proxy_temp_path %(folder)/proxy;
  fastcgi_temp_path %(folder)/fastcgi;
  uwsgi_temp_path %(folder)/uwsgi;
  scgi_temp_path %(folder)/scgi;
  # Bodies stay in memory, whole; connections live as long as their clients want.
  client_max_body_size 32m;
  client_body_buffer_size 32m;
  keepalive_requests 1000000;
  keepalive_timeout 75s;
  large_client_header_buffers 8 64k;
  server_tokens off;
  server {
    listen 127.0.0.1:%(port);
    set $token_sha256 -;
    location / { content_by_lua_block { require("oneflow.sandbox.front").serve() } }
  }
}
]]

--- The text of nginx.conf.
---@param options table folder, port, path, cpath; user and access_log, or nil
function M.configuration(options)
  local values = {
    modules = M.load_modules(), folder = options.folder, port = format("%d", options.port),
    -- If started by root, the worker stays root, because only root may be able to read the checkout.
    user = options.user and format("user %s;\n", options.user) or "",
    path = quote(options.path), cpath = quote(options.cpath),
    config = quote(options.folder .. "/config.json"),
    access_log = options.access_log and quote(options.access_log) .. " calls" or "off",
  }
  return (gsub(CONFIGURATION, "%%%((.-)%)", values))
end

return M

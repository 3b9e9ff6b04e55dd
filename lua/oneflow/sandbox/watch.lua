-- Lets the worker detect the end of its supervisor. nginx's standard input is a pipe that the supervisor keeps open and
-- never writes to: its end means that the supervisor has ended, in whatever way, and then nginx ends, too.
local ffi = require "ffi"
local M = {}

local ngx = ngx
local C = ffi.C
local ipairs, remove = ipairs, os.remove
local SIGTERM, SECONDS = 15, 1

ffi.cdef[[
struct oneflow_pollfd { int fd; short events; short revents; };
int poll(struct oneflow_pollfd *fds, unsigned long count, int milliseconds);
int kill(int pid, int signal);
int getpid(void);
int getppid(void);
]]

-- The contents of the supervisor's folder, files before their folders.
local LEFT_BEHIND = { "nginx.conf", "config.json", "nginx.pid",
                      "client_body", "proxy", "fastcgi", "uwsgi", "scgi", "" }

local function gone()
  local input = ffi.new("struct oneflow_pollfd[1]")
  input[0].fd, input[0].events = 0, 1
  return C.poll(input, 1, 0) > 0
end

-- Removes what the worker may remove; `remove` also removes an empty folder.
local function clean(folder)
  for _, name in ipairs(LEFT_BEHIND) do remove(folder .. "/" .. name) end
end

--- Stops nginx when the supervisor has ended.
---@param folder string the supervisor's folder, which is removed for it
function M.parent(folder)
  local master = C.getppid()
  ngx.timer.every(SECONDS, function()
    if not gone() then return end
    clean(folder)
    -- A master that has died leaves its worker to another parent.
    C.kill(C.getppid() == master and master or C.getpid(), SIGTERM)
  end)
end

return M

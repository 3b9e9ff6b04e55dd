-- A scripted TCP server in a process of its own.
--
--   local server = server.start(function(s, args)
--     s.serve(function(c)
--       local request = c:request()
--       ...
--     end)
--   end, { any = "JSON" })
--
-- The function must not have upvalues, because it runs in another process. server_main.lua has the methods of `s` and
-- `c`.
local cjson = require "cjson"
local host = require "spec.support.host"
local process = require "spec.support.process"

local M = {}
local Server = {}
Server.__index = Server

function M.start(fn, args)
  local child = process.spawn { host.executable, host.root .. "/spec/support/server_main.lua" }
  child:send(cjson.encode { code = process.dump(fn), args = args or {} } .. "\n")
  local line = child:line()
  if not line then error("the scripted server did not start: " .. child.errors, 2) end
  local port = string.match(line, "\"port\":(%d+)")
  local address = "127.0.0.1:" .. port
  return setmetatable({
    child = child, port = port, address = address,
    url = "http://" .. address .. "/v1", https = "https://localhost:" .. port .. "/v1",
  }, Server)
end

local function ask(self, name, command)
  command = command or {}
  command.name_of_command = name
  self.child:send(cjson.encode(command) .. "\n")
  local line = self.child:line()
  if not line then error("the scripted server died: " .. self.child.errors, 3) end
  return cjson.decode(line)
end

--- The requests that arrived whole, in order: { connection, number, head, method, target, headers, body }.
--- Second value: how many connections were accepted. Third: the first bytes of each connection, by number.
function Server:journal()
  local answer = ask(self, "journal")
  return answer.journal, answer.accepted, answer.bytes
end

--- Continues a script that waits with `s.await(name)`.
function Server:tell(name) ask(self, "tell", { name = name }) end

--- Waits until the script has noted `name` for the `count`th time.
function Server:wait(name, count) ask(self, "wait", { name = name, count = count or 1 }) end

function Server:stop() self.child:stop() end

return M

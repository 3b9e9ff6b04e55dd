-- The layers of a call, and their composition, which is made once a client.
--
--   transport = function(request, attempt) return outcome end
--   layer     = function(next, client) return function(request, attempt) return outcome end end
--
-- Request: see oneflow.call.request; Attempt and Outcome: see oneflow.call.attempt. A layer passes the request on to
-- `next`, with another attempt or more than once, or gives an outcome of its own. For a client that has no use for it,
-- it is `next` itself. What is raised in it ends the call. Another layer is another file, and an entry in the list.
local by_core = require "oneflow.call.transport.core"
local by_lua = require "oneflow.call.transport.lua"
local hooks = require "oneflow.call.hooks"
local storage = require "oneflow.call.storage"
local token = require "oneflow.call.token"

local M = {}

--- From the outside in. `account`: for requests with credentials alone.
M.list = {
  { name = "storage", layer = storage.layer, account = true },
  { name = "token", layer = token.layer, account = true },
  { name = "hooks", layer = hooks.layer },
}

local function compose(client, with_credentials)
  local send = (client.transport and by_lua or by_core).transport(client)
  for i = #M.list, 1, -1 do
    local entry = M.list[i]
    if with_credentials or not entry.account then send = entry.layer(send, client) end
  end
  return send
end

--- How the requests of a client are sent.
---@param client table  its state, whole but for these
function M.compose(client)
  client.send, client.send_to_storage = compose(client, true), compose(client, false)
end

return M

-- The layers of a call, composed once for each client.
--
--   transport = function(request, attempt) return outcome end
--   layer     = function(next, client) return function(request, attempt) return outcome end end
--
-- Request: see oneflow.call.request; Attempt and Outcome: see oneflow.call.attempt. A layer passes the request to
-- `next`, perhaps with another attempt or several times, or returns an outcome of its own. For a client that does not
-- need it, the layer is `next` itself. An error raised in a layer ends the call. To add a layer, add a file, and an
-- entry in the list.
local by_core = require "oneflow.call.transport.core"
local by_lua = require "oneflow.call.transport.lua"
local hooks = require "oneflow.call.hooks"
local storage = require "oneflow.call.storage"
local token = require "oneflow.call.token"

local M = {}

--- From the outermost to the innermost. `account`: only for requests with credentials.
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

--- Composes the functions that send a client's requests.
---@param client table  its state, complete except for these functions
function M.compose(client)
  client.send, client.send_to_storage = compose(client, true), compose(client, false)
end

return M

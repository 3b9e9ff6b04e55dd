-- Sandboxes for scripts and specs: `sandbox` answers in-process, `server` is a real HTTP server. Both are
-- boxes with the same fields and methods; the controls of oneflow.sandbox.controls are methods by name.
local controls = require "oneflow.sandbox.controls"
local families = require "oneflow.object.families"

local M = {}

local error, getmetatable, ipairs, pairs, setmetatable, type = error, getmetatable, ipairs, pairs, setmetatable, type
local format, match = string.format, string.match

---@class oneflow.testing.Box
---@field base_url string
---@field token string API token of the first account
---@field users table[] of the first account: { email, name, role, roles, active }
---@field contracts integer[] ids of the first account's contracts
---@field accounts table[] all accounts: { id, name, token, users, contracts, workspaces, templates }
---@field describe fun(self): table  the present contents
---@field journal fun(self): table[]  the received requests: operation, method, path, query, token (its name),
---  user_email, status, assumed
---@field clear_journal fun(self)
---@field fault fun(self, operation: string, fault: table)  status; times (1), body, headers. With status 200, `body`
---  is the service's answer instead: another contract, or "" for an empty file
---@field set_extension fun(self, on: boolean, account: string|nil)
---@field generate_token fun(self, name: string, account: string|nil): string the secret, this once
---@field list_tokens fun(self, account: string|nil): table[]  { name, created_time }
---@field revoke_token fun(self, name: string, account: string|nil)
---@field set_user fun(self, email: string, change: { active: boolean })
---@field set_role fun(self, email: string, workspace_id: integer, role: "user"|"viewer"|"none")
---@field set_plan fun(self, plan: "free"|"business", account: string|nil)
---@field set_downloads fun(self, mode: "bytes"|"redirect") files at once, or by a redirect to the sandbox's storage
---@field add_contracts fun(self, count: integer, more: table|nil): integer[] state, name, workspace_id, template_id,
--- created_from, created_to, published_from, published_to: times that the contracts are spread over
---@field add_file fun(self, contract: integer, name: string, size: integer): integer  a file of this size; returns
---  its id
---@field sign fun(self, contract: integer|table, participant: integer|string|nil): table one participant, or all in
--- their order; or { link = an access link }
---@field decline fun(self, contract: integer|table, participant: integer|string|nil): table
---@field expire fun(self, contract: integer): table  ends its signing period
---@field advance fun(self, seconds: integer): string  moves the clock forward; returns the new time
---@field add_webhook fun(self, callback_url: string, more: table|nil): integer id; sign_key, filters, template_group_id
---@field emit fun(self, contract: integer, type: string)  calls the webhooks for an event
---@field deliveries fun(self): table[] callback_id, webhook_id, callback_url, body, state ("waiting", "delivered",
--- "failed"), attempts ({ status } or { problem }); in-process they wait for ever: hand `body` to your receiver
---@field scale_retries fun(self, scale: number) the waits between tries (1 s to an hour) times 0 to 1
---@field reset fun(self) back to the seed; tokens stay as they are
local Box = {}
Box.__index = Box

local function of_box(value) return getmetatable(value) == Box and value or nil end

families.add("table", {
  state = of_box, text = function() return "a box" end, limited = families.withheld "has the token and all controls",
})

local function must_be_box(self, name)
  if not of_box(self) then families.refuse(self, "box", name, "a box") end
end

-- One method for each control. A refusal by a control is a mistake of the script, so it raises.
for _, control in ipairs(controls) do
  Box[control.name] = function(self, ...)
    must_be_box(self, control.name)
    local arguments = require("oneflow.sandbox.control").arguments(control, ...)
    local result, problem = self.run(control.name, arguments)
    if not result then error(format("%s: %s", control.name, problem), 2) end
    if control.result then return result[control.result] end
    return result
  end
end

local CREDENTIALS = { "token", "token_file", "token_env" }

--- A client of this sandbox: `oneflow.client` with its address and, unless another is given, its token.
---@param options? table as for `oneflow.client`
---@return table client
function Box:client(options)
  must_be_box(self, "client")
  local all, has_token = { base_url = self.base_url, transport = self.transport }, false
  for name, value in pairs(options or {}) do all[name] = value end
  for _, name in ipairs(CREDENTIALS) do has_token = has_token or all[name] ~= nil end
  if not has_token then all.token = self.token end
  local client, err = require("oneflow").client(all)
  if not client then error(err, 2) end
  return client
end

local function new_box(description, run)
  local box = setmetatable({ run = run }, Box)
  for name, value in pairs(description) do box[name] = value end
  return box
end

--- A sandbox in this process, without a server: its clients pass their requests to the emulation.
---@param options? { seed: table|nil }
---@return oneflow.testing.Box
function M.sandbox(options)
  local control = require "oneflow.sandbox.control"
  local emulator = require("oneflow.sandbox").new{ seed = options and options.seed }
  local function run(name, arguments) return control.run(emulator, name, arguments) end
  local description = require("oneflow.sandbox.start")(function(name, arguments)
    local result, problem = run(name, arguments)
    return result or error(problem)
  end)
  local box = new_box(description, run)
  box.emulator = emulator
  box.transport = function(request)
    if request.url then -- for the storage, which is another host for the client, but this emulation here
      request.path, request.query = match(request.url, "^[a-z]+://[^/]+([^?]*)%??(.*)$")
    end
    local status, headers, body = emulator:handle(request)
    return status, headers, type(body) == "table" and require("oneflow.sandbox.filler").whole(body) or body
  end
  return box
end

families.withhold(M.sandbox, "oneflow.testing.sandbox", "makes clients")

--- A sandbox in nginx on loopback, in a process of its own. It ends with `box:stop()`, and when this process ends.
---@param options? { seed: table|nil, port: integer|nil, lua: string|nil, access_log: string|nil } `lua`: the
--- interpreter to run it with, when this process is not one; `access_log`: a file for nginx's log of what arrived
---@return oneflow.testing.Box
function M.server(options)
  options = options or {}
  local process = require("oneflow.sandbox.process").start(options)
  local description = process.description
  local box = new_box(description,
    require("oneflow.sandbox.remote").runner(description.base_url, description.control_key))
  box.process = process
  return box
end

families.withhold(M.server, "oneflow.testing.server", "starts a process, and makes clients")

--- Stops the server and waits until it has ended. Does nothing in-process, or when called again.
function Box:stop()
  must_be_box(self, "stop")
  if self.process then self.process:stop() end
end

return M

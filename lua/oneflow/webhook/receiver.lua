-- Receives webhook calls without losing one: the callback runs first, its result decides the answer, and only the
-- answer 200 stops the service from trying again.
local core = require "oneflow.core"
local delivery = require "oneflow.webhook.delivery"
local errors = require "oneflow.errors"
local families = require "oneflow.object.families"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local signature = require "oneflow.webhook.signature"
local stores = require "oneflow.webhook.store"
local usage = require "oneflow.errors.usage"

local error, pcall, rawget = error, pcall, rawget
local tonumber, tostring, type = tonumber, tostring, type
local io = io
local format = string.format

local M = {}

---@class oneflow.ReceiverOptions
---@field sign_key string?  the webhook's; this or `unsigned`
---@field unsigned true?  the webhook has no sign key: anyone who knows the URL can call it
---@field store oneflow.WebhookStore?  required in nginx; elsewhere webhook.memory() by default
---@field lease number?  seconds that a callback may take (300, at most 3600); after that its id may be claimed again
---@field keep number?  seconds that a callback id is remembered (86400); the service tries for two hours
---@field max_body integer?  bytes (1 MiB)
---@field defer boolean?  answer 200 before the callback runs. **This can lose events**: if the callback fails, or the
---  process ends first, nobody tries again. For slow callbacks whose events may be lost

---@alias oneflow.WebhookCallback fun(delivery: oneflow.Delivery): true?, any

---@class oneflow.Receiver
local Receiver = {}

local METATABLE = { __metatable = false, __name = "oneflow.Receiver" }

local METHODS = { "read", "receive", "serve" }

function METATABLE.__index(_, name)
  return Receiver[name] or usage.raise("a receiver has no " .. usage.show(name) .. usage.hint(name, METHODS))
end

function METATABLE.__newindex() usage.raise("a receiver cannot be changed") end
function METATABLE.__tostring() return "oneflow webhook receiver" end

families.add("userdata", {
  state = function(value) return core.open(value, METATABLE) end, text = METATABLE.__tostring,
  limited = families.withheld "decides which webhook calls count as handled: give a delivery",
})

local function state_of(self, name)
  return core.open(self, METATABLE) or families.refuse(self, "receiver", name, "a receiver")
end

--- A receiver of webhook calls. Does no I/O.
---@param given oneflow.ReceiverOptions
---@return oneflow.Receiver? receiver, oneflow.Error? err  validation: an empty sign key
function M.new(given)
  local state = options.read(lists.receiver, given)
  if (state.sign_key ~= nil) == (state.unsigned ~= nil) then
    usage.raise("webhook.receiver: a sign_key expected, or unsigned = true for a webhook that was made without one"
      .. (state.sign_key and "; not both" or ""))
  end
  if state.sign_key == "" then
    return nil, errors.validation({ operation = "webhook.receiver" }, errors.problem("sign_key", "is empty"))
  end
  if not state.store then
    if rawget(_G, "ngx") then
      usage.raise("webhook.receiver: in nginx a store expected, such as webhook.shared \"oneflow_webhooks\": "
        .. "workers share no other memory")
    end
    state.store = stores.memory()
  end
  return core.seal(state, METATABLE)
end

-- ---- a call ----------------------------------------------------------------------------------------------------

local function read(state, body)
  local fields, signed = delivery.read(body, state.max_body)
  if not fields then return nil, signed end
  if not state.sign_key then return delivery.new(fields, false) end
  local good, err = signature.verify(fields.callback_id, signed, state.sign_key)
  if not good then return nil, err end
  return delivery.new(fields, true)
end

--- Only reads and verifies a body: claims no id, so a repeated call is read again.
---@param body string  other types raise
---@return oneflow.Delivery? delivery
---@return oneflow.Error? err  limit (too long), decode (no JSON), validation (another shape, the legacy format),
---signature, memory
function Receiver:read(body) return read(state_of(self, "read"), body) end

local STATUS = { limit = 413, signature = 401, memory = 500 }

-- store[method](store, ...); an error is returned like any other failure.
local function ask(store, method, ...)
  local good, answer, more = pcall(store[method], store, ...)
  if good then return answer, more end
  return nil, errors.printed(answer)
end

-- Runs the callback -> true, or nil and what went wrong.
local function run(callback, delivered)
  local good, result, why = pcall(callback, delivered)
  if not good then return nil, "the callback raised: " .. errors.printed(result) end
  if result == true then return true end
  if not result and why ~= nil then return nil, "the callback: " .. errors.printed(why) end
  return nil, format("the callback returned %s: true expected when the events are handled",
    result == nil and "nothing" or errors.printed(result))
end

--- Handles one call. The callback gets only deliveries that were not handled yet. If it returns `true`, the callback id
--- is recorded and the answer is 200. If it returns anything else, or raises, nothing is recorded and the answer is
--- 500, so that the service tries again. A recorded id is answered 200 and not passed on; one that is still being
--- handled, 503. A call that is not genuine is answered 400, 401 (signature) or 413 (too long); if there is no memory
--- to decode it, 500.
---
--- So the callback runs at least once for each event: if a process dies after the callback has done its work, the call
--- is passed on again once the lease is over.
---@param body string  of the POST
---@param callback oneflow.WebhookCallback
---@param answer (fun(status: integer, text: string))?  called once, when the answer is known; required with `defer`.
---  An error in it has no effect except that `problem` has it
---@return integer status  for the answer; only 200 ends the service's tries
---@return string|oneflow.Error|nil problem  for the log, if something went wrong
function Receiver:receive(body, callback, answer)
  local state = state_of(self, "receive")
  if type(callback) ~= "function" then
    usage.raise("receiver:receive: the callback is a function, got " .. type(callback))
  end
  if state.defer and not answer then
    usage.raise("receiver:receive: defer needs a function that answers at once: receive(body, callback, answer)")
  end
  local answered, trouble
  local function finish(status, text, problem)
    if not answered then
      answered = status
      local good, raised = true, nil
      if answer then good, raised = pcall(answer, status, text) end
      if not good then trouble = "the answer function raised: " .. errors.printed(raised) end
    end
    if not trouble then return answered, problem end
    return answered, problem and tostring(problem) .. "; " .. trouble or trouble
  end

  local delivered, err = read(state, body)
  if not delivered then return finish(STATUS[err.kind] or 400, tostring(err), err) end
  local id, store = delivered.callback_id, state.store
  local function about(message) return format("%s: %s", tostring(delivered), message) end

  local claimed, claim = ask(store, "claim", id, state.lease)
  if claimed == "done" then return finish(200, "handled before") end
  if claimed == "running" then return finish(503, "being handled") end
  if claimed ~= "claimed" then return finish(500, "not handled", about("store: " .. errors.printed(claim))) end
  if state.defer then finish(200, "taken") end

  local handled, problem = run(callback, delivered)
  local noted, store_problem
  if handled then
    noted, store_problem = ask(store, "record", id, claim, state.keep)
  else
    noted, store_problem = ask(store, "release", id, claim)
  end
  if not noted then
    -- It was handled nevertheless; at worst it is passed on again.
    store_problem = "store: " .. errors.printed(store_problem)
    problem = problem and problem .. "; " .. store_problem or store_problem
  end
  return finish(handled and 200 or 500, handled and "handled" or "not handled", problem and about(problem))
end

-- ---- nginx -----------------------------------------------------------------------------------------------------

-- The request's body, or nil if it exceeds the limit. If nginx stored it in a file, reads it back, up to one byte more
-- than the limit.
local function read_body(ngx, max_body)
  if (tonumber(ngx.var.http_content_length) or 0) > max_body then return nil end
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if body then return body end
  local path = ngx.req.get_body_file()
  if not path then return "" end
  local file, problem = io.open(path, "rb")
  if not file then error(problem, 0) end
  body = file:read(max_body + 1)
  file:close()
  return body or ""
end

--- Handles the current request, in nginx: `content_by_lua_block { hooks:serve(function(delivery) return true end) }`.
--- Answers as `receive` does, and 405 to anything but a POST; problems go to the error log. The callback may wait like
--- any content handler.
---@param callback oneflow.WebhookCallback
function Receiver:serve(callback)
  local state = state_of(self, "serve")
  local ngx = rawget(_G, "ngx") or usage.raise("receiver:serve is for nginx; elsewhere use receiver:receive")
  local function answer(status, text)
    ngx.status = status
    ngx.header["Content-Type"], ngx.header["Content-Length"] = "text/plain", #text + 1
    ngx.print(text, "\n")
    ngx.eof()
  end
  if ngx.req.get_method() ~= "POST" then
    ngx.header["Allow"] = "POST"
    return answer(405, "POST expected")
  end
  local body = read_body(ngx, state.max_body)
  if not body then return answer(413, format("a body over %d bytes", state.max_body)) end
  local status, problem = Receiver.receive(self, body, callback, answer)
  if problem then
    ngx.log(status < 500 and status ~= 200 and ngx.WARN or ngx.ERR, "oneflow webhook: ", errors.printed(problem))
  end
end

return M

-- An emulation of the service in pure Lua: it turns a request into an answer. It uses no sockets: the front in nginx,
-- and `oneflow.testing` in-process, pass it requests in the same form.
local ascii = require "oneflow.base.ascii"
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local api = require "oneflow.api"
local answer = require "oneflow.sandbox.answer"
local authentication = require "oneflow.sandbox.authentication"
local check = require "oneflow.sandbox.check"
local files = require "oneflow.sandbox.files"
local journal = require "oneflow.sandbox.journal"
local random = require "oneflow.sandbox.random"
local routes = require "oneflow.sandbox.routes"
local seed_fields = require "oneflow.sandbox.seed_fields"
local signing = require "oneflow.sandbox.signing"
local store = require "oneflow.sandbox.store"
local tokens = require "oneflow.sandbox.tokens"
local visit = require "oneflow.sandbox.visit"
local webhooks = require "oneflow.sandbox.webhooks"
local M = {}

local error, ipairs, pairs, setmetatable, tostring, type = error, ipairs, pairs, setmetatable, tostring, type
local xpcall, traceback = xpcall, debug.traceback
local concat, remove = table.concat, table.remove
local find, format, gsub, sub = string.find, string.format, string.gsub, string.sub

local Emulator = {}
Emulator.__index = Emulator

-- Operation name -> handler.
local HANDLERS = {}
for _, subject in ipairs{
  "account", "comment", "contract", "contract_list", "data_field", "event", "file", "party", "product", "tag",
  "template", "template_type", "webhook", "workspace",
} do
  for name, handler in pairs(require("oneflow.sandbox.operations." .. subject)) do HANDLERS[name] = handler end
end

local SWEEP_SECONDS = 60
local LOG_KEPT = 1000
local SECRET_LENGTH = 32 -- of the secret that signs the storage's addresses

-- The body as a table. No body is an empty object, because the service accepts a publish without a body. Handlers read
-- uploads themselves.
local function parse_body(operation, request)
  local text = request.body
  if not operation.body or operation.upload then return {} end
  if text == nil or text == "" then return {} end
  local value, _, message = core.decode(text)
  if type(value) ~= "table" or not find(text, "^[ \t\r\n]*{") then
    local detail = format("The body is not a JSON object: %s.", message or "another value")
    answer.refuse(400, { detail = detail })
  end
  return value
end

-- The fault that was injected for this operation, if its count is not used up.
local function take_fault(self, name)
  for i, fault in ipairs(self.faults) do
    if fault.operation == name then
      fault.times = fault.times - 1
      if fault.times == 0 then remove(self.faults, i) end
      return fault
    end
  end
end

local function fault_answer(self, fault)
  local headers = { ["content-type"] = "application/json", ["x-oneflow-sandbox"] = "fault" }
  for name, value in pairs(fault.headers or {}) do headers[ascii.lower(name)] = value end
  local body = fault.body or answer.error_body(fault.status, self:request_id())
  return fault.status, headers, type(body) == "string" and body or core.encode(body)
end

function Emulator:request_id()
  self.requests = self.requests + 1
  return format("sandbox-%08d", self.requests)
end

local function perform(self, request, route, ids, token, call)
  if not route then
    local known_path = ids
    answer.refuse(known_path and 405 or 404, { assumed = true })
  end
  local operation = route.operation
  local assumed
  call.actor, assumed = authentication.actor(self, token, request.headers["x-oneflow-user-email"], operation.as,
    ids.contract)
  call.emulator, call.store, call.base_url, call.operation = self, self.store, self.base_url, operation
  call.path, call.ids, call.query = (gsub(sub(request.path, #"/v1" + 1), "/+$", "")), ids, request.query
  call.request, call.body = request, parse_body(operation, request)
  call.assumed = assumed or operation.confirmed == false -- handlers set it for their own rules
  return route.handler(call)
end

-- The entry in an account's log for a call that changed something.
local function log(self, call)
  if call.operation.method == "GET" then return end
  local entries, user = call.actor.account.log, call.actor.user
  entries[#entries + 1] = {
    id = self.store:next_id(), created_time = self.store:now(), type = call.operation.name,
    user = user and { id = user.id, name = user.name, email = user.email } or core.null,
  }
  if #entries > LOG_KEPT then remove(entries, 1) end
end

-- Runs a function that may refuse -> whether it did not, and its result.
local function attempt(act)
  local ok, result = xpcall(act, function(raised)
    return answer.is_refusal(raised) and raised or traceback(tostring(raised), 2)
  end)
  if not ok and not answer.is_refusal(result) then error(result, 0) end
  return ok, result
end

-- An answer of the API.
local function answer_call(self, request, entry, route, ids, token)
  local fault = route and take_fault(self, route.operation.name)
  if fault then
    entry.status, entry.fault = fault.status, true
    return fault_answer(self, fault)
  end
  local call = {}
  local ok, result = attempt(function() return perform(self, request, route, ids, token, call) end)
  if not ok then
    entry.status, entry.assumed = result.status, result.assumed == true
    return answer.wrap(result.status, answer.error_body(result.status, self:request_id(), result), result.assumed)
  end
  log(self, call)
  entry.status, entry.assumed = 200, call.assumed == true
  if not answer.is_raw(result) then return answer.wrap(200, result, call.assumed) end
  entry.status = result.status
  if call.assumed then result.headers["x-oneflow-sandbox"] = "assumed" end
  return result.status, result.headers, result.body
end

-- Answers paths outside of the API: pages of access links, and files in the storage.
local function serve_other(self, request, entry, serve)
  local ok, result = attempt(function() return serve(self, request) end)
  if not ok then result = answer.raw(result.status, { ["content-type"] = "text/plain" }, "Not a good address.\n") end
  entry.status = result.status
  return result.status, result.headers, result.body
end

-- Applies the passing of time; often enough for signing periods, which end by the day.
local function sweep(self)
  local now = self.clock()
  if now < self.next_sweep then return end
  self.next_sweep = now + SWEEP_SECONDS
  signing.expire_due(self.store)
end

--- Answers one request.
---@param request table method, path, query, headers (lower-case names, without the token), body, token_sha256
---@return integer status
---@return table<string, string> headers lower-case names
---@return string|table body a string, or a filler for a large file
function Emulator:handle(request)
  sweep(self)
  local route, ids = self.routes:find(request.method, request.path)
  local token, token_name = authentication.token(self, request.token_sha256)
  local entry = {
    operation = route and route.operation.name, method = request.method, path = request.path,
    query = request.query, token = token_name, user_email = request.headers["x-oneflow-user-email"],
    assumed = false,
  }
  self.journal:add(entry)
  local status, headers, body
  if files.is_storage(request.path) then
    status, headers, body = serve_other(self, request, entry, files.serve)
  elseif visit.is_visit(request.path) then
    status, headers, body = serve_other(self, request, entry, visit.serve)
  else
    status, headers, body = answer_call(self, request, entry, route, ids, token)
  end
  self:settle()
  return status, headers, body
end

--- Creates the webhook deliveries for events of contracts, after a request or a control; only here.
function Emulator:settle()
  for _, each in ipairs(self.store:take_happened()) do webhooks.emit(self.store, each.contract, each.events) end
end

--- Moves the sandbox's clock forward.
function Emulator:advance(seconds)
  self.offset = self.offset + seconds
  self.next_sweep = 0
  sweep(self)
end

--- Resets accounts, users, contracts, journal, faults and clock to the seed. Tokens are kept: a secret was shown once
--- and cannot be shown again, and a revoked one stays revoked.
function Emulator:reset()
  self.offset, self.next_sweep = 0, 0
  self.store = store.new(self.seed, self.clock)
  self.journal:clear()
  self.faults, self.downloads = {}, "bytes"
end

--- An emulator with the accounts of a seed.
---@param options? table seed; sha256(text); base_url, for links; clock(), seconds since 1970
function M.new(options)
  options = options or {}
  local seed = options.seed or require "oneflow.sandbox.seed"
  local problems = seed_fields.problems(seed)
  if problems then
    error("the sandbox's seed is not right:\n  " .. concat(check.lines(problems), "\n  "), 2)
  end
  local self
  local function now() return (options.clock and options.clock() or clock.wall()) + self.offset end
  self = setmetatable({
    seed = seed, clock = now, secret = random.text(SECRET_LENGTH),
    base_url = options.base_url or "http://127.0.0.1/v1",
    routes = routes.new(options.operations or api.operations, options.handlers or HANDLERS),
    tokens = tokens.new(options.sha256 or core.sha256),
    journal = journal.new(), requests = 0, emit = webhooks.emit,
  }, Emulator)
  self:reset()
  return self
end

return M

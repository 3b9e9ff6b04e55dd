-- An emulation of the service in pure Lua: a request goes in, an answer comes out. It knows no sockets; the
-- front in nginx and `oneflow.testing` in-process hand it requests of one form.
local core = require "oneflow.core"
local api = require "oneflow.api"
local answer = require "oneflow.sandbox.answer"
local authentication = require "oneflow.sandbox.authentication"
local check = require "oneflow.sandbox.check"
local journal = require "oneflow.sandbox.journal"
local routes = require "oneflow.sandbox.routes"
local seed_fields = require "oneflow.sandbox.seed_fields"
local store = require "oneflow.sandbox.store"
local tokens = require "oneflow.sandbox.tokens"
local M = {}

local error, ipairs, pairs, setmetatable, tostring, type = error, ipairs, pairs, setmetatable, tostring, type
local xpcall, traceback = xpcall, debug.traceback
local concat, remove = table.concat, table.remove
local find, format, lower = string.find, string.format, string.lower
local time = os.time

local Emulator = {}
Emulator.__index = Emulator

-- Operation name -> handler.
local HANDLERS = {}
for _, module in ipairs{ "accounts", "contracts" } do
  for name, handler in pairs(require("oneflow.sandbox." .. module)) do HANDLERS[name] = handler end
end

-- The operations that have a handler; the others are a 404 here.
local HANDLED = {}
for name in pairs(HANDLERS) do HANDLED[name] = api.operations[name] end

-- The body as a table. None at all is an empty object: the service takes a publish without a body.
local function parse_body(operation, text)
  if not operation.body or text == nil or text == "" then return {} end
  local value, _, message = core.decode(text)
  if type(value) ~= "table" or not find(text, "^%s*{") then
    local detail = format("The body is not a JSON object: %s.", message or "another value")
    answer.refuse(400, { detail = detail })
  end
  return value
end

-- A fault that was ordered for this operation, counted down.
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
  for name, value in pairs(fault.headers or {}) do headers[lower(name)] = value end
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
  call.actor = authentication.actor(self, token, request.headers["x-oneflow-user-email"], operation.as)
  call.store, call.base_url, call.operation = self.store, self.base_url, operation
  call.ids, call.query = ids, request.query
  call.body = parse_body(operation, request.body)
  return route.handler(call)
end

--- Answers one request.
---@param request table method, path, query, headers (lower-case names, without the token), body, token_sha256
---@return integer status
---@return table<string, string> headers lower-case names
---@return string body
function Emulator:handle(request)
  local route, ids = self.routes:find(request.method, request.path)
  local token, token_name = authentication.token(self, request.token_sha256)
  local entry = {
    operation = route and route.operation.name, method = request.method, path = request.path,
    query = request.query, token = token_name, user_email = request.headers["x-oneflow-user-email"],
    assumed = false,
  }
  self.journal:add(entry)

  local fault = route and take_fault(self, route.operation.name)
  if fault then
    entry.status, entry.fault = fault.status, true
    return fault_answer(self, fault)
  end

  local call = {}
  local ok, result = xpcall(function()
    return perform(self, request, route, ids, token, call)
  end, function(raised)
    return answer.is_refusal(raised) and raised or traceback(tostring(raised), 2)
  end)
  if ok then
    entry.status, entry.assumed = 200, call.assumed == true
    return answer.wrap(200, result, call.assumed)
  end
  if not answer.is_refusal(result) then error(result, 0) end
  entry.status, entry.assumed = result.status, result.assumed == true
  local body = answer.error_body(result.status, self:request_id(), result.detail, result.problems)
  return answer.wrap(result.status, body, result.assumed)
end

--- Back to the seed: accounts, users, contracts, journal and faults. Tokens stay as they are: a secret was
--- shown once and cannot be shown again, and a revoked one is revoked for good.
function Emulator:reset()
  self.store = store.new(self.seed, self.clock)
  self.journal:clear()
  self.faults = {}
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
  local self = setmetatable({
    seed = seed, clock = options.clock or time,
    base_url = options.base_url or "http://127.0.0.1/v1",
    routes = routes.new(options.operations or HANDLED, options.handlers or HANDLERS),
    tokens = tokens.new(options.sha256 or core.sha256),
    journal = journal.new(), requests = 0,
  }, Emulator)
  self:reset()
  return self
end

return M

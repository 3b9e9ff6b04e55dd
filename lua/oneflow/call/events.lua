-- The tables that describe a call to its client's hooks and in reports. Independent of hosts and layers, both of which
-- use it.
local acting_user = require "oneflow.client.acting_user"
local attempts = require "oneflow.call.attempt"
local by_core = require "oneflow.call.transport.core"
local decode = require "oneflow.call.decode"
local errors = require "oneflow.errors"
local report = require "oneflow.errors.report"

local pcall = pcall
local read, succeeded = decode.read, attempts.succeeded

local M = {}

-- The context of an error. `count`: number of attempts; `outcome`: the worst of the attempts so far.
local function context_of(request, count, outcome)
  local operation, client = request.operation, request.client
  return {
    operation = operation.name, acting_user = acting_user.label(request.user), attempts = count, mask = client.mask,
    repeatable = request.repeatable, outcome = outcome, unconfirmed = operation.confirmed == false,
    storage = operation.storage,
  }
end

---What on_request gets.
---@class oneflow.RequestInfo
---@field operation string  "contract.publish"
---@field method string  "POST"
---@field path string  below the base URL: "/contracts/4711/publish"; "" at a storage host
---@field acting_user string?  e-mail, or "anonymous administrator"
---@field attempt integer  1; 2 after a 401, with another token
---@field storage string?  in the second step of a file: the storage host

---What on_response gets: the result of each attempt.
---@class oneflow.ResponseInfo: oneflow.RequestInfo
---@field status integer?  HTTP status, if there was an answer
---@field connects integer?  how many connections were opened for it
---@field request_id string?
---@field seconds number?  from on_request to the end; nil for orphaned calls
---@field kind oneflow.Kind?  of an error; also with a 2xx status, if the request may change something and the body
---  does not answer it
---@field outcome oneflow.Outcome?  as kind
---@field orphaned boolean?  the caller no longer waits: the result is reported only here

local function request_info(request, number)
  local operation = request.operation
  return {
    operation = operation.name, method = operation.method, path = request.path,
    acting_user = acting_user.label(request.user), attempt = number,
    storage = operation.storage and operation.storage.host,
  }
end

-- What on_response gets for an attempt.
local function response_info(request, number, seconds, outcome)
  local operation, mask, info = request.operation, request.client.mask, request_info(request, number)
  info.seconds, info.status, info.connects = seconds, outcome.status, outcome.connects
  if succeeded(outcome) then
    info.request_id = errors.safe(outcome.request_id, mask)
    if operation.expects and operation.expects.always then
      local value, kind = read(operation, request.path, outcome.body)
      if value == nil then info.kind, info.outcome = kind, "unknown" end
    end
  else
    local err = errors.from_outcome(context_of(request, number), outcome)
    info.request_id, info.kind, info.outcome = err.request_id, err.kind, err.outcome
  end
  return info
end

local function report_problem(problem, raised_in, request, info)
  report.problem(request.client, problem, raised_in, request.operation.name, acting_user.label(request.user), info)
end

-- Calls on_response. An error in the hook, or a lack of memory to call it, does not affect the caller.
function M.tell_response(request, number, seconds, outcome)
  local good, info = pcall(response_info, request, number, seconds, outcome)
  local problem = info
  if good then good, problem = pcall(request.client.hooks.on_response, info) else info = nil end
  if not good then report_problem(problem, "on_response", request, info) end
end

-- Reports an error in a progress function.
function M.progress_raised(problem, request, number, outcome)
  local good, info = pcall(response_info, request, number, nil, outcome)
  report_problem(problem, "progress", request, good and info or nil)
end

-- Reports an error that interrupted a call which may have been applied.
local function interrupted(problem, request, number, status)
  local good, info = pcall(request_info, request, number)
  if good then info.status, info.kind, info.outcome = status, not status and "cancelled" or nil, "unknown" end
  report_problem(problem, "call", request, good and info or nil)
end

-- An answer that does not belong to its request may be followed by others: the connection is not used any more.
local function give_up(client, outcome)
  if outcome.connection then client.engine:disconnect(outcome.connection) end
end

local function orphan(request, handle)
  local outcome = by_core.take(request, handle)
  local info = response_info(request, 1, nil, outcome)
  if info.kind and succeeded(outcome) then give_up(request.client, outcome) end
  info.orphaned, info.operation = true, request.operation.reported_as or info.operation
  return info
end

--- Reports the result of a call whose caller no longer waits. Never raises.
---@param handle userdata  done; its answer is taken
---@param why any  why nobody waits; reported if the answer was taken already
---@return table? info  oneflow.ResponseInfo; nil: the answer was taken already, or memory was out
function M.orphaned(request, handle, why)
  local good, info = pcall(orphan, request, handle)
  if good then
    report.orphaned(request.client, info)
    return info
  end
  local taken = request.client.engine:settle(handle) == nil
  interrupted(taken and why or info, request, 1)
end

M.context_of, M.request_info, M.interrupted, M.give_up = context_of, request_info, interrupted, give_up

return M

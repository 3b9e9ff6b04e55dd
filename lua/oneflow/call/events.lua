-- What is told of a call: to its client's hooks, and in reports of what no caller can be told. Knows neither hosts nor
-- layers: both tell by it.
local acting_user = require "oneflow.acting_user"
local decode = require "oneflow.call.decode"
local errors = require "oneflow.errors"
local report = require "oneflow.report"

local pcall = pcall
local read = decode.read

local M = {}

-- What an error is told about the call.
local function context_of(client, operation, user, attempts, outcome)
  return {
    operation = operation.name, acting_user = acting_user.label(user), attempts = attempts, mask = client.mask,
    repeatable = operation.repeatable, outcome = outcome, unconfirmed = operation.confirmed == false,
    storage = operation.storage,
  }
end

---What on_request is told.
---@class oneflow.RequestInfo
---@field operation string  "contract.publish"
---@field method string  "POST"
---@field path string  below the base URL: "/contracts/4711/publish"; "" at a storage host
---@field acting_user string?  e-mail, or "anonymous administrator"
---@field attempt integer  1; 2 after a 401, with another token
---@field storage string?  of a file's second step: the storage host

---What on_response is told: of each attempt, what came of it.
---@class oneflow.ResponseInfo: oneflow.RequestInfo
---@field status integer?  HTTP status, when there was one
---@field connects integer?  connections that were opened for it
---@field request_id string?
---@field seconds number?  from on_request to the end; not of orphaned calls
---@field kind oneflow.Kind?  of an error; beside a 2xx when its body, of what may change something, is not the answer
---@field outcome oneflow.Outcome?  of an error, as kind
---@field orphaned boolean?  nobody waits for the call any more: this is all that will be heard of it

local function told(operation, path, user, number)
  return {
    operation = operation.name, method = operation.method, path = path, acting_user = acting_user.label(user),
    attempt = number, storage = operation.storage and operation.storage.host,
  }
end

-- What on_response is told of an attempt.
local function outcome_of(client, operation, path, user, number, seconds, status, answer, request_id, connects)
  local info = told(operation, path, user, number)
  info.seconds = seconds
  if status then
    info.status, info.connects, info.request_id = status, connects, errors.safe(request_id, client.mask)
    if operation.expects and operation.expects.always then
      local value, kind = read(operation, path, answer)
      if value == nil then info.kind, info.outcome = kind, "unknown" end
    end
  else
    local err = errors.from_answer(context_of(client, operation, user, number), answer)
    info.status, info.connects, info.request_id = answer.status, answer.connects, err.request_id
    info.kind, info.outcome = err.kind, err.outcome
  end
  return info
end

-- What the hook raises, or that there is no memory to call it, takes nothing away from who made the call.
local function tell_response(client, operation, path, user, ...)
  local good, info = pcall(outcome_of, client, operation, path, user, ...)
  local problem = info
  if good then good, problem = pcall(client.hooks.on_response, info) else info = nil end
  if not good then
    report.problem(client, problem, "on_response", operation.name, acting_user.label(user), info)
  end
end

-- A raise in the middle of a call that may have been applied.
local function interrupted(client, problem, operation, path, user, number, status)
  local good, info = pcall(told, operation, path, user, number)
  if good then info.status, info.kind, info.outcome = status, not status and "cancelled" or nil, "unknown" end
  report.problem(client, problem, "call", operation.name, acting_user.label(user), good and info or nil)
end

-- What does not belong to its request may be followed by more of that: nothing is taken from its connection any more.
local function give_up(client, connection)
  if connection then client.engine:disconnect(connection) end
end

local function orphan(client, ticket, operation, path, user)
  local status, answer, request_id, _, connects, connection = client.engine:take(ticket)
  local info = outcome_of(client, operation, path, user, 1, nil, status, answer, request_id, connects)
  if status and info.kind then give_up(client, connection) end
  info.orphaned, info.operation = true, operation.told_as or info.operation
  return info
end

--- Reports what became of a call that nobody waits for any more. Never raises.
---@param ticket userdata  done; is used up
---@param why any  nobody waits, told where the answer was taken already
---@return table? info  oneflow.ResponseInfo; nil: the answer was taken, or there was no memory for it
function M.orphaned(client, ticket, operation, path, user, why)
  local good, info = pcall(orphan, client, ticket, operation, path, user)
  if good then
    report.orphaned(client, info)
    return info
  end
  local taken = client.engine:settle(ticket) == nil
  interrupted(client, taken and why or info, operation, path, user, 1)
end

M.context_of, M.outcome_of, M.told = context_of, outcome_of, told
M.tell_response, M.interrupted, M.give_up = tell_response, interrupted, give_up

return M

-- The transport: the core sends the request, and the call waits for its answer.
local acting_user = require "oneflow.client.acting_user"
local attempts = require "oneflow.call.attempt"
local record = require "oneflow.call.record"
local usage = require "oneflow.errors.usage"

local TAKEN, begin, known_of = record.TAKEN, record.begin, record.of
local header_of = acting_user.header

local M = {}

-- For a failure, from the core's table.
local function failed(answer, bytes)
  return {
    status = answer.status, body = answer.answer, request_id = answer.request_id, content_type = answer.content_type,
    location = answer.location, retry_after = answer.retry_after, connects = answer.connects or 0,
    connection = answer.connection, bytes = bytes, sent = answer.sent,
    failure = answer.kind and { kind = answer.kind, message = answer.message, field = answer.field },
  }
end

-- The outcome of a request; its handle is done, and its answer is taken. `known`: where the result is recorded before
-- the outcome exists.
local function take(request, handle, known)
  local engine = request.client.engine
  local bytes = request.answer and engine:progress(handle)
  known.sent, known.status = TAKEN, false -- a debug hook may raise before the next line
  local status, body, request_id, content_type, connects, connection = engine:take(handle)
  if not status then
    known.sent, known.status = body.sent, body.status
    return failed(body, bytes)
  end
  known.sent, known.status = true, status
  local outcome = known.outcome
  outcome.status, outcome.body, outcome.request_id, outcome.content_type = status, body, request_id, content_type
  outcome.connects, outcome.connection = connects, connection
  if bytes then outcome.bytes = bytes end
  return outcome
end

--- The outcome of a request whose caller no longer waits.
---@param handle userdata  done; its answer is taken
---@return table outcome
function M.take(request, handle) return take(request, handle, { outcome = { sent = true } }) end

--- The transport of a client.
---@return fun(request: table, attempt: table): table
function M.transport(client)
  local engine = client.engine

  return function(request, attempt)
    local known, operation, waiter, sink = known_of[request], request.operation, request.waiter, request.sink
    begin(known, attempt)
    local pass, kind, message, field
    if waiter then
      pass, kind, message, field = waiter:admit(client)
      if not pass then return attempts.not_sent(kind, message, field) end
      if client.closed then
        waiter:leave(pass)
        usage.raise("the client is closed")
      end
    end
    local handle, queue = known.handle, waiter and waiter.queue
    local submitted, number
    if operation.storage then
      submitted, number = engine:follow(handle, operation.storage.location, attempt.timeout, request.answer,
        queue or nil)
    else
      submitted, number = engine:submit(handle, operation.method, request.repeatable, request.path,
        header_of(request.user), attempt.timeout, request.query or nil, request.body or nil, request.headers or nil,
        attempt.fresh, queue or nil, request.form or nil, request.answer or nil)
    end
    if not submitted then
      if waiter then waiter:leave(pass) end
      return failed(number)
    end
    if waiter then
      known.waiter, known.number = waiter, number
      waiter:wait(pass, request, handle, number)
      known.waiter = false
    elseif sink and sink.watch then
      sink.watch(client, handle)
    else
      while not engine:wait(handle) do end
    end
    return take(request, handle, known)
  end
end

return M

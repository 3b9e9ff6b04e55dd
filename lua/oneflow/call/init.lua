-- The call pipeline. Every call passes through `M.run`: it prepares the request, sends it down through the client's
-- layers to the transport, and makes a value or an error of the outcome. Contains nothing about particular endpoints.
local acting_user = require "oneflow.client.acting_user"
local attempts = require "oneflow.call.attempt"
local clock = require "oneflow.base.clock"
local decode = require "oneflow.call.decode"
local errors = require "oneflow.errors"
local events = require "oneflow.call.events"
local record = require "oneflow.call.record"
local requests = require "oneflow.call.request"
local token = require "oneflow.call.token"
local usage = require "oneflow.errors.usage"

local error, format, gsub, pcall = error, string.format, string.gsub, pcall
local read = decode.read
local context_of, give_up = events.context_of, events.give_up
local acquire, release, worst = record.acquire, record.release, record.worst
local new_attempt, succeeded, NO_TIME = attempts.new, attempts.succeeded, attempts.NO_TIME
local prepare = requests.prepare
local LABELS = acting_user.LABELS
local TAKEN = record.TAKEN
local NO_MEMORY, REFUSED, is_no_memory = errors.NO_MEMORY, errors.REFUSED, errors.is_no_memory

local M = {}

-- Checks once more when the answer says that the request was not done, because the service may not have known yet: over
-- another connection, and within the time left for the call. The result of this check does not change the result of the
-- call; an error raised in it is raised to the caller, and reported like an error in the call.
local function look_again(request, opts, deadline, message)
  local client, expects, left = request.client, request.operation.expects, deadline - clock.monotonic()
  if left <= 0 or client.closed then return nil, message end
  local value, err = M.run({ client = client, user = request.user }, expects.confirm,
    (gsub(request.path, expects.captured, expects.confirm_path)), nil,
    { timeout = left, attempt_timeout = opts.attempt_timeout, decode = opts.decode, blocking = opts.blocking })
  if value ~= nil then return value end
  local seen = err.detail or err.kind
  if seen == message then return nil, message .. ", also when checked again" end
  return nil, format("%s; checked again: %s", message, seen)
end

-- Reports errors in the caller's functions during a transfer; outside of all layers.
local function after_sink(known, sink, outcome)
  if sink.stopped then
    outcome = { sent = true, connects = 0, failure = { kind = "cancelled", message = sink.stopped } }
  end
  if sink.raised then events.progress_raised(sink.raised[1], known.last, known.attempts, outcome) end
  return outcome
end

-- Files, and text-only answers, are not decoded.
local function value_of(known, request, opts, started, outcome)
  local client, operation, body = request.client, request.operation, outcome.body
  local request_id = outcome.request_id
  local meta = {
    status = outcome.status, attempts = known.attempts,
    request_id = request_id and errors.safe(request_id, client.mask),
  }
  if request.answer then
    meta.bytes, meta.content_type = outcome.bytes or #body, errors.safe(outcome.content_type, client.mask)
    return body, meta
  end
  local expects, as_text = operation.expects, opts.decode == false
  if as_text and not (expects and expects.always) then return body, meta end
  local value, kind, message, undone = read(operation, request.path, body)
  if undone and expects.confirm then
    value, message = look_again(request, opts, started + request.timeout, message)
    body = value -- the text, if requested
  end
  if value ~= nil then return as_text and body or value, meta end
  give_up(client, outcome)
  return nil, errors.unexpected(context_of(request, known.attempts, worst(known)), outcome, kind, message)
end

local function run(known, scope, operation, path, parts, opts, problems)
  local started, request = clock.monotonic(), known.request
  problems = prepare(request, scope, operation, path, parts, opts, problems)
  if problems and problems[1] then return nil, errors.validation(context_of(request, 0), problems) end
  known.last = request
  local attempt = new_attempt(request, 1, started, known.attempt)
  local outcome = attempt and request.client.send(request, attempt) or NO_TIME
  if request.sink then outcome = after_sink(known, request.sink, outcome) end
  if succeeded(outcome) then return value_of(known, request, opts, started, outcome) end
  local failure = outcome.failure
  if failure and (failure.kind == "mismatch" or failure.kind == "decode") then give_up(request.client, outcome) end
  return nil, errors.from_outcome(context_of(known.last, known.attempts, worst(known)), outcome)
end

-- Runs the call and makes a value or an error of its outcome.
local function run_and_make(known, scope, operation, path, parts, opts, problems, make, a, b)
  local value, meta = run(known, scope, operation, path, parts, opts, problems)
  if value == nil or not make then return value, meta end
  return make(value, meta, opts, a, b)
end

-- Clean-up after an error was raised through the call: nobody waits in it any more, nor for the token that it
-- requested.
local function clean_up(client, known)
  if known.waiter then known.waiter:forget(known.number) end
  token.clean_up(client)
end

-- Handles an error such as Ctrl-C, which is raised further. If the request is still on the wire, the core reports its
-- result; if it may have been applied and its answer was taken, the result is reported here.
local function pass_on(client, known, raised)
  clean_up(client, known)
  local request, sent, status = known.last, known.sent, known.status or nil
  if sent == TAKEN then
    local was_sent, its_status = client.engine:settle(known.handle) -- nil: its answer was taken
    if was_sent ~= nil then sent, status = was_sent, its_status end
  end
  if sent and errors.outcome_of(true, status) == "unknown"
    -- the second check is part of a call that reports itself
    and not (request.repeatable or request.operation.reported_as) then
    events.interrupted(raised, request, known.attempts, status)
  end
  error(raised, 0)
end

--- Runs a call.
---@param scope table  { client =, user = }
---@param operation table  { name, method, as, repeatable, returns, expects }
---@param path string
---@param parts table?  { query = pairs, body = any, headers = pairs }; for files also form, answer and sink, see
---  oneflow.object.files
---@param opts table  checked options
---@param problems oneflow.Problem[]?  problems of the arguments found so far
---@param make fun(value: any, meta: table, opts: table, a: any, b: any)?  makes the caller's result; part of the
---  call, because there may be no memory for it
---@return any value, table|oneflow.Error meta_or_error  memory: see oneflow.Error
function M.run(scope, operation, path, parts, opts, problems, make, a, b)
  local client = scope.client
  if client.closed then usage.raise("the client is closed") end
  local known = acquire(client)
  known.request.user = false
  local good, value, meta = pcall(run_and_make, known, scope, operation, path, parts, opts, problems, make,
    a, b)
  if good then
    release(client, known, parts ~= nil)
    return value, meta
  end
  if value ~= NO_MEMORY and not is_no_memory(value) then pass_on(client, known, value) end
  -- There may not even be memory to call a Lua function now.
  local sent, status = client.engine:settle(known.handle) -- for an attempt whose answer was not taken
  if sent == nil then sent, status = known.sent, known.status or nil end
  local err, user = known.err, known.request.user
  err.operation, err.attempts, err.status = operation.name, known.attempts, status
  err.acting_user = LABELS[user] or user or nil
  err.outcome = not sent and (known.earlier or "not_sent") or status and REFUSED[status] and "refused" or "unknown"
  pcall(clean_up, client, known)
  return nil, err
end

return M

-- The call pipeline: who acts, may it wait here, submit, wait, and what came of it. Every call passes through
-- `M.run`; it knows no endpoint.
local acting_user = require "oneflow.acting_user"
local ascii = require "oneflow.ascii"
local clock = require "oneflow.clock"
local core = require "oneflow.core"
local decode = require "oneflow.call.decode"
local errors = require "oneflow.errors"
local events = require "oneflow.call.events"
local hosts = require "oneflow.hosts"
local report = require "oneflow.report"
local token = require "oneflow.call.token"
local usage = require "oneflow.usage"

local error, format, gsub, huge, min = error, string.format, string.gsub, math.huge, math.min
local ipairs, pcall, type = ipairs, pcall, type
local read = decode.read
local context_of, outcome_of, told = events.context_of, events.outcome_of, events.told
local tell_response, interrupted, give_up = events.tell_response, events.interrupted, events.give_up
local LATE, ask, refreshed = token.LATE, token.ask, token.refreshed
local ANONYMOUS_ADMIN, header_of = acting_user.ANONYMOUS_ADMIN, acting_user.header
local ANONYMOUS_LABEL = acting_user.label(ANONYMOUS_ADMIN)
local NO_MEMORY, REFUSED, is_no_memory = errors.NO_MEMORY, errors.REFUSED, errors.is_no_memory

local M = {}

--- The acting user of one call.
---@param scope table  { client =, user = (of a view), made_as = (of what a call on the client with `as` brought) }
---@param operation table
---@param opts table
---@return any? user, string? problem
function M.acting_user(scope, operation, opts)
  if scope.user then
    if opts.as ~= nil then
      usage.raise(format("%s: a view acts as one user only (%s): options must not say `as`", operation.name,
        acting_user.label(scope.user)))
    end
    return scope.user
  end
  local as = opts.as
  if acting_user.missing(as) then
    if operation.as == "none" and as == nil then return nil end
    usage.raise(format("%s: no acting user: call it through client:user(\"anna@example.com\"), or pass "
      .. "{ as = \"anna@example.com\" }; oneflow.ANONYMOUS_ADMIN stands for the anonymous administrator",
      operation.name))
  end
  local user, problem = scope.client.resolve(as)
  if user and scope.made_as and user ~= scope.made_as then
    usage.raise(format("%s: this was brought by a call as %s, and is not for another user: name it anew through the "
      .. "client, or through another user", operation.name, acting_user.label(scope.made_as)))
  end
  return user, problem
end

--- The scope of what a call brings. What a user made stays that user's: from an item, a page or an iterator that was
--- made on the client with `as` no other user can be named.
---@param scope table
---@param opts table  of the call
---@return table scope
function M.made(scope, opts)
  if scope.user or scope.made_as or acting_user.missing(opts.as) then return scope end
  return { client = scope.client, made_as = scope.client.resolve(opts.as) }
end

-- ---- one attempt -----------------------------------------------------------------------------------------------

-- What the core counts is milliseconds.
local LEAST_SECONDS = 1 / 1000

-- How long the next attempt may take; nil: there is no time left for one.
local function attempt_time(most, deadline)
  local left = deadline - clock.monotonic()
  if left < LEAST_SECONDS then return nil end
  return min(most, left)
end

-- What comes instead of an answer then.
local function no_time(message, retryable)
  return { kind = "timeout", message = message, retryable = retryable, sent = false, connects = 0 }
end
local NO_TIME = no_time "its time was over before it was sent: what the token's function and on_request take counts"
local NO_TIME_AGAIN = no_time("the service refused the token (401), and the time was over before it was sent "
  .. "again with another one", true)
local NO_TIME_TO_FOLLOW = no_time "the time was over before it could be asked for the file"

-- Whether it was sent is about to be known, with its answer; true enough as long as that is not known.
local TAKEN = "taken"

-- -> status, answer, request_id, content_type, connects, connection, of a 2xx | nil, what came instead: see the core's
-- `take`
local function over_the_wire(so_far, client, operation, path, parts, user, timeout, waiter)
  local pass, kind, message, option
  if waiter then
    pass, kind, message, option = waiter:admit(client)
    if not pass then return nil, { kind = kind, message = message, field = option, sent = false, connects = 0 } end
    if client.closed then
      waiter:leave(pass)
      usage.raise("the client is closed")
    end
  end
  local engine, ticket, queue = client.engine, so_far.ticket, waiter and waiter.queue
  local submitted, number
  if operation.storage then
    submitted, number = engine:follow(ticket, parts.location, timeout, parts.answer, queue)
  else
    submitted, number = engine:submit(ticket, operation.method, operation.repeatable, path, header_of(user), timeout,
      parts.query, parts.body, parts.headers, operation.fresh, queue, parts.form, parts.answer)
  end
  if not submitted then
    if waiter then waiter:leave(pass) end
    return nil, number
  end
  if waiter then
    so_far.waiter, so_far.number = waiter, number
    waiter:wait(pass, client, ticket, number, operation, path, user)
    so_far.waiter = false
  elseif parts.watch then
    parts.watch(client, ticket)
  else
    while not engine:wait(ticket) do end
  end
  if parts.answer then parts.bytes = engine:progress(ticket) end
  so_far.sent, so_far.status = TAKEN, false -- a hook may strike before the next line
  local status, answer, request_id, content_type, connects, connection = engine:take(ticket)
  so_far.sent, so_far.status = status and true or answer.sent, status or answer.status
  return status, answer, request_id, content_type, connects, connection
end

local NO_BYTES = "a file was expected, no bytes came" -- as the core says it

local function through_transport(so_far, client, operation, path, parts, user, timeout)
  local described, refusal
  if operation.storage then
    described = { method = "GET", url = parts.location, headers = { accept = "*/*" } }
  else
    described, refusal = client.engine:describe(nil, operation.method, operation.repeatable, path,
      header_of(user), timeout, parts.query, parts.body, parts.headers)
  end
  if not described then return nil, refusal end
  if parts.form then described.body, described.headers["content-type"] = parts.form:text() end
  so_far.sent = true
  local good, status, headers, body = pcall(client.transport, described)
  if not good then
    if is_no_memory(status) then error(status, 0) end
    return nil, { kind = "connection", message = "the transport raised: " .. errors.printed(status), sent = true,
      connects = 0 }
  end
  so_far.status = type(status) == "number" and status
  headers = headers or {}
  local request_id, content_type = headers["x-request-id"], headers["content-type"]
  if status >= 200 and status < 300 then
    if parts.answer and (body == nil or body == "") then
      return nil, { kind = "mismatch", message = NO_BYTES, status = status, sent = true, connects = 0 }
    end
    if parts.receive then
      local whole, why = parts.receive(body or "")
      if not whole then return nil, { kind = "io", message = why, status = status, sent = true, connects = 0 } end
    end
    return status, body or "", request_id, content_type, 0
  end
  local seconds = ascii.number(headers["retry-after"])
  return nil, {
    status = status, answer = body or "", sent = true, connects = 0, content_type = content_type,
    location = headers.location, request_id = request_id,
    retry_after = seconds and seconds > 0 and seconds or nil,
  }
end

local function too_late() return nil, NO_TIME end

-- The hooks around an attempt, for clients that have any.
local function hooked(send, so_far, client, operation, path, parts, user, timeout, waiter, number, deadline)
  local hooks = client.hooks
  if hooks.on_request then
    hooks.on_request(told(operation, path, user, number))
    if client.closed then usage.raise("the client is closed") end
    timeout = attempt_time(timeout, deadline)
    if not timeout then send = too_late end
  end
  if not hooks.on_response then return send(so_far, client, operation, path, parts, user, timeout, waiter) end
  local started = clock.monotonic()
  local status, answer, request_id, content_type, connects, connection =
    send(so_far, client, operation, path, parts, user, timeout, waiter)
  local seconds = clock.monotonic() - started
  tell_response(client, operation, path, user, number, seconds, status, answer, request_id, connects)
  return status, answer, request_id, content_type, connects, connection
end

-- For clients with hooks or a transport; others are over_the_wire's.
local function attempt(so_far, client, operation, path, parts, user, timeout, waiter, number, deadline)
  local send = client.transport and through_transport or over_the_wire
  if not client.hooks then return send(so_far, client, operation, path, parts, user, timeout, waiter) end
  return hooked(send, so_far, client, operation, path, parts, user, timeout, waiter, number, deadline)
end

-- ---- the whole call --------------------------------------------------------------------------------------------

local NOTHING = {}

-- Where a file is, the service may say once.
local FOLLOWED = { [302] = true, [303] = true, [307] = true }

local ADMIN_REFUSED = "the service demands a user here and refuses the anonymous administrator (unchecked = true sends "
  .. "it all the same)"

local function add(problems, path, message)
  problems = problems or {}
  problems[#problems + 1] = { path = path, messages = { message } }
  return problems
end

local function noted(problems, path)
  for _, problem in ipairs(problems or NOTHING) do
    if problem.path == path then return true end
  end
  return false
end

-- Who answered that a thing was not done may not have known yet: one more look, over another connection and within what
-- is left of the call's time. Whatever comes of that look, it changes nothing about what the call itself did; what is
-- raised in it passes on, and is reported like what is raised in the call.
local function look_again(client, user, operation, path, opts, deadline, message)
  local expects, left = operation.expects, deadline - clock.monotonic()
  if left <= 0 or client.closed then return nil, message end
  local value, err = M.run({ client = client, user = user }, expects.confirm,
    (gsub(path, expects.captured, expects.confirm_path)), nil,
    { timeout = left, attempt_timeout = opts.attempt_timeout, decode = opts.decode, blocking = opts.blocking })
  if value ~= nil then return value end
  local seen = err.detail or err.kind
  if seen == message then return nil, message .. ", also when looked at again" end
  return nil, format("%s; looked at again: %s", message, seen)
end

-- What is known of a call while it runs, and an error object for it: there before anything is sent, as afterwards there
-- may be no memory for them. Used again by the next call of the client, unless this one raised.
local function new_so_far(client)
  return {
    next = false,         -- of those that are free
    ticket = client.engine:ticket(), err = errors.spare(), operation = false, path = false, user = false,
    attempts = 0, outcome = false, -- of earlier attempts
    sent = false, status = false,  -- of this one, once its answer was taken; TAKEN while it is
    waiter = false, number = 0,    -- that it waits by; false: it does not
  }
end

-- After an attempt that was refused.
local function next_attempt(so_far, attempts)
  so_far.attempts, so_far.outcome, so_far.sent, so_far.status = attempts, "refused", false, false
end

local function run(so_far, scope, operation, path, parts, opts, problems)
  local client = scope.client
  local timeout, attempt_timeout = opts.timeout or client.timeout, opts.attempt_timeout or client.attempt_timeout
  if parts.form or parts.answer then -- a file may take its time, but not stall
    timeout, attempt_timeout = opts.timeout or huge, opts.attempt_timeout or huge
  end
  local deadline = clock.monotonic() + timeout
  local user, user_problem = M.acting_user(scope, operation, opts)
  so_far.user = user
  if user_problem then problems = add(problems, "as", user_problem) end
  if operation.as == "required" and user == ANONYMOUS_ADMIN and not opts.unchecked then
    problems = add(problems, "as", ADMIN_REFUSED)
  end
  if parts.body ~= nil then
    local good, text, wrong = pcall(core.encode, parts.body)
    if not good and is_no_memory(text) then error(text, 0) end
    if not good then usage.raise(text) end -- a function in it, which no type of the table lets through but `any`
    for _, problem in ipairs(wrong or NOTHING) do
      if not noted(problems, problem.path) then problems = add(problems, problem.path, problem.message) end
    end
    parts.body = text
  end
  local waiter, refusal = hosts.waiter(opts.blocking, parts.watch)
  if refusal then problems = add(problems, "blocking", refusal) end
  if problems and problems[1] then
    return nil, errors.validation(context_of(client, operation, user, 0), problems)
  end

  if client.generation == 0 then
    local change, why = ask(client, "first", waiter, deadline)
    if why == LATE then return nil, errors.from_answer(context_of(client, operation, user, 0), NO_TIME) end
    if not change then
      return nil, errors.validation(context_of(client, operation, user, 0), errors.problem("token", why))
    end
  end
  local time = attempt_time(attempt_timeout, deadline)
  if not time then return nil, errors.from_answer(context_of(client, operation, user, 0), NO_TIME) end
  local generation, attempts, outcome = client.generation, 1, nil
  so_far.attempts = attempts
  local try = (client.hooks or client.transport) and attempt or over_the_wire
  local status, answer, request_id, content_type, _, connection =
    try(so_far, client, operation, path, parts, user, time, waiter, 1, deadline)
  if not status and answer.status == 401 and (client.token_function or client.token_callback or client.token_file)
    and refreshed(client, generation, waiter, deadline) then
    time, outcome = attempt_time(attempt_timeout, deadline), "refused"
    if time then
      attempts = 2
      next_attempt(so_far, attempts)
      status, answer, request_id, content_type, _, connection =
        try(so_far, client, operation, path, parts, user, time, waiter, 2, deadline)
    else
      answer = NO_TIME_AGAIN
    end
  end
  if not status and parts.answer and FOLLOWED[answer.status] and answer.location and not parts.stopped then
    operation = {
      name = operation.name, method = "GET", repeatable = true,
      storage = { host = errors.host_of(answer.location), status = answer.status },
    }
    outcome, parts.location = "refused", answer.location
    time, answer = attempt_time(attempt_timeout, deadline), NO_TIME_TO_FOLLOW
    if time then
      next_attempt(so_far, attempts)
      status, answer, request_id, content_type = try(so_far, client, operation, "", parts, user, time, waiter, attempts,
        deadline)
    end
    parts.location = nil
  end
  if parts.stopped then
    status, answer = nil, { kind = "cancelled", message = parts.stopped, sent = true, connects = 0 }
  end
  if parts.raised then
    local good, info = pcall(outcome_of, client, operation, path, user, attempts, nil, status, answer, request_id)
    report.problem(client, parts.raised[1], "progress", operation.name, acting_user.label(user), good and info or nil)
  end
  if not status then
    if answer.kind == "mismatch" or answer.kind == "decode" then give_up(client, answer.connection) end
    return nil, errors.from_answer(context_of(client, operation, user, attempts, outcome), answer)
  end

  local safe_id = request_id and errors.safe(request_id, client.mask)
  local meta = { status = status, attempts = attempts, request_id = safe_id }
  if parts.answer then
    meta.bytes, meta.content_type = parts.bytes or #answer, errors.safe(content_type, client.mask)
    return answer, meta
  end
  local expects = operation.expects
  local as_text = opts.decode == false
  if as_text and not (expects and expects.always) then return answer, meta end
  local value, kind, message, undone = read(operation, path, answer)
  if undone and expects.confirm then
    value, message = look_again(client, user, operation, path, opts, deadline, message)
    answer = value -- as text, when that is wanted
  end
  if value ~= nil then return as_text and answer or value, meta end
  give_up(client, connection)
  return nil, errors.unexpected(context_of(client, operation, user, attempts, outcome), {
    status = status, answer = answer, request_id = request_id, content_type = content_type,
  }, kind, message)
end

-- The call, and what is made of its answer.
local function run_and_make(so_far, scope, operation, path, parts, opts, problems, make, a, b)
  local value, meta = run(so_far, scope, operation, path, parts, opts, problems)
  if value == nil or not make then return value, meta end
  return make(value, meta, opts, a, b)
end

-- A raise took its way through the call: nobody waits by it any more, nor for the token that it asked for.
local function clean_up(client, so_far)
  if so_far.waiter then so_far.waiter:forget(so_far.number) end
  local asking = client.asking
  if asking and not token.goes_on(asking) then token.release(client, asking) end
end

-- Such as a Ctrl-C, which passes on. What is on the wire then is the core's to tell; of what may have been applied, and
-- whose answer was taken, it is reported here.
local function pass_on(client, so_far, raised)
  clean_up(client, so_far)
  local operation, sent, status = so_far.operation, so_far.sent, so_far.status or nil
  if sent == TAKEN then
    local known, its_status = client.engine:settle(so_far.ticket) -- nil: it was taken
    if known ~= nil then sent, status = known, its_status end
  end
  if sent and errors.outcome_of(true, status) == "unknown"
    and not (operation.repeatable or operation.told_as) then -- what looks again is in a call that reports itself
    interrupted(client, raised, operation, so_far.path, so_far.user or nil, so_far.attempts, status)
  end
  error(raised, 0)
end

--- Runs a call.
---@param scope table  { client =, user = }
---@param operation table  { name, method, as, repeatable, returns, expects }
---@param path string
---@param parts table?  { query = pairs, body = table, headers = pairs }; made for this call. Of files, see
---   oneflow.files: form, answer, watch, receive; what came of them is left in `bytes`, `raised` (by progress, boxed)
---   and `stopped` (why the sink did)
---@param opts table  checked options
---@param problems oneflow.Problem[]?  what is wrong with the arguments already
---@param make fun(value: any, meta: table, opts: table, a: any, b: any)?  gives what the caller gets instead; a part of
---  the call, as there may be no memory for it
---@return any value, table|oneflow.Error meta_or_error  memory: see oneflow.Error
function M.run(scope, operation, path, parts, opts, problems, make, a, b)
  local client = scope.client
  if client.closed then usage.raise("the client is closed") end
  local so_far = client.so_far
  if so_far then client.so_far = so_far.next else so_far = new_so_far(client) end
  so_far.operation, so_far.path, so_far.user, so_far.attempts = operation, path, false, 0
  so_far.outcome, so_far.sent, so_far.status = false, false, false
  local good, value, meta = pcall(run_and_make, so_far, scope, operation, path, parts or NOTHING, opts, problems, make,
    a, b)
  if good then
    so_far.next, client.so_far = client.so_far, so_far
    return value, meta
  end
  if value ~= NO_MEMORY and not is_no_memory(value) then pass_on(client, so_far, value) end
  -- Perhaps not even for calling a function in Lua there is memory now.
  local sent, status = client.engine:settle(so_far.ticket) -- of an attempt whose answer was not taken
  if sent == nil then sent, status = so_far.sent, so_far.status or nil end
  local err, user = so_far.err, so_far.user or nil
  err.operation, err.attempts, err.status = operation.name, so_far.attempts, status
  err.acting_user = user == ANONYMOUS_ADMIN and ANONYMOUS_LABEL or user
  err.outcome = not sent and (so_far.outcome or "not_sent") or status and REFUSED[status] and "refused" or "unknown"
  pcall(clean_up, client, so_far)
  return nil, err
end

return M

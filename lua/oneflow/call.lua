-- The call pipeline: who acts, may it wait here, submit, wait, and what came of it. Every call passes through
-- `M.run`; it knows no endpoint.
local acting_user = require "oneflow.acting_user"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local hosts = require "oneflow.hosts"
local usage = require "oneflow.usage"

local error, format, max, min = error, string.format, math.max, math.min
local ipairs, pcall, tonumber, type = ipairs, pcall, tonumber, type
local monotonic = core.monotonic

local M = {}

--- The acting user of one call.
---@param scope table  { client =, user = (of a view) }
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
  return scope.client.resolve(as)
end

-- ---- token -----------------------------------------------------------------------------------------------------

-- Asks the token's function or file; "changed", "same", or nil and why not. A raise of the function passes on.
local function ask(client, reason)
  if client.token_file then return client.engine:read_token(client.token_file) end
  if client.asking then usage.raise("the token function calls the client that asks it for the token") end
  client.asking = true
  local good, token, why = pcall(client.token_function, reason)
  client.asking = false
  if not good then error(token, 0) end
  if client.closed then usage.raise("the client is closed") end
  if token == nil then
    return nil, "was not given by its function: " .. (type(why) == "string" and why or "no reason said")
  end
  if type(token) ~= "string" then usage.raise("the token function must return a string, got " .. type(token)) end
  return client.engine:set_token(token)
end

-- Asked once for each token that was refused: who comes later finds the new one.
local function refreshed(client, generation)
  if client.generation ~= generation then return true end
  local change = ask(client, "refused")
  if change == "changed" then client.generation = client.generation + 1 end
  return change == "changed"
end

-- ---- one attempt -----------------------------------------------------------------------------------------------

local function over_the_wire(client, request)
  local engine = client.engine
  local spare = client.spare_ticket
  client.spare_ticket = nil
  local ticket, kind, field, message = engine:submit(request, spare)
  if not ticket then return { kind = kind, field = field, message = message, sent = false } end
  while not engine:wait(ticket) do end
  client.spare_ticket = ticket
  return engine:take(ticket)
end

local function through_transport(client, request)
  local described, kind, field, message = client.engine:describe(request)
  if not described then return { kind = kind, field = field, message = message, sent = false } end
  local status, headers, body = client.transport(described)
  headers = headers or {}
  local seconds = tonumber(headers["retry-after"])
  return {
    status = status, body = body or "", sent = true, connects = 0, content_type = headers["content-type"],
    location = headers.location, request_id = headers["x-request-id"],
    retry_after = seconds and seconds > 0 and seconds or nil,
  }
end

local function report(hook, context, request, result, err, seconds)
  local info = {
    operation = context.operation, method = request.method, path = request.path,
    acting_user = context.acting_user, attempt = context.attempts, seconds = seconds,
  }
  if result then info.status, info.connects = result.status, result.connects end
  if err then info.kind, info.outcome, info.request_id = err.kind, err.outcome, err.request_id end
  hook(info)
end

local function attempt(client, request, context)
  local hooks = client.hooks
  if context.attempts > 0 then -- the first has all of the call's time
    request.timeout = max(0.001, min(request.timeout, context.deadline - monotonic()))
  end
  context.attempts = context.attempts + 1
  if hooks.on_request then
    report(hooks.on_request, context, request)
    if client.closed then usage.raise("the client is closed") end
  end
  local started = hooks.on_response and monotonic()
  local result = (client.transport and through_transport or over_the_wire)(client, request)
  local err = errors.from_result(context, result)
  if started then report(hooks.on_response, context, request, result, err, monotonic() - started) end
  return result, err
end

-- ---- the whole call --------------------------------------------------------------------------------------------

--- Runs a call.
---@param scope table  { client =, user = }
---@param operation table  { name, method, as, repeatable, returns }
---@param request table  { path =, query = pairs, body = table?, headers = pairs }; made for this call, filled in here
---@param opts table  checked options
---@param problems oneflow.Problem[]?  what is wrong with the arguments already
---@return table|string|boolean? value, table|oneflow.Error meta_or_error
function M.run(scope, operation, request, opts, problems)
  local client = scope.client
  if client.closed then usage.raise("the client is closed") end
  local user, user_problem = M.acting_user(scope, operation, opts)
  local context = {
    operation = operation.name, acting_user = acting_user.label(user), attempts = 0,
    repeatable = operation.repeatable, mask = client.mask, deadline = nil,
  }
  problems = problems or {}
  if user_problem then problems[#problems + 1] = { path = "as", messages = { user_problem } } end
  if user == acting_user.ANONYMOUS_ADMIN and operation.as == "required" and not opts.unchecked then
    problems[#problems + 1] = {
      path = "as", messages = { "the service demands a user here and refuses the anonymous administrator "
        .. "(unchecked = true sends it all the same)" },
    }
  end
  local body = request.body
  if body ~= nil and #problems == 0 then
    local text, wrong = core.encode(body)
    for i, problem in ipairs(wrong or {}) do problems[i] = { path = problem.path, messages = { problem.message } } end
    body = text
  end
  local refusal = hosts.refusal(opts.blocking)
  if refusal then problems[#problems + 1] = { path = "blocking", messages = { refusal } } end
  if #problems > 0 then return nil, errors.validation(context, problems) end

  local timeout = opts.timeout or client.timeout
  context.deadline = monotonic() + timeout
  request.timeout = min(timeout, opts.attempt_timeout or client.attempt_timeout)
  if client.token_function and client.generation == 0 then
    local change, why = ask(client, "first")
    if not change then return nil, errors.validation(context, errors.problem("token", why)) end
    client.generation = 1
  end
  request.method, request.repeatable = operation.method, operation.repeatable
  request.body, request.user = body, acting_user.header(user)
  local generation = client.generation
  local result, err = attempt(client, request, context)
  if err and err.status == 401 and (client.token_function or client.token_file) and refreshed(client, generation) then
    context.outcome = err.outcome
    result, err = attempt(client, request, context)
  end
  if err then return nil, err end

  local meta = {
    status = result.status, attempts = context.attempts, request_id = result.request_id,
  }
  if opts.decode == false then return result.body, meta end
  local nothing = operation.returns == "nothing"
  if result.body == "" and (nothing or operation.returns == nil) then return true, meta end
  local value, kind, message = core.decode(result.body)
  if value == nil then return nil, errors.undecodable(context, result, kind, message) end
  if nothing then return true, meta end -- and no login page
  local object = kind == "object"
  if operation.pages and (type(value) ~= "table" or (object and value.data == nil)) then
    return nil, errors.undecodable(context, result, "decode", "a list expected, in `data` or bare")
  elseif operation.returns and not operation.pages and not object then
    return nil, errors.undecodable(context, result, "decode", "an object expected")
  end
  return value, meta
end

return M

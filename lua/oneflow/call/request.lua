-- The Request, one for each call, and its preparation. The table belongs to the call's record. After the preparation it
-- passes through the layers (oneflow.call.layers) and does not change any more. Missing fields are false.
--
--   client            the client's state, see oneflow.client
--   operation         from the endpoint table. For the second request of a file: see oneflow.call.storage
--   user              the acting user
--   path, query, body, headers, form   what is sent: `body` as text, `form` of core.form
--   answer            a file is expected, and where it goes, see oneflow.object.files
--   sink              the caller's functions for the file, see oneflow.object.files
--   timeout, attempt_timeout           seconds: the whole call, one attempt
--   repeatable        may be sent again whatever its result is
--   waiter            how the call waits, see oneflow.hosts; false: inline
local acting_user = require "oneflow.client.acting_user"
local encoded = require "oneflow.values.encode"
local hosts = require "oneflow.hosts"
local lifted = require "oneflow.values.lifted"

local huge, ipairs = math.huge, ipairs
local ANONYMOUS_ADMIN, choose = acting_user.ANONYMOUS_ADMIN, acting_user.choose

local M = {}

local NOTHING = {}

local ADMIN_REFUSED = "the service demands a user here and refuses the anonymous administrator (unchecked = { \"as\" } "
  .. "sends it all the same)"

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

-- -> text, or nil and problems
local function encode(body, problems)
  local text, wrong = encoded(body) -- raises for a function, which only the type `any` lets through
  for _, problem in ipairs(wrong or NOTHING) do
    if not noted(problems, problem.path) then problems = add(problems, problem.path, problem.message) end
  end
  return text, problems
end

--- Prepares the request of a call: the acting user, what is sent, how it waits.
---@param request table  the table to fill
---@param scope table  see acting_user.choose
---@param operation table
---@param path string
---@param parts table?  see oneflow.call
---@param opts table
---@param problems oneflow.Problem[]?  problems of the arguments found so far
---@return oneflow.Problem[]? problems
function M.prepare(request, scope, operation, path, parts, opts, problems)
  local client = request.client
  local user, user_problem = choose(scope, operation, opts)
  request.operation, request.user, request.path = operation, user, path
  if user_problem then problems = add(problems, "as", user_problem) end
  if operation.as == "required" and user == ANONYMOUS_ADMIN and not lifted(opts.unchecked, "as") then
    problems = add(problems, "as", ADMIN_REFUSED)
  end
  local watch
  request.timeout = opts.timeout or client.timeout
  request.attempt_timeout = opts.attempt_timeout or client.attempt_timeout
  if parts then
    local form, answer, sink = parts.form or false, parts.answer or false, parts.sink or false
    request.query, request.headers = parts.query or false, parts.headers or false
    request.form, request.answer, request.sink = form, answer, sink
    watch = sink and sink.watch
    if form or answer then -- a file transfer may be slow, but must not stall
      request.timeout, request.attempt_timeout = opts.timeout or huge, opts.attempt_timeout or huge
    end
    if parts.body ~= nil then
      local text
      text, problems = encode(parts.body, problems)
      request.body = text or false
    end
  end
  local waiter, refusal = hosts.waiter(opts.blocking, watch)
  if refusal then problems = add(problems, "blocking", refusal) end
  request.repeatable, request.waiter = operation.repeatable or false, waiter or false
  return problems
end

return M

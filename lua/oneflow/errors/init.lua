-- The error object. Only this file decides an error's kind, outcome and message.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"

local ipairs, pairs, pcall, setmetatable, tostring, type = ipairs, pairs, pcall, setmetatable, tostring, type
local concat, sort = table.concat, table.sort
local find, format, gsub = string.find, string.format, string.gsub
local match, sub = string.match, string.sub
local decode = core.decode

local M = {}

---@class oneflow.Problem
---@field path string  where: "body.parties[2].name", "contract id", "token"
---@field messages string[]

---@alias oneflow.Kind
---| "connection" | "timeout" | "tls" | "validation" | "authentication" | "payment" | "permission" | "not_found"
---| "conflict" | "http" | "rate_limit" | "server" | "redirect" | "decode" | "limit" | "cancelled" | "memory"
---| "mismatch" # a 2xx answer that is not what was asked for
---| "signature" # of a webhook call
---| "io" # a file of this machine could not be read or written
---| "storage" # the storage host, to which the service points for a file, answered otherwise; `status` is its own

---What the library guarantees about the request.
---@alias oneflow.Outcome
---| "not_sent" # no byte left
---| "refused"  # the service answered and did nothing
---| "unknown"  # it may have been applied

---The error that a call returns. `tostring(err)` is one line that is safe to log.
---@class oneflow.Error
---@field kind oneflow.Kind
---@field outcome oneflow.Outcome
---@field status integer?  HTTP status, if there was an answer
---@field code integer?  the service's own seven digits
---@field title string?
---@field detail string?
---@field problems oneflow.Problem[]
---@field request_id string?
---@field retry_after number?  seconds
---@field retryable boolean  whether the caller may repeat the call without doing anything twice
---@field attempts integer
---@field operation string  "contract.publish"
---@field acting_user string?  e-mail, or "anonymous administrator"
---@field unconfirmed boolean  the operation may not exist: a 404 or 405, and no official page confirms it

local KIND_OF_STATUS = {
  [400] = "validation", [401] = "authentication", [402] = "payment", [403] = "permission", [404] = "not_found",
  [408] = "server", [409] = "conflict", [422] = "validation", [429] = "rate_limit",
}

-- For ranges of statuses without an entry of their own.
local RANGES = {
  { from = 300, to = 399, kind = "redirect", outcome = "refused" },
  { from = 400, to = 499, kind = "http", outcome = "refused" },
}

local TRANSIENT = { [408] = true, [500] = true, [502] = true, [503] = true, [504] = true }

-- Kinds after which a repeatable operation may be repeated although it was sent.
local UNKNOWN_RETRYABLE = { connection = true, timeout = true, decode = true, mismatch = true }

local BADNESS = { not_sent = 1, refused = 2, unknown = 3 }

local ADVICE = {
  not_found = "missing, or no access",
  storage = "not the service's answer: the link to it lives a short time, a new call gets a new one",
  authentication = "the token or the user is not accepted, the service does not say which: client:ping() tests the "
    .. "token alone, client:user(...):ping() both",
}

local DETAIL_MAX = 1000
local LINE_MAX = 1500

local SCHEME = "^[A-Za-z][A-Za-z0-9+.%-]*://"

local function clean(text, most)
  text = gsub(text, "[" .. ascii.CONTROL .. "]+", " ")
  if #text > most then text = sub(text, 1, most) .. "..." end
  return text
end

-- By problem, while a call is checked: the option `unchecked` lets it pass. By error: how to say so.
local liftable, ways_out = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

--- Marks a problem as one that the option `unchecked` lets pass.
function M.liftable(problem) liftable[problem] = true end

local PATHS_SHOWN = 3

local function way_out(problems)
  local paths, count = {}, 0
  for _, problem in ipairs(problems) do
    if liftable[problem] then
      count = count + 1
      paths[count] = count <= PATHS_SHOWN and format("%q", problem.path) or nil
    end
  end
  if count == 0 then return nil end
  if count > PATHS_SHOWN then paths[#paths + 1] = "..." end
  return format(" (unchecked = { %s } sends %s all the same)", concat(paths, ", "), count == 1 and "it" or "them")
end

local Error = { __metatable = false, __name = "oneflow.Error" }

local function line_of(err)
  local line = { err.operation }
  if err.acting_user then line[#line + 1] = " as " .. err.acting_user end
  line[#line + 1] = ": " .. err.kind
  if err.status then line[#line + 1] = format(" (%d)", err.status) end
  line[#line + 1] = ", " .. err.outcome
  if err.title then line[#line + 1] = ": " .. err.title end
  if err.detail then line[#line + 1] = ": " .. err.detail end
  for _, problem in ipairs(err.problems) do
    line[#line + 1] = format("; %s: %s", problem.path, concat(problem.messages, ", "))
  end
  if ways_out[err] then line[#line + 1] = ways_out[err] end
  if ADVICE[err.kind] then line[#line + 1] = format(" (%s)", ADVICE[err.kind]) end
  if err.unconfirmed then
    line[#line + 1] = format(" (no official page confirms %s: the service may not have it)", err.operation)
  end
  if err.outcome == "unknown" and not err.retryable then
    line[#line + 1] = " (it may have been applied: look before you repeat it)"
  end
  if err.request_id then line[#line + 1] = format(" [request %s]", err.request_id) end
  return clean(concat(line), LINE_MAX)
end

-- The holder of an error may have changed its fields, for example a script before it raises the error to its host.
function Error.__tostring(err)
  local good, line = pcall(line_of, err)
  return good and line or "an error of oneflow, whose fields were changed"
end

function Error.__concat(a, b) return tostring(a) .. tostring(b) end

--- The worse of two outcomes; nil is none.
function M.worse(a, b)
  if not a or not b then return a or b end
  return BADNESS[a] > BADNESS[b] and a or b
end

--- A server's text in a form that may be shown: one line of limited length, without the token. nil for empty text.
---@param mask fun(text: string): string
---@return string?
function M.safe(text, mask)
  if type(text) ~= "string" or text == "" then return nil end
  return clean(mask(text), DETAIL_MAX)
end

--- tostring(value), and always a string, even if the value's __tostring fails.
---@return string
function M.printed(value)
  local good, text = pcall(tostring, value)
  if good and type(text) == "string" then return text end
  return "a value that does not print: " .. type(value)
end

local function as_it_is(text) return text end

--- context: { operation=, acting_user=, attempts=, mask=function(text), repeatable=, unconfirmed=,
--- outcome=(of earlier attempts), storage={ host=, status=(that pointed to it) } (of a file's second step) }
---@return oneflow.Error
function M.new(context, fields)
  local function safe(text) return M.safe(text, context.mask or as_it_is) end
  local outcome = M.worse(fields.outcome, context.outcome)
  local retryable = fields.retryable
  if retryable == nil then
    retryable = fields.outcome == "not_sent" and outcome ~= "unknown"
      and (fields.kind == "connection" or fields.kind == "timeout")
  end
  local problems = {}
  for i, problem in ipairs(fields.problems or {}) do
    local messages = {}
    for k, message in ipairs(problem.messages) do messages[k] = safe(message) end
    problems[i] = { path = safe(problem.path) or "", messages = messages }
  end
  return setmetatable({
    kind = fields.kind, outcome = outcome, status = fields.status, code = fields.code,
    title = safe(fields.title), detail = safe(fields.detail), problems = problems,
    request_id = safe(fields.request_id), retry_after = fields.retry_after, retryable = retryable,
    attempts = context.attempts or 0, operation = context.operation, acting_user = context.acting_user,
    unconfirmed = context.unconfirmed and (fields.status == 404 or fields.status == 405) or false,
  }, Error)
end

-- The kind for a status that is not a success.
local function read_status(status)
  local kind, outcome = KIND_OF_STATUS[status], "refused"
  for _, range in ipairs(RANGES) do
    if not kind and status >= range.from and status <= range.to then kind, outcome = range.kind, range.outcome end
  end
  kind = kind or "server"
  if kind == "server" then outcome = "unknown" end
  return kind, outcome
end

-- ---- without memory ----------------------------------------------------------------------------------------------

--- The message that Lua raises when memory is out; the core uses the same words.
M.NO_MEMORY = "not enough memory"
local NO_MEMORY = M.NO_MEMORY

--- Is the value this message, or does it begin with it?
function M.is_no_memory(raised) return type(raised) == "string" and find(raised, NO_MEMORY, 1, true) == 1 end

--- Does this status, which is not a success, mean that the request was refused?
M.REFUSED = {}
for status = 300, 499 do
  local _, outcome = read_status(status)
  M.REFUSED[status] = outcome == "refused"
end
local REFUSED = M.REFUSED

--- The outcome of an attempt, if only these two are known.
---@param sent boolean?
---@param status integer?
---@return oneflow.Outcome
function M.outcome_of(sent, status)
  return not sent and "not_sent" or status and REFUSED[status] and "refused" or "unknown"
end

--- An error object made in advance, for when memory is out. It has every field that will be set then.
---@return oneflow.Error
function M.preallocate()
  return setmetatable({
    kind = "memory", outcome = "unknown", status = 0, detail = NO_MEMORY, problems = {}, retryable = false,
    attempts = 0, operation = "", acting_user = "", unconfirmed = false,
  }, Error)
end

-- ---- from what came ---------------------------------------------------------------------------------------------

--- The error for arguments that cannot be sent; nothing was sent. If the core lacked memory to check one, that is the
--- error.
---@param problems oneflow.Problem[]  are sorted by their paths
function M.validation(context, problems)
  for _, problem in ipairs(problems) do
    if problem.messages[1] == NO_MEMORY then
      return M.new(context, { kind = "memory", outcome = "not_sent", detail = problem.path .. ": " .. NO_MEMORY })
    end
  end
  sort(problems, function(a, b) return ascii.before(a.path, b.path) end)
  local err = M.new(context, { kind = "validation", outcome = "not_sent", problems = problems, retryable = false })
  ways_out[err] = way_out(problems)
  return err
end

--- A list with one problem.
function M.problem(path, message)
  return { { path = path, messages = { message } } }
end

-- { path = list of messages | message } as the service writes it -> a list in a fixed order
local function read_problems(parameter_problems)
  local problems = {}
  if type(parameter_problems) ~= "table" then return problems end
  for path, messages in pairs(parameter_problems) do
    local list = {}
    if type(messages) == "table" then
      for i, message in ipairs(messages) do list[i] = tostring(message) end
    else
      list[1] = tostring(messages)
    end
    problems[#problems + 1] = { path = tostring(path), messages = list }
  end
  sort(problems, function(a, b) return ascii.before(a.path, b.path) end)
  return problems
end

local function integer(value) return type(value) == "number" and value or nil end

--- The host of a location, for messages; the rest of it may be secret.
---@param location string?
---@return string? host  nil: the same host
function M.host_of(location)
  local authority = match(location or "", SCHEME .. "([^/?#]*)") or match(location or "", "^//([^/?#]*)")
  return authority and (match(authority, "@(.*)$") or authority)
end

local function location_host(location)
  if not location then return "nowhere" end
  local host = M.host_of(location)
  return host and "host " .. host or "another path of the same host"
end

local function from_status(context, outcome)
  local status = outcome.status
  local kind, meaning = read_status(status)

  local body = outcome.body and outcome.body ~= "" and decode(outcome.body) or nil
  if type(body) ~= "table" then body = {} end
  local detail = body.detail
  if kind == "redirect" then
    detail = "the service points to " .. location_host(outcome.location) .. ", which the library does not follow"
  elseif type(body.title) ~= "string" and type(detail) ~= "string" then
    detail = format("%s, %d bytes", outcome.content_type or "no content type", #(outcome.body or ""))
  end
  return M.new(context, {
    kind = kind, outcome = meaning, status = status, code = integer(body.error_code),
    title = body.title, detail = detail, problems = read_problems(body.parameter_problems),
    request_id = type(body.request_id) == "string" and body.request_id or outcome.request_id,
    retry_after = outcome.retry_after,
    retryable = kind == "rate_limit" or (kind == "server" and TRANSIENT[status] and context.repeatable) or false,
  })
end

-- The storage host is another server, whose errors have another format; their bodies may contain the signed link.
local function from_storage(context, outcome)
  local status, storage = outcome.status, context.storage
  local host = storage.host or "the same host"
  if outcome.failure and outcome.failure.field == "location" then
    return M.new(context, {
      kind = "redirect", outcome = "refused", status = storage.status, retryable = false,
      detail = format("the service points to %s for the file, which %s: not followed", host, outcome.failure.message),
    })
  elseif status and status >= 300 and status < 400 then
    return M.new(context, {
      kind = "redirect", outcome = "refused", status = status, retryable = false,
      detail = format("the storage host %s points on to %s: one step is followed, not two", host,
        location_host(outcome.location)),
    })
  end
  local server = status == 408 or status >= 500 or status < 200
  return M.new(context, {
    kind = "storage", outcome = server and "unknown" or "refused", status = status, title = "storage host " .. host,
    detail = match(outcome.body or "", "<Code>([A-Za-z0-9_.%-]+)</Code>"), retry_after = outcome.retry_after,
    retryable = status == 403 or status == 429 or TRANSIENT[status] or false,
  })
end

--- The error for an outcome that is not a success.
---@param outcome table  of an attempt, see oneflow.call.attempt
---@return oneflow.Error
function M.from_outcome(context, outcome)
  local status, failure = outcome.status, outcome.failure
  local kind, message, field
  if failure then kind, message, field = failure.kind, failure.message, failure.field end
  if context.storage then
    if field or (status and (status >= 300 or status < 200)) then return from_storage(context, outcome) end
    message = format("storage host %s: %s", context.storage.host, message)
  end
  -- A status beyond 2xx says what the service did, even if the body did not arrive completely.
  if status and (status >= 300 or (status < 200 and not kind)) then return from_status(context, outcome) end
  if kind == "validation" then return M.validation(context, M.problem(field, message)) end
  local retryable
  if outcome.sent or context.storage then retryable = context.repeatable and UNKNOWN_RETRYABLE[kind] or false end
  return M.new(context, {
    kind = kind, status = status, outcome = outcome.sent and "unknown" or "not_sent", detail = message,
    retryable = retryable,
  })
end

--- The error for a 2xx answer whose body is not what the operation returns.
function M.unexpected(context, result, kind, message)
  local content_type = result.content_type
  local json = content_type and find(ascii.lower(content_type), "json", 1, true)
  if kind == "decode" and result.body and not json then
    message = format("expected JSON, got %s: %s", content_type or "no content type", message)
  end
  return M.new(context, {
    kind = kind, outcome = "unknown", status = result.status, detail = message,
    request_id = result.request_id,
    retryable = context.repeatable and UNKNOWN_RETRYABLE[kind] or false,
  })
end

return M

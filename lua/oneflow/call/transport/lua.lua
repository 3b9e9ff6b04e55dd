-- The transport in Lua: a function given to the client, which answers instead of the network.
local acting_user = require "oneflow.client.acting_user"
local ascii = require "oneflow.base.ascii"
local errors = require "oneflow.errors"
local record = require "oneflow.call.record"

local error, pcall, type = error, pcall, type
local begin, known_of = record.begin, record.of

local M = {}

local NO_BYTES = "a file was expected, but it has no bytes" -- the core's words

-- The function's argument; or nil and why nothing is sent.
local function describe(engine, request, attempt)
  local operation = request.operation
  if operation.storage then
    return { method = "GET", url = operation.storage.location, headers = { accept = "*/*" } }
  end
  return engine:describe(nil, operation.method, request.repeatable, request.path, acting_user.header(request.user),
    attempt.timeout, request.query or nil, request.body or nil, request.headers or nil)
end

local function failed(kind, message, sent, status, field)
  return { status = status, connects = 0, sent = sent, failure = { kind = kind, message = message, field = field } }
end

-- For a 2xx: checks the file and its place; nil: it is good.
local function file_failure(request, status, body)
  if request.answer and (body == nil or body == "") then return failed("mismatch", NO_BYTES, true, status) end
  local sink = request.sink
  if not (sink and sink.receive) then return nil end
  local whole, why = sink.receive(body or "")
  return not whole and failed("io", why, true, status) or nil
end

--- The transport of a client.
---@return fun(request: table, attempt: table): table
function M.transport(client)
  local engine, answer_of = client.engine, client.transport

  return function(request, attempt)
    local known = known_of[request]
    begin(known, attempt)
    local described, refusal = describe(engine, request, attempt)
    if not described then return failed(refusal.kind, refusal.message, false, nil, refusal.field) end
    if request.form then described.body, described.headers["content-type"] = request.form:text() end
    known.sent = true
    local good, status, headers, body = pcall(answer_of, described)
    if not good then
      if errors.is_no_memory(status) then error(status, 0) end
      return failed("connection", "the transport raised: " .. errors.printed(status), true)
    end
    known.status = type(status) == "number" and status
    headers = headers or {}
    local success = status >= 200 and status < 300
    local failure = success and file_failure(request, status, body)
    if failure then return failure end
    local seconds = not success and ascii.number(headers["retry-after"])
    return {
      status = status, body = body or "", request_id = headers["x-request-id"], content_type = headers["content-type"],
      location = headers.location, retry_after = seconds and seconds > 0 and seconds or nil, connects = 0, sent = true,
    }
  end
end

return M

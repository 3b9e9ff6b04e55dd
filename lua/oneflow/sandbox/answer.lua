-- Answers in the service's format. A refusal is raised as a table and ends the call; `wrap` makes an answer of it.
local core = require "oneflow.core"
local M = {}

local error, next, pairs, tostring = error, next, pairs, tostring
local getmetatable, setmetatable = getmetatable, setmetatable
local format = string.format
local floor = math.floor

local TITLES = {
  [400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed", [409] = "Conflict", [413] = "Payload Too Large",
  [422] = "Unprocessable Entity", [429] = "Too Many Requests", [500] = "Internal Server Error",
  [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

local DETAILS = {
  [400] = "Some parameters are invalid.",
  [401] = "The API token or the user e-mail is missing or invalid.",
  [402] = "The account has no licence for this operation.",
  [403] = "The user has no permission for this operation.",
  [404] = "An object referenced in the request was not found. It might have been deleted or you might have "
    .. "lost access to it. Please check that the object still exists and you still have permission to "
    .. "access it.",
  [405] = "The method is not allowed for this path.",
  [409] = "The contract is not in a state that allows this operation.",
  [429] = "You have reached the 5 minute rate limit for requests. Try again in a few minutes.",
}

local Refusal = {}

--- Ends the call with an error answer.
---@param status integer
---@param more? { detail?: string, problems?: table, assumed?: boolean, code?: integer }
function M.refuse(status, more)
  more = more or {}
  error(setmetatable({
    status = status, detail = more.detail, problems = more.problems, assumed = more.assumed, code = more.code,
  }, Refusal), 0)
end

--- Refuses with 400 when there are problems.
---@param problems table path -> list of messages
function M.refuse_problems(problems, assumed)
  if next(problems) then M.refuse(400, { problems = problems, assumed = assumed }) end
end

--- Refuses with 400 for one parameter.
function M.refuse_value(path, message, assumed)
  M.refuse(400, { problems = { [path] = { message } }, assumed = assumed })
end

function M.is_refusal(value)
  return getmetatable(value) == Refusal
end

--- The answer of a handler that is not JSON with status 200.
local Raw = {}

---@param headers table<string, string> lower-case names
---@param body string|table a string or a filler
function M.raw(status, headers, body)
  return setmetatable({ status = status, headers = headers, body = body }, Raw)
end

function M.is_raw(value)
  return getmetatable(value) == Raw
end

M.TITLES = TITLES

--- The meaning of a code of seven digits.
function M.describe(code)
  if code == 4000003 then return "Two participants of a contract are the same." end
  local status = floor(code / 10000)
  return DETAILS[status] or TITLES[status]
end

--- The seven fields of an error body. The body of a 429 is different.
---@param more? { detail?: string, problems?: table, code?: integer }
function M.error_body(status, request_id, more)
  more = more or {}
  local code = more.code or status * 10000
  local listed = {}
  for path, messages in pairs(more.problems or {}) do listed[path] = core.array(messages) end
  if status == 429 then
    return {
      status = status, title = TITLES[429], detail = DETAILS[429], error_code = code, parameter_problems = listed,
      info = "https://developer.oneflow.com/reference/api-rate-limit",
    }
  end
  return {
    status = status,
    title = TITLES[status] or "Error " .. tostring(status),
    detail = more.detail or DETAILS[status] or "The request failed.",
    type = format("https://api.oneflow.com/v1/error_codes/%d", code),
    error_code = code,
    parameter_problems = listed,
    request_id = request_id,
  }
end

--- Status, headers and JSON text.
---@param headers? table further headers, lower-case names
function M.wrap(status, body, assumed, headers)
  local out = { ["content-type"] = "application/json" }
  if assumed then out["x-oneflow-sandbox"] = "assumed" end
  for name, value in pairs(headers or {}) do out[name] = value end
  return status, out, core.encode(body)
end

return M

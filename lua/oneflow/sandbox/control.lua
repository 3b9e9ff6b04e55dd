-- Runs the controls of controls.lua: by name with arguments, or as an HTTP request below /_sandbox.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local controls = require "oneflow.sandbox.controls"
local query = require "oneflow.sandbox.query"
local refuse_unknown = require "oneflow.api.field_types"
local M = {}

local ipairs, pairs, tonumber, type = ipairs, pairs, tonumber, type
local concat = table.concat
local format, gsub, sub = string.format, string.gsub, string.sub

M.PREFIX = "/_sandbox"

local by_name, by_route = {}, {}
for _, control in ipairs(controls) do
  control.by_name = {}
  for _, field in ipairs(control.fields) do control.by_name[field.name] = field end
  refuse_unknown(control.by_name, "sandbox", control.name)
  by_name[control.name] = control
  by_route[control.method .. " " .. control.path] = control
end

local function run(emulator, control, arguments)
  local problems = check.object(arguments, control.by_name, true)
  local lines = check.lines(problems)
  if #lines > 0 then return nil, concat(lines, "; ") end
  local which = arguments.account
  local account = control.by_name.account and emulator.store:account(tonumber(which) or which)
  if control.by_name.account and not account then return nil, format("No account %s.", which) end
  local result, problem = control.run(emulator, arguments, account)
  emulator:settle()
  return result, problem
end

--- Runs a control by its name.
---@return table|nil answer
---@return string|nil problem
function M.run(emulator, name, arguments)
  return run(emulator, by_name[name], arguments)
end

--- A box's arguments as a table: in the order of the fields, the rest by name.
function M.arguments(control, ...)
  local arguments, values = {}, { ... }
  for i, field in ipairs(control.fields) do
    local value = values[i]
    if type(value) == "table" and field.type ~= "any" and field.type ~= "any_object" then
      for name, item in pairs(value) do arguments[name] = item end
      break
    end
    arguments[field.name] = value
  end
  return arguments
end

--- Answers a request below /_sandbox: 403 without the key.
---@param key_sha256 string hash of the sandbox's control key; hashes are compared, so the time reveals nothing
function M.handle(emulator, key_sha256, request)
  local function fail(status, detail)
    return answer.wrap(status, answer.error_body(status, emulator:request_id(), { detail = detail }))
  end
  local key = request.headers["x-sandbox-key"]
  if not key or core.sha256(key) ~= key_sha256 then
    return fail(403, "The header x-sandbox-key is missing or wrong.")
  end
  local path = gsub(sub(request.path, #M.PREFIX + 1), "/+$", "")
  local control = by_route[request.method .. " " .. (path == "" and "/" or path)]
  if not control then return fail(404, "No such control.") end
  local arguments
  if request.method == "POST" then
    arguments = core.decode(request.body or "{}")
    if type(arguments) ~= "table" then return fail(400, "The body is not a JSON object.") end
  else
    arguments = query.parse(request.query).values
  end
  local result, problem = run(emulator, control, arguments)
  if not result then return fail(400, problem) end
  return answer.wrap(200, result)
end

return M

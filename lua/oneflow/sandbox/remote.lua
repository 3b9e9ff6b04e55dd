-- The controls of a sandbox in another process: over HTTP, with its key.
local core = require "oneflow.core"
local controls = require "oneflow.sandbox.controls"
local http = require "oneflow.sandbox.http"
local M = {}

local error, ipairs, pairs, tonumber, tostring = error, ipairs, pairs, tonumber, tostring
local format, match = string.format, string.match
local concat = table.concat

local by_name = {}
for _, control in ipairs(controls) do by_name[control.name] = control end

local function query(arguments)
  local pairs_ = {}
  for name, value in pairs(arguments) do
    pairs_[#pairs_ + 1] = name .. "=" .. core.escape(tostring(value))
  end
  return #pairs_ > 0 and "?" .. concat(pairs_, "&") or ""
end

-- Host and port of a sandbox's address, `http://127.0.0.1:1234/v1`; nil when it is none: it is on loopback.
local function address(url)
  local host, port = match(url, "^http://([a-z0-9.]+):(%d+)")
  if host == "localhost" then host = "127.0.0.1" end
  if host and match(host, "^127%.%d+%.%d+%.%d+$") then return host, tonumber(port) end
end

--- A function that runs a control by its name: the answer, or nil and what was wrong.
---@param url string the base URL of the sandbox
---@param key string its control key
function M.runner(url, key)
  local host, port = address(url)
  if not host then error(format("not a sandbox's address: %s", url), 2) end
  return function(name, arguments)
    local control = by_name[name]
    local with_body = control.method == "POST"
    local status, body = http.request{
      host = host, port = port, method = control.method,
      target = "/_sandbox" .. control.path .. (with_body and "" or query(arguments)),
      headers = { ["x-sandbox-key"] = key, ["content-type"] = "application/json" },
      body = with_body and core.encode(arguments) or nil,
    }
    if not status then return nil, format("the sandbox at %s does not answer: %s", url, body) end
    local answer = core.decode(body)
    if status ~= 200 then
      return nil, answer and answer.detail or format("the sandbox answered %d", status)
    end
    return answer
  end
end

return M

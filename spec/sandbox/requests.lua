-- Raw requests to a sandbox: to the emulator in this process, or through nginx with curl. Neither goes through
-- the library, so headers are what a spec says that they are.
local core = require "oneflow.core"
local process = require "spec.support.process"

local M = {}

-- `token` = false sends none; `user` may be "".
local function headers_of(box, options)
  local headers = {}
  headers["x-oneflow-user-email"] = options.user
  if options.token ~= false then headers["x-oneflow-api-token"] = options.token or box.token end
  return headers
end

--- call(method, path, { user =, token =, query =, body = }) -> status, body as a table, headers
function M.in_process(box)
  return function(method, path, options)
    options = options or {}
    local headers = headers_of(box, options)
    local token = headers["x-oneflow-api-token"]
    headers["x-oneflow-api-token"] = nil
    local status, answer_headers, body = box.transport{
      method = method, path = "/v1" .. path, query = options.query or "", headers = headers,
      body = options.body, token_sha256 = token and core.sha256(token),
    }
    return status, (assert(core.decode(body))), answer_headers
  end
end

function M.over_http(box)
  return function(method, path, options)
    options = options or {}
    local url = box.base_url .. path .. (options.query and "?" .. options.query or "")
    local command = { "curl", "-s", "-g", "-i", "-H", "Expect:", "-X", method, url }
    for name, value in pairs(headers_of(box, options)) do
      command[#command + 1] = "-H"
      command[#command + 1] = value == "" and name .. ";" or name .. ": " .. value
    end
    if options.body then
      command[#command + 1] = "--data-binary"
      command[#command + 1] = options.body
    end
    local code, _, output = process.spawn(command):wait()
    assert(code == 0, "curl ended with code " .. code)
    local status, head, body = string.match(output, "^HTTP/1.1 (%d+)[^\r\n]*\r\n(.-\r\n)\r\n(.*)$")
    local headers = {}
    for name, value in string.gmatch(head, "([^:\r\n]+): *([^\r\n]*)\r\n") do
      headers[string.lower(name)] = value
    end
    return tonumber(status), (assert(core.decode(body))), headers
  end
end

return M

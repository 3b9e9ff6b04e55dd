-- Raw requests to a sandbox: to the emulator in this process, or through nginx with curl. Neither goes through
-- the library, so headers are what a spec says that they are.
local core = require "oneflow.core"
local process = require "spec.support.process"

local M = {}

-- `token` = false sends none; `user` may be "".
local function headers_of(box, options)
  local headers = {}
  headers["x-oneflow-user-email"], headers["content-type"] = options.user, options.content_type
  if options.token ~= false and (options.token or not options.outside) then
    headers["x-oneflow-api-token"] = options.token or box.token
  end
  return headers
end

-- What came as JSON as a table, anything else as it is.
local function read(headers, body)
  if headers["content-type"] ~= "application/json" then return body end
  return (assert(core.decode(body)))
end

--- call(method, path, { user =, token =, query =, body =, content_type =, outside = }) -> status, body, headers
--- `outside`: the path is the whole one, not below /v1; then no token is sent unless one is named.
function M.in_process(box)
  return function(method, path, options)
    options = options or {}
    local headers = headers_of(box, options)
    local token = headers["x-oneflow-api-token"]
    headers["x-oneflow-api-token"] = nil
    local status, answer_headers, body = box.transport{
      method = method, path = (options.outside and "" or "/v1") .. path, query = options.query or "", headers = headers,
      body = options.body, token_sha256 = token and core.sha256(token),
    }
    return status, read(answer_headers, body), answer_headers
  end
end

function M.over_http(box)
  return function(method, path, options)
    options = options or {}
    local base = options.outside and string.gsub(box.base_url, "/v1$", "") or box.base_url
    local url = base .. path .. (options.query and "?" .. options.query or "")
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
    return tonumber(status), read(headers, body), headers
  end
end

return M

-- The emulator inside nginx: one worker, one Lua state, one emulator. Only this file sees the raw token: the emulator
-- gets its SHA-256.
local core = require "oneflow.core"
local control = require "oneflow.sandbox.control"
local deliver = require "oneflow.sandbox.deliver"
local filler = require "oneflow.sandbox.filler"
local sandbox = require "oneflow.sandbox"
local watch = require "oneflow.sandbox.watch"
local M = {}

local ngx = ngx
local assert, pairs, type = assert, pairs, type
local find, format, gsub, match = string.find, string.format, string.gsub, string.match
local concat = table.concat
local open = io.open

local TOKEN_HEADER = "x-oneflow-api-token"

local emulator, key_sha256

--- Called once, when the worker starts: reads the files of the supervisor.
function M.start(path)
  local file = assert(open(path, "rb"))
  local config = assert(core.decode(file:read("*a")))
  file:close()
  emulator = sandbox.new{ seed = config.seed, base_url = config.base_url }
  key_sha256 = config.control_key_sha256
  watch.parent(config.folder)
end

-- Repeated headers are joined, which HTTP defines as equivalent.
local function request_headers()
  local headers = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    headers[name] = type(value) == "table" and concat(value, ", ") or value
  end
  return headers
end

--- Answers the current request.
function M.serve()
  ngx.req.read_body()
  local headers = request_headers()
  local token = headers[TOKEN_HEADER]
  headers[TOKEN_HEADER] = nil
  -- The request line as it was sent: in nginx's own path the escapes are resolved.
  local target = gsub(ngx.var.request_uri, "^[^/?]+//[^/]*", "")
  local path, query = match(target, "^([^?]*)%??(.*)$")
  local request = {
    method = ngx.req.get_method(), path = path, query = query, headers = headers,
    body = ngx.req.get_body_data(), token_sha256 = token and core.sha256(token),
  }
  if token then ngx.var.token_sha256 = request.token_sha256 end -- for the access log
  local status, answer_headers, body
  if find(path, control.PREFIX .. "/", 1, true) == 1 then
    status, answer_headers, body = control.handle(emulator, key_sha256, request)
  else
    status, answer_headers, body = emulator:handle(request)
  end
  deliver.start(emulator)
  ngx.status = status
  for name, value in pairs(answer_headers) do ngx.header[name] = value end
  if type(body) == "string" then
    ngx.header["content-length"] = #body
    ngx.print(body)
    return
  end
  ngx.header["content-length"] = format("%d", body.size)
  for piece in filler.pieces(body) do
    if not ngx.print(piece) or not ngx.flush(true) then return end
  end
end

return M

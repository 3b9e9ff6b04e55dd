-- The smallest HTTP client that the controls need: one request on one connection to loopback, over luv.
local uv = require "luv"
local ascii = require "oneflow.base.ascii"
local M = {}

local pairs, tonumber = pairs, tonumber
local concat = table.concat
local format, match, sub = string.format, string.match, string.sub

local MILLISECONDS = 60000

local function parse(text)
  local status, rest = match(text, "^HTTP/1%.%d (%d%d%d)[^\r\n]*\r\n(.*)$")
  local head, body = match(rest or "", "^(.-)\r\n\r\n(.*)$")
  local length = head and tonumber(match(ascii.lower("\r\n" .. head), "\r\ncontent%-length: *(%d+)") or nil)
  if not length or #body < length then return nil, "the answer is not complete" end
  return tonumber(status), sub(body, 1, length)
end

local function compose(request)
  local body = request.body
  local lines = {
    format("%s %s HTTP/1.1", request.method, request.target),
    format("host: %s:%d", request.host, request.port), "connection: close",
  }
  for name, value in pairs(request.headers) do lines[#lines + 1] = name .. ": " .. value end
  if body then lines[#lines + 1] = format("content-length: %d", #body) end
  return concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

-- `done` is called once, with status and body, or nil and a message.
local function start(request, done)
  local socket, timer, pieces, finished = uv.new_tcp(), uv.new_timer(), {}, false
  local function finish(status, body)
    if finished then return end
    finished = true
    timer:close()
    socket:close()
    done(status, body)
  end
  timer:start(MILLISECONDS, 0, function() finish(nil, "no answer in time") end)
  socket:connect(request.host, request.port, function(err)
    if err then return finish(nil, err) end
    socket:read_start(function(read_err, piece)
      if read_err then return finish(nil, read_err) end
      if piece then
        pieces[#pieces + 1] = piece
      else
        finish(parse(concat(pieces)))
      end
    end)
    socket:write(compose(request))
  end)
end

--- Sends a request and waits for the answer: status and body, or nil and a message.
---@param request table host, port, method, target, headers, body (or nil)
function M.request(request)
  local answer
  start(request, function(status, body) answer = { status, body } end)
  while not answer do uv.run("once") end
  return answer[1], answer[2]
end

return M

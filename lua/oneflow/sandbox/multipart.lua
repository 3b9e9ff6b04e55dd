-- multipart/form-data, read from a whole body.
local ascii = require "oneflow.base.ascii"
local M = {}

local find, gmatch, gsub, match, sub = string.find, string.gmatch, string.gsub, string.match, string.sub
local lower = ascii.lower

-- The parameters of a header: name="value" or name=value. Browsers and curl write a quote in a file's name as %22.
local function parameters(text)
  local found = {}
  for name, value in gmatch(text, '([A-Za-z0-9%-*]+)[ \t]*=[ \t]*"([^"]*)"') do found[lower(name)] = value end
  for name, value in gmatch(text, "([A-Za-z0-9%-*]+)[ \t]*=[ \t]*([^\" \t\r\n;]+)") do
    found[lower(name)] = found[lower(name)] or value
  end
  return found
end

local function read_headers(text)
  local headers = {}
  for name, value in gmatch(text, "([^:\r\n]+):[ \t]*([^\r\n]*)") do headers[lower(name)] = value end
  return headers
end

--- The parts of a body: name -> { bytes, filename, content_type }; nil and what is wrong.
---@param content_type string|nil the request's header
---@param body string|nil
---@return table|nil parts
---@return string|nil problem
function M.parse(content_type, body)
  local kind = lower(match(content_type or "", "^[ \t]*([^; \t]*)"))
  if kind ~= "multipart/form-data" then return nil, "The body is no multipart/form-data." end
  local boundary = parameters(content_type).boundary
  if not boundary then return nil, "The content type names no boundary." end
  body = "\r\n" .. (body or "")
  local fence = "\r\n--" .. boundary
  local parts = {}
  local _, at = find(body, fence, 1, true)
  while at do
    if sub(body, at + 1, at + 2) == "--" then return parts end
    local _, line_end = find(body, "^[ \t]*\r\n", at + 1)
    local head_end, content_start = find(body, "\r\n\r\n", line_end and line_end - 1 or at, true)
    local next_start, next_end = find(body, fence, content_start and content_start - 1 or at, true)
    if not line_end or not head_end or not next_start then break end
    local headers = read_headers(sub(body, line_end + 1, head_end + 1))
    local disposition = parameters(headers["content-disposition"] or "")
    if not disposition.name then return nil, "A part has no name." end
    parts[disposition.name] = {
      bytes = sub(body, content_start + 1, next_start - 1), content_type = headers["content-type"],
      filename = disposition.filename and gsub(disposition.filename, "%%22", '"') or nil,
    }
    at = next_end
  end
  return nil, "The parts do not end with the boundary."
end

return M

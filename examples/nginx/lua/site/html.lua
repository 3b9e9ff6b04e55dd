-- HTML in which no external value can be markup: a value is escaped unless it was made here.
local getmetatable, ipairs, setmetatable, tostring, type = getmetatable, ipairs, setmetatable, tostring, type
local concat, gsub = table.concat, string.gsub
local ngx = ngx

local M = {}

local Fragment = {} -- { text = finished HTML }

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function text_of(value)
  if getmetatable(value) == Fragment then return value.text end
  if type(value) ~= "table" then return (gsub(tostring(value or ""), "[&<>\"']", ENTITIES)) end
  local texts = {}
  for i, item in ipairs(value) do texts[i] = text_of(item) end
  return concat(texts, "\n")
end

--- Fills {names} in a template; the items of a list are concatenated.
function M.fill(template, values)
  return setmetatable({ text = gsub(template, "{(%w+)}", function(name) return text_of(values[name]) end) }, Fragment)
end

local PAGE = [[<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1>
{body}
</body></html>
]]

--- Answers with a page; `body` is text or the result of `fill`. A page belongs to one visitor, so caches must not
--- keep it.
function M.page(status, title, body)
  if getmetatable(body) ~= Fragment then body = M.fill("<p>{text}</p>", { text = body }) end
  ngx.status = status
  local header = ngx.header
  header.content_type = "text/html; charset=utf-8"
  header.cache_control = "no-store"
  header.content_security_policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
  header.x_content_type_options = "nosniff"
  ngx.print(M.fill(PAGE, { title = title, body = body }).text)
  return ngx.exit(ngx.HTTP_OK) -- the status above; in access_by_lua this keeps the content from following
end

return M

-- Errors as pages, by kind. A page explains errors that the visitor can correct. Errors of the site or the service go
-- to the log, and the page says that the visitor did nothing wrong.
local html = require "site.html"

local error, ipairs, tostring, type = error, ipairs, tostring, type
local concat = table.concat
local ngx = ngx

local M = {}

-- kind -> status, title, text
local PAGES = {
  not_found = { 404, "No such contract", "There is no such contract, or you may not see it." },
  permission = { 403, "Not allowed", "You may not do this." },
  conflict = { 409, "Not possible now", "The contract is not in a state that allows this." },
  validation = { 400, "Not possible so", "The request has a mistake:" },
  rate_limit = { 503, "Too much at once", "The contract service asks for a pause. Try again in a while." },
  timeout = { 504, "No answer", "The contract service did not answer in time." },
}
-- These include `authentication`: the site's token or its list of users is wrong, which visitors need not know.
local OTHERS = { 502, "Out of order", "The contract service cannot be used at present. We have been told." }

local OUTCOMES = {
  not_sent = "Nothing was sent: you can try again.",
  refused = "Nothing was done.",
  unknown = "It may have been done all the same. Look at the contract before you try again.",
}

local BODY = '<p>{text}</p>{problems}{outcome}<p><a href="{back}">Back</a></p>'

--- Answers with the page of an error. Any other value is a mistake in this site and is raised again.
---@param err oneflow.Error
---@param changing string?  if the call was to change something: the address of the page to check
function M.page(err, changing)
  if type(err) ~= "table" or not err.kind then error(err, 0) end
  local page = PAGES[err.kind] or OTHERS
  local status = page[1]
  if status >= 500 then ngx.log(ngx.ERR, tostring(err)) end
  if err.kind == "rate_limit" then ngx.header.retry_after = err.retry_after or 10 end
  local problems = {}
  for i, problem in ipairs(err.kind == "validation" and err.problems or {}) do
    problems[i] = html.fill("<p>{path}: {messages}</p>", {
      path = problem.path, messages = concat(problem.messages, " "),
    })
  end
  return html.page(status, page[2], html.fill(BODY, {
    text = page[3], problems = problems, back = changing or "/contracts",
    outcome = changing and html.fill("<p><strong>{text}</strong></p>", { text = OUTCOMES[err.outcome] }),
  }))
end

return M

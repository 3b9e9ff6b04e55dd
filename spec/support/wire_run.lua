-- Every operation's good calls over real sockets, against the sandbox in nginx; then nginx's access log against what
-- spec/fixtures/wire.txt says by hand, in both directions. In a module of its own because a spec runs it with an
-- endpoint table that was changed, too.
local api = require "oneflow.api"
local core = require "oneflow.core"
local good_calls = require "spec.support.good_calls"
local host = require "spec.support.host"
local oneflow = require "oneflow"
local testing = require "oneflow.testing"
local wire_lines = require "spec.support.wire_lines"

local M = {}

local NOBODY = "-" -- as nginx writes that there is no such header

local function key(method, path, status, email, token)
  return string.format("%s %s %s user=%s token=%s", method, path, status, email, token)
end

-- The requests that the API received, from nginx's log: key -> count.
local function arrivals(text)
  local found, total = {}, 0
  for line in string.gmatch(text, "[^\n]+") do
    local method, target, status, email, token =
      string.match(line, '"(%u+) (%S+) HTTP/1%.1" (%d+) %d+ user="([^"]*)" token=(%S+)$')
    assert(method, "not a line of the access log: " .. line)
    local path = string.gsub(target, "%?.*$", "")
    if string.sub(path, 1, 10) ~= "/_sandbox/" then -- the sandbox's own controls
      local arrival = key(method, path, status, email, token)
      found[arrival], total = (found[arrival] or 0) + 1, total + 1
    end
  end
  return found, total
end

-- If the page requires a user, a call as the administrator is refused, and nothing arrives.
local function refused(call, admin)
  local value, err = call(admin)
  local problem = value == nil and err.kind == "validation" and err.outcome == "not_sent" and err.problems[1]
  if not problem or problem.path ~= "as" then error("is not refused to the anonymous administrator", 0) end
end

-- The acting user, and the e-mail address that must arrive. Everything is called twice: by users, and where allowed
-- without one.
local function caller(line, user, client, named)
  if named or line.email == "required" then return assert(client:user(user)), user end
  if line.email == "free" then return client, NOBODY end
  return assert(client:user(oneflow.ANONYMOUS_ADMIN)), NOBODY
end

--- What is wrong, a line each, and how many calls arrived.
---@return string[] problems, integer arrived
function M.run()
  local log = host.folder() .. "/access.log"
  local box = testing.server { access_log = log }
  local client, token = box:client(), core.sha256(box.token)
  local lines, expected, called, problems = wire_lines.read(), {}, {}, {}

  for _, named in ipairs { true, false } do
    box:reset()
    local found = good_calls.each(function(name, user, ids, call)
      local line = lines[name] or error("is called, and has no line", 0)
      local who, email = caller(line, user, client, named)
      if not named and line.email == "required" then refused(call, assert(client:user(oneflow.ANONYMOUS_ADMIN))) end
      local arrival = key(line.method, "/v1" .. wire_lines.path(line, ids), "200", email, token)
      expected[#expected + 1], called[name] = { name = name, arrival = arrival }, true
      return call(who)
    end)
    for _, problem in ipairs(found) do problems[#problems + 1] = problem end
  end
  client:close()
  box:stop()

  for name in pairs(api.operations) do
    if not lines[name] then problems[#problems + 1] = name .. ": has no line" end
    if not called[name] then problems[#problems + 1] = name .. ": is never called" end
  end
  for name in pairs(lines) do
    if not api.operations[name] then problems[#problems + 1] = name .. ": has a line, and is not in the table" end
  end
  local arrived, total = arrivals(assert(host.read(log)))
  for _, each in ipairs(expected) do
    local left = arrived[each.arrival]
    if not left then problems[#problems + 1] = each.name .. ": did not arrive: " .. each.arrival end
    arrived[each.arrival] = left and left > 1 and left - 1 or nil
  end
  for arrival in pairs(arrived) do problems[#problems + 1] = "arrived, and has no line: " .. arrival end
  table.sort(problems)
  return problems, total
end

return M

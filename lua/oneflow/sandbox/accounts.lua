-- The operations around the contracts: the service itself, the account, its users and template types.
-- Handlers as in contracts.lua.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local time = require "oneflow.sandbox.time"
local M = {}

local ipairs, next = ipairs, next
local null, array = core.null, core.array

function M.root()
  return shapes.welcome()
end

function M.ping()
  return {}
end

M["account.get"] = function(call)
  return shapes.account(call.base_url, call.actor.account)
end

M["user.list"] = function(call)
  local asked = query.parse(call.query)
  query.filters(asked, call.operation.filters, {})
  local users = {}
  for i, user in ipairs(call.actor.account.user_list) do users[i] = user end
  query.sort(asked, users, call.operation.sort)
  return query.page(asked, call.base_url, call.operation.path, users, function(user)
    return shapes.user(call.base_url, user)
  end)
end

-- Who may make one is written nowhere: anyone here. It is answered and not kept, for nothing here reads it.
M["template_type.create"] = function(call)
  call.assumed = true
  local problems = check.object(call.body, call.operation.body)
  if next(problems) then answer.refuse(400, { problems = problems }) end
  local now, id = time.iso(call.store.clock()), call.store:next_id()
  return {
    _links = { self = { href = call.base_url .. "/template_types" } }, id = id,
    name = call.body.name, description = call.body.description or "", active = true,
    data_fields = array{}, extension_type = null, created_time = now, updated_time = now,
  }
end

return M

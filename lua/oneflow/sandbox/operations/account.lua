-- The operations around the contracts: the service itself, the account, its users, its log, the codes of its errors.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local M = {}

local ipairs, tonumber = ipairs, tonumber
local match = string.match
local floor = math.floor
local null = core.null

function M.root()
  return {
    api_version = "v1", description = "The public API of Oneflow, emulated.",
    documentation = "https://developer.oneflow.com/docs/intro", message = "Welcome to the sandbox.",
  }
end

function M.ping()
  return {}
end

M["account.get"] = function(call)
  local account = call.actor.account
  return {
    _links = { self = links.to(call.base_url, "account.get") },
    country_code = account.country_code, created_time = account.created_time, id = account.id,
    name = account.name, registration_number = account.registration_number,
    token_info = { integration = { id = null, key = "custom" } },
    updated_time = account.created_time,
  }
end

-- Users --------------------------------------------------------------------------------------------------------

local function shape_user(call, user)
  return {
    _links = { self = links.to(call.base_url, "user.get", user.id) },
    active = user.active, email = user.email, id = user.id, is_admin = user.is_admin, name = user.name,
    phone_number = user.phone_number, state = "registered", title = user.title,
  }
end

M["user.list"] = function(call)
  return lists.answer(call, call.actor.account.user_list, function(user) return shape_user(call, user) end)
end

M["user.get"] = function(call)
  local id = match(call.ids.user, "^[1-9]%d*$")
  for _, user in ipairs(call.actor.account.user_list) do
    if user.id == tonumber(id) then return shape_user(call, user) end
  end
  answer.refuse(404)
end

-- Log and error codes ------------------------------------------------------------------------------------------

M["log.list"] = function(call)
  guard.admin(call, true)
  return lists.answer(call, call.actor.account.log, function(entry) return entry end)
end

M["error_code.get"] = function(call)
  local code = tonumber(match(call.ids.error_code, "^%d%d%d%d%d%d%d$"))
  local title = code and answer.TITLES[floor(code / 10000)] or answer.refuse(404)
  return { error_code = code, title = title, description = answer.describe(code) }
end

return M

-- Who a call is made as. An acting user inside the library is an e-mail string or ANONYMOUS_ADMIN; there is
-- no value that stands for "nobody in particular".
local core = require "oneflow.core"
local usage = require "oneflow.usage"

local type = type

local M = {}

local ADMIN_TYPE = {
  __metatable = false,
  __tostring = function() return "oneflow.ANONYMOUS_ADMIN" end,
}

--- The account's anonymous administrator: the call carries no user at all. Said aloud, never a default.
M.ANONYMOUS_ADMIN = core.seal({}, ADMIN_TYPE)

--- nil, false, "" and null: what a variable holds when nobody is signed in.
---@return boolean
function M.missing(value)
  return value == nil or value == false or value == "" or value == core.null
end

--- For errors and logs.
---@return string?
function M.label(user)
  if user == M.ANONYMOUS_ADMIN then return "anonymous administrator" end
  return user
end

--- A string or ANONYMOUS_ADMIN as an acting user; other values are the caller's to resolve before.
---@return any user
---@return string? problem
function M.read(value)
  if value == M.ANONYMOUS_ADMIN then return value end
  if type(value) ~= "string" then
    usage.raise("an acting user is an e-mail address, a user record or oneflow.ANONYMOUS_ADMIN, got " .. type(value))
  end
  local good, problem = core.check_user(value)
  if not good then return nil, problem end
  return value
end

--- What the core is given: the e-mail, or nil for no header.
---@return string?
function M.header(user)
  if user == M.ANONYMOUS_ADMIN then return nil end
  return user
end

return M

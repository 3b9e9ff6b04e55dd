-- The acting user of a call. In the library it is an e-mail string, ANONYMOUS_ADMIN or CREATOR; there is no value for
-- "no user".
local core = require "oneflow.core"
local usage = require "oneflow.errors.usage"

local format, type = string.format, type

local M = {}

local function constant(name)
  return core.seal({}, { __metatable = false, __tostring = function() return name end })
end

--- The account's anonymous administrator: the call has no user header. Must be chosen explicitly, is never a default.
M.ANONYMOUS_ADMIN = constant "oneflow.ANONYMOUS_ADMIN"

--- The person who created the contract that the path names. No page describes it: the connector of
--- Oneflow AB does so. For one call on the client; no user of it can be made.
M.CREATOR = constant "oneflow.CREATOR"
local CREATOR = M.CREATOR

local CREATOR_HEADER = "__CREATOR__"

--- Their names in errors and logs.
M.LABELS = { [M.ANONYMOUS_ADMIN] = "anonymous administrator", [CREATOR] = "the contract's creator" }

--- nil, false, "" and null: values of a variable when nobody has signed in.
---@return boolean
function M.missing(value)
  return value == nil or value == false or value == "" or value == core.null
end

--- For errors and logs.
---@return string?
function M.label(user)
  return M.LABELS[user] or user
end

--- Checks a string or one of the constants as an acting user; the caller resolves other values before.
---@return any user
---@return string? problem
function M.read(value)
  if M.LABELS[value] then return value end
  if type(value) ~= "string" then
    usage.raise("an acting user is an e-mail address, a user record or oneflow.ANONYMOUS_ADMIN, got " .. type(value))
  end
  local good, problem = core.check_user(value)
  if not good then return nil, problem end
  return value
end

--- The value for the core: the e-mail address, or nil for no header.
---@return string?
function M.header(user)
  if user == M.ANONYMOUS_ADMIN then return nil end
  if user == CREATOR then return CREATOR_HEADER end
  return user
end

--- The acting user of one call.
---@param scope table  { client =, user = (of a user object), made_as = (of the results of a call on the client with
---  `as`) }
---@param operation table
---@param opts table
---@return any? user, string? problem
function M.choose(scope, operation, opts)
  if scope.user then
    if opts.as ~= nil then
      usage.raise(format("%s: a user object acts as one user only (%s): its options must not have `as`",
        operation.name, M.label(scope.user)))
    end
    return scope.user
  end
  local as = opts.as
  if M.missing(as) then
    if operation.as == "none" and as == nil then return nil end
    usage.raise(format("%s: no acting user: call it through client:user(\"anna@example.com\"), or pass "
      .. "{ as = \"anna@example.com\" }; oneflow.ANONYMOUS_ADMIN is the anonymous administrator",
      operation.name))
  end
  local user, problem = scope.client.resolve(as)
  if user == CREATOR and not operation.of_contract then
    usage.raise(format("%s: oneflow.CREATOR acts as the creator of the contract in the path, and this path names none",
      operation.name))
  end
  if user and scope.made_as and user ~= scope.made_as then
    usage.raise(format("%s: this is the result of a call as %s, and belongs to that user: make a new handle through "
      .. "the client, or through another user", operation.name, M.label(scope.made_as)))
  end
  return user, problem
end

--- The scope of a call's results. They belong to the call's user: on an item, a page or an iterator from a call on the
--- client with `as`, no other user can be named.
---@param scope table
---@param opts table  of the call
---@return table scope
function M.made(scope, opts)
  if scope.user or scope.made_as or M.missing(opts.as) then return scope end
  return { client = scope.client, made_as = scope.client.resolve(opts.as) }
end

return M

-- The service's signature: SHA-1 of the callback id followed by the sign key. It proves that the sender knows the key,
-- or has seen a call; it says nothing about the body.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local delivery = require "oneflow.webhook.delivery"
local errors = require "oneflow.errors"
local usage = require "oneflow.errors.usage"

local type = type
local find, format = string.find, string.format

local M = {}

local function expect(what, value)
  if type(value) ~= "string" then usage.raise(format("webhook: %s: string expected, got %s", what, type(value))) end
  return value
end

--- The signature of a call, computed as the service does: 40 lower-case hex digits.
---@param callback_id string
---@param sign_key string
---@return string
function M.sign(callback_id, sign_key)
  return core.sha1(expect("callback_id", callback_id) .. expect("sign_key", sign_key))
end

local function refuse(message)
  return nil, delivery.refusal("signature", { problems = errors.problem("body.signature", message) })
end

--- Is it the signature of this callback id? Compares in constant time; upper-case hex digits are accepted.
---@param callback_id string
---@param signature any  from the body
---@param sign_key string
---@return true?, oneflow.Error? err  signature: missing, no 40 hex digits, another
function M.verify(callback_id, signature, sign_key)
  local expected = M.sign(callback_id, sign_key)
  if signature == nil or signature == core.null then
    return refuse("is missing: the webhook was made without a sign key, or it is not the service that calls")
  end
  if type(signature) ~= "string" or #signature ~= #expected or find(signature, "%X") then
    return refuse("is not 40 hex digits")
  end
  if not core.equal(ascii.lower(signature), expected) then return refuse("is not made with the sign key") end
  return true
end

return M

-- Token and e-mail of a request -> the actor, or a refusal. The account's door comes first.
local answer = require "oneflow.sandbox.answer"
local M = {}

local USER_HEADER = "x-oneflow-user-email"

--- The token's record and what the journal calls it: its name, "none", "unknown" or "revoked:NAME".
function M.token(emulator, hash)
  if not hash then return nil, "none" end
  local token = emulator.tokens:find(hash)
  if not token then return nil, "unknown" end
  if token.revoked then return nil, "revoked:" .. token.name end
  return token, token.name
end

--- The actor of a request; refuses with 401, or with 400 where a user is required and none came.
---@param token table|nil the record that `token` found
---@param email string|nil the header as it came
---@param rule string the endpoint table's `as`
function M.actor(emulator, token, email, rule)
  if not token then
    answer.refuse(401, { detail = "The API token is missing or invalid." })
  end
  local account = emulator.store:account(token.account_id)
  if not account.extension then
    answer.refuse(401, { detail = "The API token extension of the account is off.", assumed = true })
  end
  if email == nil then
    if rule == "required" then
      local problems = { [USER_HEADER] = { "This operation needs a user." } }
      answer.refuse(400, { problems = problems, assumed = true })
    end
    return { account = account }
  end
  local user = emulator.store:user(email, account)
  if not user then
    answer.refuse(401, { detail = "The user e-mail is not that of a user of the account." })
  end
  if not user.active then
    answer.refuse(401, { detail = "The user is not active.", assumed = true })
  end
  return { account = account, user = user }
end

return M

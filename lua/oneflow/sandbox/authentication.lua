-- Token and e-mail of a request -> the actor, or a refusal. The account's access is checked first.
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local M = {}

local ipairs = ipairs

local USER_HEADER = "x-oneflow-user-email"

-- In place of an e-mail: who created the contract of the path. On no page; the connector of Oneflow AB does so.
local CREATOR = "__CREATOR__"

-- Of a contract of the seed, the first user among the owner's people, or else of the account.
local function creator_of(account, contract_id)
  local record = account.contracts[check.id(contract_id) or 0]
  if not record then return nil end
  if record.creator then return record.creator end
  for _, person in ipairs(record.parties[1].people) do
    if account.users[person.email] then return account.users[person.email] end
  end
  return account.user_list[1]
end

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
---@param contract_id string|nil of the path
---@return table actor
---@return boolean assumed
function M.actor(emulator, token, email, rule, contract_id)
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
    return { account = account }, false
  end
  local creator = email == CREATOR
  local user
  if creator then user = creator_of(account, contract_id) else user = emulator.store:user(email, account) end
  if not user then
    answer.refuse(401, { detail = "The user e-mail is not that of a user of the account.", assumed = creator })
  end
  if not user.active then
    answer.refuse(401, { detail = "The user is not active.", assumed = true })
  end
  return { account = account, user = user }, creator
end

return M

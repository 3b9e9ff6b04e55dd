-- The API tokens of all accounts. `generate` returns a secret once; only its SHA-256 is stored.
local ascii = require "oneflow.base.ascii"
local random = require "oneflow.sandbox.random"
local M = {}
M.__index = M

local setmetatable, pairs = setmetatable, pairs
local sort = table.sort
local LENGTH = 40

function M.new(sha256)
  return setmetatable({ sha256 = sha256, by_hash = {} }, M)
end

local function named(self, account_id, name)
  for _, token in pairs(self.by_hash) do
    if token.account_id == account_id and token.name == name and not token.revoked then return token end
  end
end

--- Returns the secret, or nil if a valid token of that account has the name.
function M:generate(account_id, name, created_time)
  if named(self, account_id, name) then return nil end
  local secret = random.text(LENGTH)
  self.by_hash[self.sha256(secret)] = { account_id = account_id, name = name, created_time = created_time }
  return secret
end

--- Names and times of the valid tokens, never the secrets.
function M:list(account_id)
  local list = {}
  for _, token in pairs(self.by_hash) do
    if token.account_id == account_id and not token.revoked then
      list[#list + 1] = { name = token.name, created_time = token.created_time }
    end
  end
  sort(list, function(a, b) return ascii.before(a.name, b.name) end)
  return list
end

--- Final: the record is kept, so that the journal can name the token of a request, and nothing can undo it.
function M:revoke(account_id, name)
  local token = named(self, account_id, name)
  if not token then return false end
  token.revoked = true
  return true
end

function M:find(hash)
  return self.by_hash[hash]
end

return M

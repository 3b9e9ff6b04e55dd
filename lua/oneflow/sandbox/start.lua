-- The description that a sandbox prints when it is ready, with a first token for each account. Tokens are created with
-- the controls like any other; their secrets are shown only here.
local core = require "oneflow.core"

local ipairs = ipairs
local TOKEN_NAME = "start"

--- The description of a started sandbox; its top-level fields are those of the first account.
---@param run fun(name: string, arguments: table): table runs a control, raises when it cannot
---@return table { base_url, token, users, contracts, accounts }
return function(run)
  local description = run("describe", {})
  for _, account in ipairs(description.accounts) do
    account.token = account.extension
      and run("generate_token", { name = TOKEN_NAME, account = account.name }).token or core.null
  end
  local first = description.accounts[1]
  description.token, description.users, description.contracts = first.token, first.users, first.contracts
  return description
end

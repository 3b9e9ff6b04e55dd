-- What one may do to a sandbox from outside the API. This one table is the HTTP routes under /_sandbox/, the
-- sub-commands of `oneflow sandbox`, and the methods of the boxes of `oneflow.testing`.
--
-- A control's fields:
--   name           the method of a box
--   method, path   the HTTP route below /_sandbox; arguments as a JSON object, in GET and DELETE as a query
--   commands       sub-commands: words -> arguments that these words mean already
--   fields         arguments in order, as the endpoint table writes fields, with `help`; a box's method takes
--                  them in that order, and a table in the place of one gives the rest by name
--   result         the field of the answer that the method gives back (else the whole answer)
--   run            function(emulator, arguments, account) -> answer, or nil and what was wrong; the account of a
--                  control that has this field
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local api = require "oneflow.api"
local contract_controls = require "oneflow.sandbox.contract_controls"
local store = require "oneflow.sandbox.store"
local time = require "oneflow.sandbox.time"
local webhooks = require "oneflow.sandbox.webhooks"

local ipairs, pairs = ipairs, pairs
local format = string.format
local sort = table.sort
local array = core.array

local WEBHOOK = api.operations["webhook.create"].body

local ACCOUNT = {
  name = "account", type = "string", help = "Name or id of the account; the first when left out.",
}

-- The user's roles by workspace, and the strongest of them as one word.
local function describe_user(user)
  local actor = { account = user.account, user = user }
  local role, roles = "none", array{}
  for id in pairs(user.account.workspaces) do
    local here = access.role(actor, id)
    if here then
      roles[#roles + 1] = { workspace_id = id, role = here }
      if role ~= "user" then role = here end
    end
  end
  sort(roles, function(a, b) return a.workspace_id < b.workspace_id end)
  return { email = user.email, name = user.name, role = role, roles = roles, active = user.active }
end

local function described(records)
  local list = array{}
  for _, record in pairs(records) do list[#list + 1] = { id = record.id, name = record.name } end
  sort(list, function(a, b) return a.id < b.id end)
  return list
end

local function describe_account(account)
  local users, contracts = array{}, array{}
  for i, user in ipairs(account.user_list) do users[i] = describe_user(user) end
  for record in store.contracts(account) do contracts[#contracts + 1] = record.id end
  return {
    id = account.id, name = account.name, plan = account.plan, extension = account.extension,
    users = users, contracts = contracts,
    workspaces = described(account.workspaces), templates = described(account.templates),
  }
end

local controls = {
  {
    name = "describe", method = "GET", path = "/", commands = { show = {} }, fields = {},
    help = "Shows accounts, users with their roles, contracts, workspaces and templates.",
    run = function(emulator)
      local accounts = array{}
      for i, account in ipairs(emulator.store.accounts) do accounts[i] = describe_account(account) end
      return { base_url = emulator.base_url, accounts = accounts }
    end,
  },
  {
    name = "journal", method = "GET", path = "/journal", commands = { journal = {} }, fields = {},
    result = "entries",
    help = "Lists every request that arrived: operation, token's name, user, status.",
    run = function(emulator) return { entries = array(emulator.journal:list()) } end,
  },
  {
    name = "clear_journal", method = "DELETE", path = "/journal", commands = { ["clear-journal"] = {} },
    fields = {},
    help = "Forgets the requests that arrived so far.",
    run = function(emulator)
      emulator.journal:clear()
      return {}
    end,
  },
  {
    name = "set_extension", method = "POST", path = "/extension",
    commands = { ["extension on"] = { on = true }, ["extension off"] = { on = false } },
    fields = { { name = "on", type = "boolean", required = true, help = "On or off." }, ACCOUNT },
    help = "Switches the account's API-token extension: while off, no token is made and none works.",
    run = function(_, arguments, account)
      account.extension = arguments.on
      return { extension = account.extension }
    end,
  },
  {
    name = "generate_token", method = "POST", path = "/tokens", commands = { ["token generate"] = {} },
    fields = {
      { name = "name", type = "string", min = 1, max = 100, required = true, help = "What to call it." },
      ACCOUNT,
    },
    result = "token",
    help = "Makes an API token and shows it, this once.",
    run = function(emulator, arguments, account)
      if not account.extension then return nil, "The API-token extension of the account is off." end
      local secret = emulator.tokens:generate(account.id, arguments.name, time.iso(emulator.clock()))
      if not secret then return nil, format("There is a token named %s.", arguments.name) end
      return { token = secret }
    end,
  },
  {
    name = "list_tokens", method = "GET", path = "/tokens", commands = { ["token list"] = {} },
    fields = { ACCOUNT }, result = "tokens",
    help = "Lists the living tokens by name. A secret is never shown again.",
    run = function(emulator, _, account)
      return { tokens = array(emulator.tokens:list(account.id)) }
    end,
  },
  {
    name = "revoke_token", method = "DELETE", path = "/tokens", commands = { ["token revoke"] = {} },
    fields = { { name = "name", type = "string", required = true, help = "The token's name." }, ACCOUNT },
    help = "Revokes a token, for good.",
    run = function(emulator, arguments, account)
      if not emulator.tokens:revoke(account.id, arguments.name) then
        return nil, format("No token named %s.", arguments.name)
      end
      return {}
    end,
  },
  {
    name = "set_user", method = "POST", path = "/users",
    commands = { ["user activate"] = { active = true }, ["user deactivate"] = { active = false } },
    fields = {
      { name = "email", type = "string", required = true, help = "The user's e-mail address." },
      { name = "active", type = "boolean", required = true, help = "Whether the user may do anything." },
    },
    help = "Makes a user active or inactive.",
    run = function(emulator, arguments)
      local user = emulator.store:user(arguments.email)
      if not user then return nil, format("No user %s.", arguments.email) end
      user.active = arguments.active
      return describe_user(user)
    end,
  },
  {
    name = "fault", method = "POST", path = "/faults", commands = { fault = {} },
    fields = {
      { name = "operation", type = "string", required = true, help = "Such as contract.publish." },
      { name = "status", type = "integer", min = 200, max = 599, required = true, help = "The HTTP status." },
      { name = "times", type = "integer", min = 1, help = "How many calls it meets; 1 when left out." },
      { name = "body", type = "any", help = "The body; without one it has the service's error shape." },
      { name = "headers", type = "any_object", help = "Further headers." },
    },
    help = "Makes the next calls of an operation fail, without doing anything.",
    run = function(emulator, arguments)
      if not api.operations[arguments.operation] then
        return nil, format("No operation %s.", arguments.operation)
      end
      emulator.faults[#emulator.faults + 1] = {
        operation = arguments.operation, status = arguments.status, times = arguments.times or 1,
        body = arguments.body, headers = arguments.headers,
      }
      return {}
    end,
  },
  {
    name = "set_role", method = "POST", path = "/roles", commands = { ["user role"] = {} },
    fields = {
      { name = "email", type = "string", required = true, help = "The user's e-mail address." },
      { name = "workspace_id", type = "id", required = true, help = "The workspace." },
      { name = "role", type = "string", enum = { "user", "viewer", "none" }, required = true,
        help = "user, viewer, or none." },
    },
    help = "Gives a user a role in a workspace, or takes it away.",
    run = function(emulator, arguments)
      local user = emulator.store:user(arguments.email)
      if not user then return nil, format("No user %s.", arguments.email) end
      if not user.account.workspaces[arguments.workspace_id] then
        return nil, format("The user's account has no workspace %d.", arguments.workspace_id)
      end
      user.roles[arguments.workspace_id] = arguments.role ~= "none" and arguments.role or nil
      user.account.version = user.account.version + 1
      return describe_user(user)
    end,
  },
  {
    name = "set_plan", method = "POST", path = "/plan",
    commands = { ["plan free"] = { plan = "free" }, ["plan business"] = { plan = "business" } },
    fields = {
      { name = "plan", type = "string", enum = { "free", "business" }, required = true, help = "free, or business." },
      ACCOUNT,
    },
    help = "Puts an account on a plan: on the free one nothing is published.",
    run = function(_, arguments, account)
      account.plan = arguments.plan
      return { plan = account.plan }
    end,
  },
  {
    name = "add_webhook", method = "POST", path = "/webhooks", commands = { ["webhook add"] = {} },
    fields = {
      { name = "callback_url", type = "url", required = true, help = "Where to post: an address of this machine." },
      { name = "sign_key", type = "string", min = 1, help = "What signs the calls; without it none is signed." },
      { name = "filters", type = "list", of = WEBHOOK.filters.of, help = "As the service has them, in JSON." },
      { name = "template_group_id", type = "id", help = "Only contracts of this template type." },
      ACCOUNT,
    },
    result = "id",
    help = "Subscribes an address to the account's events.",
    run = function(emulator, arguments, account)
      return { id = webhooks.subscribe(emulator.store, account, arguments).id }
    end,
  },
  {
    name = "emit", method = "POST", path = "/events", commands = { emit = {} },
    fields = {
      { name = "contract", type = "id", required = true, help = "The contract's id." },
      { name = "type", type = "string", required = true, help = "Such as contract:sign." },
      ACCOUNT,
    },
    help = "Tells the account's webhooks of an event, which need not have happened.",
    run = function(emulator, arguments, account)
      local record = account.contracts[arguments.contract]
      if not record then return nil, format("No contract %d.", arguments.contract) end
      webhooks.emit(emulator.store, record, { arguments.type })
      return {}
    end,
  },
  {
    name = "deliveries", method = "GET", path = "/deliveries", commands = { deliveries = {} }, fields = {},
    result = "deliveries",
    help = "Lists what was, or is to be, posted to webhooks, with every try and how it went.",
    run = function(emulator) return { deliveries = webhooks.deliveries(emulator.store) } end,
  },
  {
    name = "scale_retries", method = "POST", path = "/retries", commands = { ["webhook retries"] = {} },
    fields = {
      { name = "scale", type = "number", required = true, help = "0.001: the waits are a thousand times shorter." },
    },
    help = "Shortens the waits between the tries of a webhook delivery: 1, 5, 10, 30, 60, 300, 600, 1800, 3600 s.",
    run = function(emulator, arguments)
      if arguments.scale < 0 or arguments.scale > 1 then return nil, "scale: Must be from 0 to 1." end
      emulator.store.retry_scale = arguments.scale
      return {}
    end,
  },
  {
    name = "reset", method = "POST", path = "/reset", commands = { reset = {} }, fields = {},
    help = "Goes back to the seed. Tokens stay as they are: living ones live, revoked ones are revoked.",
    run = function(emulator)
      emulator:reset()
      return {}
    end,
  },
}

for _, control in ipairs(contract_controls.list(ACCOUNT)) do controls[#controls + 1] = control end

return controls

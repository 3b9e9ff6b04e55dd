-- Who may do what. An actor is { account, user }; without a user it is the anonymous administrator.
local parties = require "oneflow.sandbox.parties"
local M = {}

local ALL = { see = true, create = true, update = true, publish = true, delete = true }

--- What a role may do in a workspace.
M.RIGHTS = {
  admin = ALL,
  user = ALL,
  viewer = { see = true },
}

function M.is_admin(actor)
  return actor.user == nil or actor.user.is_admin
end

--- The actor's role in a workspace: "admin", "user", "viewer", or nil for none.
function M.role(actor, workspace_id)
  if M.is_admin(actor) then return "admin" end
  return actor.user.roles[workspace_id]
end

--- May the actor do `action` ("see", "create", "update", "publish", "delete") in a workspace?
function M.may(actor, action, workspace_id)
  local rights = M.RIGHTS[M.role(actor, workspace_id) or ""]
  return rights ~= nil and rights[action] == true
end

--- The side from which the actor sees a contract: "owner" through a role in its workspace, or as one of the owner's
--- people; "counterparty" as one of the others, once it is published; nil: not at all.
function M.side(actor, record)
  if M.may(actor, "see", record.workspace_id) then return "owner" end
  if record.state == "draft" then return nil end
  local email = actor.user.email
  for person, party in parties.people(record) do
    if person.email == email then return party.mine and "owner" or "counterparty" end
  end
end

return M

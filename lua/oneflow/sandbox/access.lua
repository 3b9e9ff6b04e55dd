-- Who may do what. An actor is { account, user }; without a user it is the anonymous administrator.
local M = {}

local ALL = { see = true, create = true, update = true, publish = true, delete = true }

--- What a role may do in a workspace.
M.RIGHTS = {
  admin = ALL,
  user = ALL,
  viewer = { see = true },
}

--- The actor's role in a workspace: "admin", "user", "viewer", or nil for none.
function M.role(actor, workspace_id)
  local user = actor.user
  if not user or user.is_admin then return "admin" end
  return user.roles[workspace_id]
end

--- May the actor do `action` ("see", "create", "update", "publish", "delete") in a workspace?
function M.may(actor, action, workspace_id)
  local rights = M.RIGHTS[M.role(actor, workspace_id) or ""]
  return rights ~= nil and rights[action] == true
end

return M

-- The checks before an operation: does the item exist, may the actor see it, may the actor do this to it? Missing and
-- hidden items give the same answer.
local access = require "oneflow.sandbox.access"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local parties = require "oneflow.sandbox.parties"
local shapes = require "oneflow.sandbox.shapes"
local signing = require "oneflow.sandbox.signing"
local M = {}

local ipairs, pairs = ipairs, pairs
local refuse = answer.refuse

--- The contract of the path, if the actor may see it, and from which side; otherwise nil, and whether it exists.
function M.visible(call)
  local id = check.id(call.ids.contract)
  local record = id and call.actor.account.contracts[id]
  local side = record and access.side(call.actor, record)
  if side then return record, side end
  return nil, record ~= nil
end

--- The contract of the path, for operations that only read it.
---@return table record
---@return table viewer as shapes.lua takes it
function M.contract(call)
  local record, side = M.visible(call)
  if not record then refuse(404) end
  -- A participant without a role in the workspace: no page says how the service treats them.
  local role = access.role(call.actor, record.workspace_id)
  call.assumed = call.assumed or not role
  return record, { base_url = call.base_url, actor = call.actor, ownerside = side == "owner" }
end

--- The contract of the path, for an action of access.lua.
function M.contract_to(call, action)
  local record, viewer = M.contract(call)
  if not access.may(call.actor, action, record.workspace_id) then refuse(403, { assumed = call.assumed }) end
  return record, viewer
end

--- The contract of the path, for a change of its content: refused once it is signed or declined.
function M.open_contract(call)
  local record, viewer = M.contract_to(call, "update")
  if record.state == "signed" or record.state == "declined" then refuse(409) end
  return record, viewer
end

--- The actor as a participant: the owner side's person with the user's e-mail address, if there is one.
function M.actor_of(call, record)
  local user = call.actor.user
  local person, party = parties.owner_person(record, user and user.email or "")
  return { party = party, participant = person }
end

--- A change of the contract's content by the actor: what was signed before is to be signed again. -> its time
function M.changed(call, record, event_type)
  local now, actor = call.store:changed(record), M.actor_of(call, record)
  if signing.reset(call.store, record, actor) then call.assumed = true end
  call.store:happen(record, event_type, actor)
  return now
end

--- The fields of a body that the endpoint table has; refuses a body that breaks its rules. Other fields have no effect.
function M.body(call)
  local problems, assumed = check.body(call.operation, call.body)
  answer.refuse_problems(problems)
  call.assumed = call.assumed or assumed
  local known = {}
  for name in pairs(call.operation.body) do known[name] = call.body[name] end
  return known
end

--- A record of a map of the account by the path's id; refuses with 404.
function M.of(call, map, name)
  return map[check.id(call.ids[name]) or 0] or refuse(404)
end

--- Refuses with 403, unless the actor is an administrator.
function M.admin(call, assumed)
  if not access.is_admin(call.actor) then refuse(403, { assumed = assumed }) end
end

--- A workspace in which the actor may do an action: 404 for what is not seen, 403 for what is not allowed.
function M.workspace(call, id, action, detail)
  local workspace = call.actor.account.workspaces[id]
  if not workspace or not access.may(call.actor, "see", id) then refuse(404) end
  if not access.may(call.actor, action, id) then refuse(403, { detail = detail }) end
  return workspace
end

--- May the actor see the template, through one of its workspaces?
function M.sees_template(call, template)
  for _, id in ipairs(template.workspaces) do
    if access.may(call.actor, "see", id) then return true end
  end
  return access.is_admin(call.actor)
end

--- The template of the path.
function M.template(call)
  local template = M.of(call, call.actor.account.templates, "template")
  if not M.sees_template(call, template) then refuse(404) end
  return template
end

--- A contract as the viewer sees it.
function M.shape(call, record, viewer)
  return shapes.contract(viewer, record, call.store)
end

return M

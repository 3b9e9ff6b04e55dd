-- Workspaces, and what belongs to them: folders and contacts.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local answer = require "oneflow.sandbox.answer"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local store = require "oneflow.sandbox.store"
local M = {}

local find, lower = string.find, ascii.lower
local ipairs, pairs = ipairs, pairs
local array, null = core.array, core.null
local refuse = answer.refuse

-- The records of a map that are in workspaces which the actor sees.
local function seen(call, map, workspace_of)
  local list = {}
  for _, record in ipairs(store.sorted(map)) do
    if access.may(call.actor, "see", workspace_of(record)) then list[#list + 1] = record end
  end
  return list
end

local function own_id(record) return record.id end
local function workspace_id(record) return record.workspace_id end

-- Workspaces ---------------------------------------------------------------------------------------------------

local function shape_workspace(call, workspace)
  local account = call.actor.account
  return {
    _links = { self = links.to(call.base_url, "workspace.get", workspace.id) },
    _permissions = { ["contract:create"] = access.may(call.actor, "create", workspace.id) },
    _integration_permissions = array{},
    company_name = account.name, country_code = account.country_code, created_time = account.created_time,
    date_format = "YYYY-MM-DD", description = workspace.description or "", id = workspace.id, name = workspace.name,
    registration_number = account.registration_number, type = "shared", updated_time = null,
  }
end

local function filters(call)
  return {
    id = function(value) return query.ids(value, own_id) end,
    -- No page says how names are compared.
    name = function(value)
      call.assumed = true
      local word = lower(value)
      return function(workspace) return find(lower(workspace.name), word, 1, true) ~= nil end
    end,
  }
end

M["workspace.list"] = function(call)
  return lists.answer(call, seen(call, call.actor.account.workspaces, own_id), function(workspace)
    return shape_workspace(call, workspace)
  end, filters(call))
end

M["workspace.get"] = function(call)
  local workspace = guard.of(call, call.actor.account.workspaces, "workspace")
  guard.workspace(call, workspace.id, "see")
  return shape_workspace(call, workspace)
end

-- Folders ------------------------------------------------------------------------------------------------------

local function shape_folder(call, folder)
  return shapes.folder(folder, access.may(call.actor, "update", folder.workspace_id))
end

-- A record of the path, for a change of it.
local function to_change(call, map, name)
  local record = guard.of(call, map, name)
  guard.workspace(call, record.workspace_id, "update")
  return record
end

local function parent_of(call, id, in_workspace)
  if id == nil or id == null then return nil end
  local parent = call.actor.account.folders[id] or refuse(404)
  if parent.workspace_id ~= in_workspace then
    answer.refuse_value("parent_id", "The folder is in another workspace.", true)
  end
  return parent
end

M["folder.list"] = function(call)
  return lists.answer(call, seen(call, call.actor.account.folders, workspace_id), function(folder)
    return shape_folder(call, folder)
  end)
end

M["folder.create"] = function(call)
  local body = guard.body(call)
  guard.workspace(call, body.workspace_id, "update")
  local folder = {
    id = call.store:next_id(), name = body.name, workspace_id = body.workspace_id,
    parent = parent_of(call, body.parent_id, body.workspace_id),
  }
  call.actor.account.folders[folder.id] = folder
  return shape_folder(call, folder)
end

M["folder.update"] = function(call)
  local folder = to_change(call, call.actor.account.folders, "folder")
  local body = guard.body(call)
  if body.parent_id ~= nil then
    local parent = parent_of(call, body.parent_id, folder.workspace_id)
    local up = parent
    while up do
      if up == folder then answer.refuse_value("parent_id", "The folder would be inside itself.", true) end
      up = up.parent
    end
    folder.parent = parent
  end
  folder.name = body.name or folder.name
  return shape_folder(call, folder)
end

M["folder.delete"] = function(call)
  local account = call.actor.account
  local folder = to_change(call, account.folders, "folder")
  for _, other in pairs(account.folders) do
    if other.parent == folder then refuse(409, { detail = "The folder has folders in it.", assumed = true }) end
  end
  for record in store.contracts(account) do
    if record.folder_id == folder.id then
      refuse(409, { detail = "The folder has contracts in it.", assumed = true })
    end
  end
  account.folders[folder.id] = nil
  return {}
end

-- Contacts -----------------------------------------------------------------------------------------------------

local CONTACT = {
  "name", "email", "title", "phone_number", "company_name", "company_registration_number", "country_code",
  "date_of_birth", "notes",
}

local function shape_contact(call, contact)
  local shape = {
    id = contact.id, workspace_id = contact.workspace_id,
    created_time = contact.created_time or call.actor.account.created_time,
    updated_time = shapes.or_null(contact.updated_time),
  }
  for _, name in ipairs(CONTACT) do shape[name] = shapes.or_null(contact[name]) end
  return shape
end

local function take_contact(contact, body)
  for _, name in ipairs(CONTACT) do
    if body[name] ~= nil then contact[name] = body[name] end
  end
end

M["contact.list"] = function(call)
  local wanted = query.parameters(query.parse(call.query), call.operation.query).workspace_id
  guard.workspace(call, wanted, "see")
  local list = {}
  for _, contact in ipairs(store.sorted(call.actor.account.contacts)) do
    if contact.workspace_id == wanted then list[#list + 1] = contact end
  end
  return lists.answer(call, list, function(contact) return shape_contact(call, contact) end)
end

M["contact.create"] = function(call)
  local body = guard.body(call)
  guard.workspace(call, body.workspace_id, "update")
  local contact = {
    id = call.store:next_id(), workspace_id = body.workspace_id, created_time = call.store:now(),
  }
  take_contact(contact, body)
  call.actor.account.contacts[contact.id] = contact
  return shape_contact(call, contact)
end

M["contact.get"] = function(call)
  local contact = guard.of(call, call.actor.account.contacts, "contact")
  guard.workspace(call, contact.workspace_id, "see")
  return shape_contact(call, contact)
end

M["contact.update"] = function(call)
  local contact = to_change(call, call.actor.account.contacts, "contact")
  local body = guard.body(call)
  if body.workspace_id and body.workspace_id ~= contact.workspace_id then
    guard.workspace(call, body.workspace_id, "update")
    contact.workspace_id = body.workspace_id
  end
  take_contact(contact, body)
  contact.updated_time = call.store:now()
  return shape_contact(call, contact)
end

M["contact.delete"] = function(call)
  local contact = to_change(call, call.actor.account.contacts, "contact")
  call.actor.account.contacts[contact.id] = nil
  return {}
end

return M

-- Comments on a contract, and reminders to the people of the owner side.
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local parties = require "oneflow.sandbox.parties"
local shapes = require "oneflow.sandbox.shapes"
local time = require "oneflow.sandbox.time"
local M = {}

local ipairs, type = ipairs, type
local format = string.format
local array, null = core.array, core.null

local function added(list, item)
  local new = {}
  for i, each in ipairs(list) do new[i] = each end
  new[#new + 1] = item
  return new
end

-- The id in an item of a list of recipients, which may be an id or an object that has one under one of these names.
local function id_in(item, ...)
  if type(item) ~= "table" then return item end
  for _, name in ipairs{ ... } do
    if item[name] ~= nil then return item[name] end
  end
end

-- Comments -----------------------------------------------------------------------------------------------------

local function who(person, party)
  return {
    participant_id = shapes.or_null(person and person.id), participant_name = shapes.or_null(person and person.name),
    party_id = party.id, party_name = shapes.or_null(party.name),
  }
end

local function shape_comment(call, record, comment)
  local recipients = array{}
  for i, each in ipairs(comment.recipients) do recipients[i] = who(each.person, each.party) end
  return {
    _links = { self = links.to(call.base_url, "comment.list", record.id, comment.id) },
    id = comment.id, body = comment.body, created_time = comment.created_time, updated_time = null,
    parent_id = shapes.or_null(comment.parent_id), private = comment.private,
    participants = { sender = who(comment.person, comment.party), recipients = recipients },
  }
end

M["comment.list"] = function(call)
  local record, viewer = guard.contract(call)
  local seen = {}
  for _, comment in ipairs(record.comments) do
    if viewer.ownerside or not comment.private then seen[#seen + 1] = comment end
  end
  return lists.answer(call, seen, function(comment) return shape_comment(call, record, comment) end)
end

local function check_parent(record, id)
  if id == nil or id == null then return end
  for _, comment in ipairs(record.comments) do
    if comment.id == id and not comment.parent_id then return id end
  end
  answer.refuse_value("parent_id", "It is no top comment of the contract.")
end

M["comment.create"] = function(call)
  local record, viewer = guard.contract(call)
  -- Participants may comment, and others who may change the contract.
  if viewer.ownerside and access.role(call.actor, record.workspace_id) then guard.contract_to(call, "update") end
  local body, recipients, problems = guard.body(call), {}, {}
  local parent_id = check_parent(record, body.parent_id)
  for i, item in ipairs(body.recipients or {}) do
    local person, party = parties.person(record, id_in(item, "participant_id", "id"))
    if not person then
      check.note(problems, format("recipients[%d]", i - 1), "The contract has no such participant.")
    end
    recipients[i] = { person = person, party = party }
  end
  answer.refuse_problems(problems)
  local sender = guard.actor_of(call, record)
  if not viewer.ownerside then
    for person, party in parties.people(record) do
      if person.email == call.actor.user.email then sender = { participant = person, party = party } end
    end
  end
  local comment = {
    id = call.store:next_id(), body = body.body, private = body.private == true, parent_id = parent_id,
    created_time = call.store:now(), person = sender.participant, party = sender.party, recipients = recipients,
  }
  record.comments = added(record.comments, comment)
  call.store:happen(record, "comment:create", sender)
  return shape_comment(call, record, comment)
end

-- Reminders ----------------------------------------------------------------------------------------------------

local function shape_user(user)
  return { id = user.id, name = user.name, email = user.email }
end

local function shape_reminder(record, reminder)
  local recipients = array{}
  for i, user in ipairs(reminder.recipients) do recipients[i] = shape_user(user) end
  return {
    id = reminder.id, contract_id = record.id, date_time = reminder.date_time, subject = reminder.subject,
    message = reminder.message,
    users = { created_by = reminder.user and shape_user(reminder.user) or null, recipients = recipients },
  }
end

M["reminder.list"] = function(call)
  local record, viewer = guard.contract(call)
  if not viewer.ownerside then answer.refuse(403, { assumed = true }) end
  return lists.answer(call, record.reminders, function(reminder) return shape_reminder(record, reminder) end)
end

-- A user of the account, by id or e-mail, who takes part on the owner side.
local function recipient(call, record, item)
  local wanted = id_in(item, "id", "user_id", "email")
  for _, user in ipairs(call.actor.account.user_list) do
    if (user.id == wanted or user.email == wanted) and parties.owner_person(record, user.email) then return user end
  end
end

M["reminder.create"] = function(call)
  local record = guard.contract_to(call, "update")
  local body, recipients, problems = guard.body(call), {}, {}
  if (time.parse(body.date_time) or 0) <= call.store.clock() then
    check.note(problems, "date_time", "It must be in the future.")
  end
  for i, item in ipairs(body.reminder_recipients) do
    recipients[i] = recipient(call, record, item) or false
    if not recipients[i] then
      check.note(problems, format("reminder_recipients[%d]", i - 1), "It is no user who takes part on the owner side.")
    end
  end
  answer.refuse_problems(problems)
  local reminder = {
    id = call.store:next_id(), date_time = time.iso(time.parse(body.date_time)), subject = body.subject,
    message = body.message, user = call.actor.user, recipients = recipients,
  }
  record.reminders = added(record.reminders, reminder)
  return shape_reminder(record, reminder)
end

return M

-- Parties and their participants, and the links by which a participant gets in.
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local parties = require "oneflow.sandbox.parties"
local people = require "oneflow.sandbox.people"
local shapes = require "oneflow.sandbox.shapes"
local visit = require "oneflow.sandbox.visit"
local M = {}

local ipairs, next = ipairs, next
local remove = table.remove
local refuse = answer.refuse

local function party_of(call, record)
  return parties.party(record, check.id(call.ids.party)) or refuse(404)
end

-- The participant of the path, in the party of the path.
local function person_of(call, record)
  local person, party = parties.person(record, check.id(call.ids.participant))
  if not person or (call.ids.party and party.id ~= check.id(call.ids.party)) then refuse(404) end
  return person, party
end

-- Invites a participant at once who is added to a published contract.
local function invite(record, person)
  if record.state == "draft" or person.delivery_channel == "none" then return end
  person.delivery_status = "pending"
end

-- Parties ------------------------------------------------------------------------------------------------------

M["party.list"] = function(call)
  local record, viewer = guard.contract(call)
  return lists.answer(call, record.parties, function(party) return shapes.party(viewer, record, party) end)
end

M["party.get"] = function(call)
  local record, viewer = guard.contract(call)
  return shapes.party(viewer, record, party_of(call, record))
end

M["party.create"] = function(call)
  local record, viewer = guard.open_contract(call)
  local body = guard.body(call)
  people.check(record, { { path = "", party = body } })
  local party = parties.new_party(call.store, record.account, body, false)
  record.parties[#record.parties + 1] = party
  for _, person in ipairs(party.people) do invite(record, person) end
  guard.changed(call, record, "party:create")
  for _, person in ipairs(party.people) do
    call.store:happen(record, "participant:create", { party = party, participant = person })
  end
  return shapes.party(viewer, record, party)
end

M["party.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local party, body = party_of(call, record), guard.body(call)
  if party.type == "individual" then
    local before = shapes.party(viewer, record, party)
    for _, name in ipairs{ "name", "identification_number" } do
      if body[name] ~= nil and body[name] ~= before[name] then
        answer.refuse_value(name, "It is a field of companies.", true)
      end
      body[name] = nil
    end
  end
  if next(body) == nil then return shapes.party(viewer, record, party) end
  parties.change_party(party, body)
  party.updated_time = guard.changed(call, record, "party:update")
  return shapes.party(viewer, record, party)
end

M["party.delete"] = function(call)
  local record = guard.open_contract(call)
  local party, at = parties.party(record, check.id(call.ids.party))
  if not party then return {} end
  if party.mine then refuse(409, { detail = "The owner's party stays.", assumed = true }) end
  for i = #party.people, 1, -1 do parties.remove_person(record, party.people[i]) end
  remove(record.parties, at)
  guard.changed(call, record, "party:delete")
  return {}
end

-- Participants -------------------------------------------------------------------------------------------------

M["participant.create"] = function(call)
  local record, viewer = guard.open_contract(call)
  local party, body = party_of(call, record), guard.body(call)
  people.check(record, { { path = "", person = body, mine = party.mine } })
  if party.type == "individual" then
    refuse(409, { detail = "An individual is one participant.", assumed = true })
  end
  local person = parties.new_person(call.store, body)
  party.people[#party.people + 1] = person
  invite(record, person)
  guard.changed(call, record, "participant:create")
  return shapes.participant(viewer, record, person, party)
end

M["participant.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local person, party = person_of(call, record)
  local body = guard.body(call)
  if next(body) == nil then return shapes.participant(viewer, record, person, party) end
  call.assumed = people.check_change(person, party, body) or call.assumed
  parties.change_person(person, body)
  person.updated_time = guard.changed(call, record, "participant:update")
  return shapes.participant(viewer, record, person, party)
end

M["participant.delete"] = function(call)
  local record = guard.open_contract(call)
  local person, party = person_of(call, record)
  if not party.mine and #party.people == 1 then
    refuse(409, { detail = "A counterparty keeps one participant; delete the party.", assumed = true })
  end
  parties.remove_person(record, person)
  guard.changed(call, record, "participant:delete")
  return {}
end

M["participant.access_link"] = function(call)
  local record = guard.contract_to(call, "update")
  local person, party = person_of(call, record)
  -- No page says what else it is for.
  call.assumed = call.assumed or party.mine or record.state == "draft"
  return { access_link = visit.link(call.emulator, record, person) }
end

return M

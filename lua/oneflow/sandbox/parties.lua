-- Parties and their people, as compact records: usual values are in the metatable, because there may be many thousands.
local core = require "oneflow.core"
local M = {}

local ipairs, type = ipairs, type
local setmetatable = setmetatable
local remove = table.remove
local null = core.null

local Person = { __index = {
  name = "", email = "", phone_number = "", title = "", identification_number = "",
  delivery_channel = "email", delivery_status = "not_sent", signatory = false, organizer = false,
  sign_state = "undecided", two_step_authentication_method = "none",
  may_update = true, visits = 0,
} }

local Party = { __index = { type = "company", mine = false, identification_number = "" } }

-- The fields of a person in a body, except those in nested objects.
local PERSON_FIELDS = {
  "name", "email", "phone_number", "title", "identification_number", "delivery_channel", "signatory", "organizer",
  "sign_method", "two_step_authentication_method",
}

local function custom_id_of(source)
  local private = source._private_ownerside
  if type(private) == "table" then return private.custom_id end
end

-- nil: unchanged; null: as if it had never been set.
local function take(record, name, value)
  if value == null then record[name] = nil elseif value ~= nil then record[name] = value end
end

--- Applies the fields of a person in a body.
function M.change_person(person, source)
  for _, name in ipairs(PERSON_FIELDS) do take(person, name, source[name]) end
  local permissions = source._permissions
  if type(permissions) == "table" then take(person, "may_update", permissions["contract:update"]) end
  take(person, "custom_id", custom_id_of(source))
end

function M.new_person(store, source)
  local person = setmetatable({ id = store:next_id() }, Person)
  M.change_person(person, source)
  return person
end

--- Applies the fields of a party in a body, except its people.
function M.change_party(party, source)
  take(party, "name", source.name)
  take(party, "identification_number", source.identification_number)
  if source.country_code ~= null then take(party, "country_code", source.country_code) end
  take(party, "custom_id", custom_id_of(source))
end

--- A party from a body: a company with `participants`, or an individual with one `participant`.
---@param mine boolean whether it is the owner side
function M.new_party(store, account, source, mine)
  local party = setmetatable({
    id = store:next_id(), mine = mine or nil, people = {}, country_code = account.country_code,
    type = source.type == "individual" and "individual" or nil,
  }, Party)
  M.change_party(party, source)
  if type(source.participant) == "table" then party.people[1] = M.new_person(store, source.participant) end
  if type(source.participants) == "table" then
    for _, each in ipairs(source.participants) do party.people[#party.people + 1] = M.new_person(store, each) end
  end
  return party
end

local function next_person(state)
  local list = state.list
  while list[state.at] do
    local party = list[state.at]
    state.index = state.index + 1
    local person = party.people[state.index]
    if person then return person, party end
    state.at, state.index = state.at + 1, 0
  end
end

--- Every participant of a contract, with the party.
function M.people(record)
  return next_person, { list = record.parties, at = 1, index = 0 }
end

--- A party by id, and its index.
function M.party(record, id)
  for i, party in ipairs(record.parties) do
    if party.id == id then return party, i end
  end
end

--- A participant by id, with the party.
function M.person(record, id)
  for person, party in M.people(record) do
    if person.id == id then return person, party end
  end
end

--- Removes a participant from a contract: from the party, and from the order of signing.
function M.remove_person(record, person)
  for _, party in ipairs(record.parties) do
    for i, each in ipairs(party.people) do
      if each == person then remove(party.people, i) end
    end
  end
  local order = core.array{}
  for _, step in ipairs(record.sign_order) do
    if step.participant_id ~= person.id then order[#order + 1] = step end
  end
  record.sign_order = order
end

--- The owner side's person with this e-mail address, and the owner's party.
function M.owner_person(record, email)
  for person, party in M.people(record) do
    if party.mine and person.email == email then return person, party end
  end
  return nil, record.parties[1]
end

return M

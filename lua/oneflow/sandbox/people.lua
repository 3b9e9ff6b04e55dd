-- The service's rules for people whom a body adds to a contract, beyond those of the endpoint table: nobody twice, at
-- most forty, and the special rules of the owner side.
local core = require "oneflow.core"
local api = require "oneflow.api"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local parties = require "oneflow.sandbox.parties"
local M = {}

local ipairs, next, type = ipairs, next, type
local format = string.format
local null = core.null

local MAX_PARTICIPANTS = 40
local DUPLICATE = 4000003

local function said(value) return value ~= nil and value ~= null and value ~= "" end

local function look(person, path, entry, taken, problems, duplicates)
  if entry.mine and not said(person.email) then
    check.note(problems, path .. "email", "People of the owner side need an e-mail address.")
  end
  if person.organizer == true and not entry.mine then
    check.note(problems, path .. "organizer", "Only people of the owner side organize.")
  end
  if not said(person.email) then return end
  if taken[person.email] then
    check.note(duplicates, path .. "email",
      format("You tried to add a duplicate participant with the email address %s.", person.email))
  end
  taken[person.email] = true
end

--- Refuses people whom the service would refuse.
---@param record table|nil the contract that they come to, when there is one already
---@param entries table[] { path =, mine =, person = a participant's body, or party = a party's }
function M.check(record, entries)
  local taken, problems, duplicates, count = {}, {}, {}, 0
  if record then
    for person in parties.people(record) do taken[person.email], count = person.email ~= "", count + 1 end
  end
  for _, entry in ipairs(entries) do
    local party = entry.party or { participant = entry.person }
    if type(party.participant) == "table" then
      count = count + 1
      look(party.participant, entry.person and entry.path or entry.path .. "participant.", entry, taken, problems,
        duplicates)
    end
    for i, person in ipairs(type(party.participants) == "table" and party.participants or {}) do
      count = count + 1
      look(person, format("%sparticipants[%d].", entry.path, i - 1), entry, taken, problems, duplicates)
    end
  end
  answer.refuse_problems(problems)
  if next(duplicates) then
    answer.refuse(400, { problems = duplicates, code = DUPLICATE,
                         detail = "You tried to add two identical participants to a contract." })
  end
  if count > MAX_PARTICIPANTS then
    answer.refuse_value("participants", format("A contract has at most %d participants.", MAX_PARTICIPANTS))
  end
end

-- A participant after a change, as a body.
local function merged(person, body)
  local rules, whole = api.operations["participant.create"].body, {}
  for name in next, rules do
    whole[name] = person[name]
    if body[name] ~= nil then whole[name] = body[name] end
  end
  return whole
end

--- Refuses a change after which a participant could not be reached, or could not sign in the stated way.
---@return boolean assumed as of check.body
function M.check_change(person, party, body)
  if party.mine and body.email ~= nil and body.email ~= person.email then
    answer.refuse_value("email", "The e-mail address of the owner side's people cannot change.")
  end
  local problems, assumed = check.cross_field(api.operations["participant.create"].rules, merged(person, body))
  answer.refuse_problems(problems)
  return assumed
end

return M

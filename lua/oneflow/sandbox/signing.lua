-- The states of a contract and what leads from one to another: draft -> pending -> signed, declined or overdue, and
-- from overdue back to pending.
local answer = require "oneflow.sandbox.answer"
local parties = require "oneflow.sandbox.parties"
local time = require "oneflow.sandbox.time"
local M = {}

local ipairs = ipairs
local format = string.format
local refuse = answer.refuse

local DAY = 86400

-- Invitations and signing periods ------------------------------------------------------------------------------

--- Marks the invitations as sent: everybody who is reached over a channel gets a delivery status.
function M.reach(record, status)
  for person in parties.people(record) do
    if person.delivery_channel ~= "none" and person.delivery_channel ~= "same_device" then
      person.delivery_status = status
    end
  end
end

--- Sets the end of the contract's signing period, if it is known: days are counted from publishing.
function M.set_expiry(record)
  local period = record.signing_period
  record.expiry_time = nil
  if period.type == "fixed_date" then
    record.expiry_time = period.expire_date .. "T00:00:00+00:00"
  elseif period.type == "days_after_publish" and record.published_time then
    record.expiry_time = time.iso(time.parse(record.published_time) + period.expire_days_after_publish * DAY)
  end
end

-- The signing periods allowed in each state: any for a draft, an end or none for a pending contract, no change for a
-- signed one.
local PERIODS = {
  draft = { never = true, days_after_publish = true, fixed_date = true },
  pending = { never = true, fixed_date = true },
  overdue = { never = true, fixed_date = true },
  signed = {}, declined = {},
}

--- Refuses a signing period that the contract's state does not allow.
function M.check_period(record, period)
  if not PERIODS[record.state][period.type] then
    refuse(409, { detail = "The contract's state does not allow this signing period.", assumed = true })
  end
end

-- Transitions --------------------------------------------------------------------------------------------------

local function enter(record, state, at)
  record.state, record.state_updated_time = state, at
end

function M.publish(store, record, actor)
  if record.state ~= "draft" then refuse(409) end
  local now = store:changed(record)
  record.published_time = now
  enter(record, "pending", now)
  M.set_expiry(record)
  M.reach(record, "pending")
  store:happen(record, "contract:publish", actor)
end

--- Applies a checked signing period; a later end makes an overdue contract pending again.
function M.set_period(store, record, period, actor)
  record.signing_period = {
    type = period.type, expire_date = period.expire_date, expire_days_after_publish = period.expire_days_after_publish,
  }
  if record.state == "draft" then return end
  M.set_expiry(record)
  if record.state == "overdue" and (not record.expiry_time or record.expiry_time > store:now()) then
    enter(record, "pending", store:now())
    store:happen(record, "contract:signing_period_revive", actor)
  end
end

--- Ends the signing period of a pending contract.
function M.expire(store, record)
  local now = store:changed(record)
  enter(record, "overdue", now)
  store:happen(record, "contract:signing_period_expire")
end

--- Expires contracts whose signing period is over.
function M.expire_due(store)
  local now = store:now()
  for _, account in ipairs(store.accounts) do
    for record in store.contracts(account) do
      if record.state == "pending" and record.expiry_time and record.expiry_time <= now then M.expire(store, record) end
    end
  end
end

-- The position of each signatory in the order of signing; those without one may sign at any time.
local function steps(record)
  local order = {}
  for _, step in ipairs(record.sign_order) do order[step.participant_id] = step.order end
  return order
end

--- Is it this person's turn? If not, why not.
---@return boolean
---@return string|nil why
function M.may_sign(record, person)
  if record.state ~= "pending" then return false, format("The contract is %s.", record.state) end
  if not person.signatory then return false, "The participant is no signatory." end
  if person.sign_state ~= "undecided" then return false, format("The participant has %s.", person.sign_state) end
  local order = steps(record)
  local mine = order[person.id]
  for other in parties.people(record) do
    local theirs = order[other.id]
    if mine and theirs and theirs < mine and other.signatory and other.sign_state == "undecided" then
      return false, format("It is the turn of %s.", other.name)
    end
  end
  return true
end

local function all_signed(record)
  for person in parties.people(record) do
    if person.signatory and person.sign_state ~= "signed" then return false end
  end
  return true
end

local function conclude(store, record, now)
  enter(record, "signed", now)
  store:happen(record, "contract:sign")
end

--- Signs for a person; the last signature makes the contract signed. nil and why not, if the person may not sign.
---@return boolean|nil
---@return string|nil why
function M.sign(store, record, person, party)
  local good, why = M.may_sign(record, person)
  if not good then return nil, why end
  local now = store:changed(record)
  person.sign_state, person.sign_state_updated_time = "signed", now
  store:happen(record, "participant:sign", { party = party, participant = person })
  if all_signed(record) then conclude(store, record, now) end
  return true
end

--- Signs for everybody, as the owner's "mark as signed" does.
function M.mark_as_signed(store, record)
  local now = store:changed(record)
  record.published_time = record.published_time or now
  for person in parties.people(record) do
    if person.signatory then person.sign_state, person.sign_state_updated_time = "signed", now end
  end
  conclude(store, record, now)
end

--- Declines; for the owner if no person is given. nil and why not, if that is not possible.
---@return boolean|nil
---@return string|nil why
function M.decline(store, record, person, party)
  if record.state ~= "pending" and record.state ~= "overdue" then
    return nil, format("The contract is %s.", record.state)
  end
  if person and not person.signatory then return nil, "The participant is no signatory." end
  local now = store:changed(record)
  if person then
    person.sign_state, person.sign_state_updated_time = "declined", now
    store:happen(record, "participant:decline", { party = party, participant = person })
  end
  enter(record, "declined", now)
  store:happen(record, "contract:decline", { party = party, participant = person })
  return true
end

--- The content has changed: earlier signatures no longer count.
function M.reset(store, record, actor)
  local any = false
  for person, party in parties.people(record) do
    if person.sign_state == "signed" then
      any = true
      person.sign_state, person.sign_state_updated_time = nil, nil
      store:happen(record, "participant:signature_reset", { party = party, participant = person })
    end
  end
  if any then store:happen(record, "contract:signature_reset", actor) end
  return any
end

return M

-- The events of a contract. For a contract that was created with a past (from a seed, or by add_contracts) they are
-- made when somebody first requests them.
local parties = require "oneflow.sandbox.parties"
local M = {}

local function append(store, record, event_type, at, actor)
  local event = {
    id = store:next_id(), type = event_type, created_time = at, party = actor and actor.party,
    participant = actor and actor.participant,
  }
  record.events[#record.events + 1] = event
  return event
end

local function recall(store, record)
  record.events = {}
  local mine = { party = record.parties[1] }
  append(store, record, "contract:create", record.created_time, mine)
  if record.published_time then append(store, record, "contract:publish", record.published_time, mine) end
  for person, party in parties.people(record) do
    if person.sign_state == "signed" then
      append(store, record, "participant:sign", person.sign_state_updated_time, { party = party, participant = person })
    end
  end
  if record.state == "signed" then append(store, record, "contract:sign", record.state_updated_time) end
end

--- All events of a contract, oldest first.
function M.of(store, record)
  if not record.events then recall(store, record) end
  return record.events
end

--- Adds an event. If it is the contract's first, it is part of what `recall` reconstructs.
function M.add(store, record, event_type, actor)
  if record.events == nil then
    if event_type == "contract:create" then
      record.events = {}
    else
      recall(store, record)
    end
  end
  return append(store, record, event_type, store:now(), actor)
end

return M

-- What happened to a contract.
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local events = require "oneflow.sandbox.events"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local M = {}

local ipairs = ipairs

M["event.list"] = function(call)
  local record = guard.contract(call)
  return lists.answer(call, events.of(call.store, record), function(event)
    return { id = event.id, type = event.type, created_time = event.created_time }
  end)
end

M["event.get"] = function(call)
  local record = guard.contract(call)
  local id = check.id(call.ids.event)
  for _, event in ipairs(events.of(call.store, record)) do
    if event.id == id then
      return {
        id = event.id, type = event.type, created_time = event.created_time,
        actor = {
          party = event.party and { id = event.party.id },
          participant = event.participant and { id = event.participant.id },
        },
      }
    end
  end
  answer.refuse(404)
end

return M

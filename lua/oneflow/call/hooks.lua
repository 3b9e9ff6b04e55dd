-- The innermost layer: calls the client's hooks, for every attempt.
local attempts = require "oneflow.call.attempt"
local clock = require "oneflow.base.clock"
local events = require "oneflow.call.events"
local record = require "oneflow.call.record"
local usage = require "oneflow.errors.usage"

local begin, known_of = record.begin, record.of
local NO_TIME = attempts.NO_TIME

local M = {}

function M.layer(next, client)
  local hooks = client.hooks
  if not hooks or not (hooks.on_request or hooks.on_response) then return next end
  local on_request, on_response = hooks.on_request, hooks.on_response

  return function(request, attempt)
    local number, left = attempt.number, attempt
    begin(known_of[request], attempt)
    if on_request then
      on_request(events.request_info(request, number))
      if client.closed then usage.raise("the client is closed") end
      left = attempts.new(request, number, attempt.started) -- the time of the hook counts
    end
    if not on_response then return left and next(request, left) or NO_TIME end
    local started = clock.monotonic()
    local outcome = left and next(request, left) or NO_TIME
    events.tell_response(request, number, clock.monotonic() - started, outcome)
    return outcome
  end
end

return M

-- What goes through the layers of a call with its Request (oneflow.call.request): an Attempt down, an Outcome up.
--
-- Attempt: one a try
--   number       from 1
--   fresh        on a connection of its own
--   timeout      seconds, computed here alone
--   started      when the call began, by the clock: its time is over `timeout` of the Request later
-- Outcome: one a try, made by the transport, or by who did not let the request reach it
--   status, body, request_id, content_type, location, retry_after   of the answer, where there was one
--   connects     connections that were opened for it
--   connection   the number of the one that it went out on, see the core's `disconnect`
--   bytes        of a file
--   sent         did any of it leave?
--   queued       seconds that it waited to be let through
--   failure      { kind, message, field }, why there is no whole answer; nil: there is one, of whatever status
local clock = require "oneflow.base.clock"

local M = {}

-- What the core counts is milliseconds.
local LEAST_SECONDS = 1 / 1000

--- A try of a request.
---@param started number  when the call began
---@param attempt table?  is filled; nil: another one
---@return table? attempt  nil: there is no time left for one
function M.new(request, number, started, attempt)
  local left, most = started + request.timeout - clock.monotonic(), request.attempt_timeout
  if left < LEAST_SECONDS then return nil end
  if not attempt then attempt = { number = number, fresh = false, timeout = 0, started = 0 } end
  attempt.timeout, attempt.started = left < most and left or most, started
  attempt.fresh = request.operation.fresh or false
  return attempt
end

--- The outcome of a try that did not reach the transport.
function M.not_sent(kind, message, field)
  return { sent = false, connects = 0, failure = { kind = kind, message = message, field = field } }
end

M.NO_TIME = M.not_sent("timeout",
  "its time was over before it was sent: what the token's function and on_request take counts")

--- Is it a whole answer that says yes?
function M.succeeded(outcome)
  local status = outcome.status
  return not outcome.failure and status >= 200 and status < 300
end

return M

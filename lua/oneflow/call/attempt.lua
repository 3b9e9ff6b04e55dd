-- What passes through the layers of a call with its Request (oneflow.call.request): an Attempt down, an Outcome up.
--
-- Attempt, one for each try:
--
--   number       from 1
--   fresh        uses a new connection
--   timeout      seconds, computed only here
--   started      when the call began, by the clock; the call's time ends `timeout` of the Request later
--
-- Outcome, one for each try, made by the transport, or by the layer that did not pass the request on:
--
--   status, body, request_id, content_type, location, retry_after   of the answer, if there was one
--   connects     how many connections were opened for it
--   connection   the number of the connection it was sent on, see the core's `disconnect`
--   bytes        of a file
--   sent         whether any byte of it may have been sent
--   queued       seconds that it waited before it was let through
--   failure      { kind, message, field }: why there is no complete answer; nil: there is one, with any status
local clock = require "oneflow.base.clock"

local M = {}

-- The core counts in milliseconds.
local LEAST_SECONDS = 1 / 1000

--- Makes an attempt for a request.
---@param started number  when the call began
---@param attempt table?  a table to fill; nil: a new one
---@return table? attempt  nil: no time is left for one
function M.new(request, number, started, attempt)
  local left, most = started + request.timeout - clock.monotonic(), request.attempt_timeout
  if left < LEAST_SECONDS then return nil end
  if not attempt then attempt = { number = number, fresh = false, timeout = 0, started = 0 } end
  attempt.timeout, attempt.started = left < most and left or most, started
  attempt.fresh = request.operation.fresh or false
  return attempt
end

--- The outcome of an attempt that did not reach the transport.
function M.not_sent(kind, message, field)
  return { sent = false, connects = 0, failure = { kind = kind, message = message, field = field } }
end

M.NO_TIME = M.not_sent("timeout",
  "its time was over before it was sent: what the token's function and on_request take counts")

--- Is it a complete answer with a status of success?
function M.succeeded(outcome)
  local status = outcome.status
  return not outcome.failure and status >= 200 and status < 300
end

return M

-- Files: the service redirects to a storage host, which gets one second request, without credentials. That request does
-- not pass this layer again, nor the layers of the account. Its operation has `storage`:
--
--   host      for messages; nil: the service's own
--   status    of the redirect
--   location  the signed link, which only the transport reads
local attempts = require "oneflow.call.attempt"
local errors = require "oneflow.errors"
local record = require "oneflow.call.record"

local known_of = record.of

local M = {}

-- The service may redirect a file once.
local FOLLOWED = { [302] = true, [303] = true, [307] = true }

local NO_TIME = attempts.not_sent("timeout", "the time was over before it could be asked for the file")

local function second_request(request, outcome)
  return {
    client = request.client, operation = {
      name = request.operation.name, method = "GET", repeatable = true,
      storage = { host = errors.host_of(outcome.location), status = outcome.status, location = outcome.location },
    },
    user = request.user, path = "", answer = request.answer, sink = request.sink, timeout = request.timeout,
    attempt_timeout = request.attempt_timeout, repeatable = true, waiter = request.waiter,
  }
end

function M.layer(next, client)
  return function(request, attempt)
    local outcome = next(request, attempt)
    if not (request.answer and FOLLOWED[outcome.status] and outcome.location) then return outcome end
    if request.sink and request.sink.stopped then return outcome end
    local known, second = known_of[request], second_request(request, outcome)
    record.follow(known, second)
    local following = attempts.new(second, known.attempts, attempt.started)
    return following and client.send_to_storage(second, following) or NO_TIME
  end
end

return M

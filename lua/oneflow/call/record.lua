-- What is known of a call while it runs, so that a raise that ends it takes nothing of that away. A record is there
-- before anything is sent, with an error object: afterwards there may be no memory for them. Unless a raise ended the
-- call, the client's next one uses it again, with its tables: making those for each call cost a tenth of it, most of
-- that for collecting them.
local errors = require "oneflow.errors"

local setmetatable = setmetatable
local outcome_of, worse = errors.outcome_of, errors.worse

local M = {}

--- Whether it was sent is about to be known, with its answer; true enough as long as that is not known.
M.TAKEN = "taken"

--- By request. (That a coroutine does not go on nobody tells: so neither is held.)
M.of = setmetatable({}, { __mode = "kv" })
local of = M.of

local function new(client)
  local known = {
    next = false,                    -- of those that are free
    handle = client.engine:handle(), -- the core's, of what is under way
    err = errors.preallocate(),
    request = {                      -- see oneflow.call.request
      client = client, operation = false, user = false, path = false, query = false, body = false, headers = false,
      form = false, answer = false, sink = false, timeout = 0, attempt_timeout = 0, repeatable = false, waiter = false,
    },
    attempt = { number = 1, fresh = false, timeout = 0, started = 0 }, -- the first one
    outcome = {                      -- of success
      status = 0, body = false, request_id = false, content_type = false, connects = 0, connection = false, sent = true,
    },
    last = false,                    -- the request that was sent last
    attempts = 0, earlier = false,   -- how many were begun, and the worst outcome of all but the last
    sent = false, status = false,    -- of the last, once its answer was taken; TAKEN while it is
    waiter = false, number = 0,      -- that it waits by; false: it does not
  }
  of[known.request] = known
  return known
end

--- A record for a call that begins.
---@param client table  its state
function M.acquire(client)
  local known = client.free_records
  if not known then return new(client) end
  client.free_records = known.next
  known.attempts, known.earlier, known.sent, known.status = 0, false, false, false
  return known
end

--- The call has ended well: nothing of what it sent and got is held.
---@param had_parts boolean  more was sent than a path
function M.release(client, known, had_parts)
  if had_parts then
    local request = known.request
    request.query, request.body, request.headers, request.form = false, false, false, false
    request.answer, request.sink = false, false
    known.outcome.bytes = nil
  end
  known.outcome.body, known.last = false, false
  known.next, client.free_records = client.free_records, known
end

--- A second request is about to be sent for the call.
function M.follow(known, request)
  of[request] = known
  known.last = request
end

--- The worst outcome of the attempts.
---@return oneflow.Outcome
function M.worst(known) return worse(outcome_of(known.sent, known.status or nil), known.earlier) end
local worst = M.worst

--- An attempt begins, or goes on to the next layer.
function M.begin(known, attempt)
  if known.attempts > 0 then known.earlier, known.sent, known.status = worst(known), false, false end
  known.attempts = attempt.number
end

return M

-- The record of a running call, from which its result is known even if an error ends the call. A record is made before
-- anything is sent, with an error object, because afterwards there may be no memory for them. Unless an error ended the
-- call, the client's next call reuses the record with its tables: making them for each call took a tenth of its time,
-- most of it for garbage collection.
local errors = require "oneflow.errors"

local setmetatable = setmetatable
local outcome_of, worse = errors.outcome_of, errors.worse

local M = {}

--- The value of `sent` while the answer is being taken; it counts as true.
M.TAKEN = "taken"

--- By request. (Nothing reports that a coroutine is never resumed, so neither is referenced strongly.)
M.of = setmetatable({}, { __mode = "kv" })
local of = M.of

local function new(client)
  local known = {
    next = false,                    -- next free record
    handle = client.engine:handle(), -- the core's handle of the current request
    err = errors.preallocate(),
    request = {                      -- see oneflow.call.request
      client = client, operation = false, user = false, path = false, query = false, body = false, headers = false,
      form = false, answer = false, sink = false, timeout = 0, attempt_timeout = 0, repeatable = false, waiter = false,
    },
    attempt = { number = 1, fresh = false, timeout = 0, started = 0 }, -- the first attempt
    outcome = {                      -- for a success
      status = 0, body = false, request_id = false, content_type = false, connects = 0, connection = false, sent = true,
    },
    last = false,                    -- the last request
    attempts = 0, earlier = false,   -- number of attempts, and the worst outcome of all but the last
    sent = false, status = false,    -- of the last attempt, once its answer was taken; TAKEN meanwhile
    waiter = false, number = 0,      -- with which it waits; false: it does not wait
  }
  of[known.request] = known
  return known
end

--- Returns a record for a new call.
---@param client table  its state
function M.acquire(client)
  local known = client.free_records
  if not known then return new(client) end
  client.free_records = known.next
  known.attempts, known.earlier, known.sent, known.status = 0, false, false, false
  return known
end

--- Ends a successful call: clears everything that was sent and received.
---@param had_parts boolean  more than a path was sent
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

--- Prepares the record for a second request of the call.
function M.follow(known, request)
  of[request] = known
  known.last = request
end

--- The worst outcome of the attempts.
---@return oneflow.Outcome
function M.worst(known) return worse(outcome_of(known.sent, known.status or nil), known.earlier) end
local worst = M.worst

--- Records an attempt that begins, or that passes to the next layer.
function M.begin(known, attempt)
  if known.attempts > 0 then known.earlier, known.sent, known.status = worst(known), false, false end
  known.attempts = attempt.number
end

return M

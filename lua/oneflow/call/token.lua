-- The token: requested before the first call, and once more for each token that the service refused. Calls that need it
-- at the same time request it once.
local attempts = require "oneflow.call.attempt"
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local usage = require "oneflow.errors.usage"

local error, min, pcall, type = error, math.min, pcall, type
local running = coroutine.running

local NO_TIME = attempts.NO_TIME

local M = {}

-- The reason for no token: the call's time is over.
local LATE = {}

-- Seconds between checks whether the other call, for whose token this one waits, still runs.
local LOOK_SECONDS = 1

local ask

-- Is the token function still running there? An error may have ended it anywhere, even without any clean-up: a stack
-- overflow, lack of memory, a hook that counts instructions.
local function goes_on(asking)
  if asking.waiter and asking.waiter:gone() then return false end
  return not asking.over and clock.monotonic() < asking.until_when and core.calls(asking.thread, asking.attempt)
end

-- Waits for another call that runs the token function; its result counts for this call, too.
local function await_answer(client, asking, reason, waiter, deadline)
  if asking.by == running() or (waiter and waiter:within(asking.by)) then
    usage.raise("the token function calls the client that asks it for the token")
  end
  if waiter then asking[#asking + 1] = waiter end
  while goes_on(asking) do
    local now = clock.monotonic()
    if now >= deadline then return nil, LATE end
    if not (waiter and waiter:sleep(min(asking.until_when, deadline, now + LOOK_SECONDS))) and goes_on(asking) then
      return nil, "is being requested by another call, for which this one cannot wait here"
    end
  end
  if asking.over then return asking.change, asking.why end
  -- replaces the call that ended
  if clock.monotonic() < asking.until_when then return ask(client, reason, waiter, deadline) end
  return nil, "was requested by another call, which did not get it"
end

local function function_token(client, reason)
  local token, why = client.token_function(reason)
  if client.closed then usage.raise("the client is closed") end
  if token == nil then
    return nil, "was not returned by its function: " .. (type(why) == "string" and why or "no reason given")
  end
  if type(token) ~= "string" then usage.raise("the token function must return a string, got " .. type(token)) end
  return client.engine:set_token(token)
end

local function note_generation(client, reason, change)
  if change == "changed" or reason == "first" and change then client.generation = client.generation + 1 end
end

local function wake(sleeper) sleeper:wake() end

-- The token function is not running there any more: wakes the waiting calls.
local function release(client, asking)
  for i = 1, #asking do pcall(wake, asking[i]) end
  if client.asking == asking then client.asking = false end
end

-- Gets the token from the function, callback or file -> "changed", "same", or nil and why not. An error in the function
-- is raised.
function ask(client, reason, waiter, deadline)
  local engine = client.engine
  if not client.token_function then -- neither of these calls the library meanwhile
    local change, why
    if client.token_file then
      change, why = engine:read_token(client.token_file)
    else
      change, why = engine:ask_token(reason)
    end
    note_generation(client, reason, change)
    return change, why
  end
  local before = client.asking
  -- The call that runs it may never continue: nginx drops light threads silently.
  if before and goes_on(before) then return await_answer(client, before, reason, waiter, deadline) end
  -- The list part holds the waiters. All fields exist from the start, because later there may be no memory for them.
  local asking = {
    by = running(), thread = core.thread(), attempt = false, until_when = clock.monotonic() + client.timeout,
    over = false, change = false, why = false, waiter = waiter or false,
  }
  function asking.attempt() -- while this is on the stack, the token function is running
    client.asking = asking
    local change, why = function_token(client, reason)
    return change, why
  end
  local good, change, why = pcall(asking.attempt)
  asking.over = true
  if good then
    asking.change, asking.why = change, why
    note_generation(client, reason, change)
  else
    asking.why = "was not returned by its function, which raised"
  end
  release(client, asking)
  if not good then error(change, 0) end
  return change, why
end

-- Requests a new token once for each refused one: later calls use the new one.
local function refreshed(client, generation, waiter, deadline)
  if client.generation ~= generation then return true end
  return ask(client, "refused", waiter, deadline) == "changed"
end

-- ---- the layer -------------------------------------------------------------------------------------------------

local NO_TIME_AGAIN = attempts.not_sent("timeout", "the service refused the token (401), and the time was over before "
  .. "it was sent again with another one")

function M.layer(next, client)
  if not (client.token_function or client.token_callback or client.token_file) then return next end

  return function(request, attempt)
    local waiter, started = request.waiter, attempt.started
    local deadline = started + request.timeout
    if client.generation == 0 then
      local change, why = ask(client, "first", waiter, deadline)
      if why == LATE then return NO_TIME end
      if not change then return attempts.not_sent("validation", why, "token") end
      attempt = attempts.new(request, attempt.number, started)
      if not attempt then return NO_TIME end
    end
    local generation = client.generation
    local outcome = next(request, attempt)
    if outcome.status ~= 401 or not refreshed(client, generation, waiter, deadline) then return outcome end
    attempt = attempts.new(request, attempt.number + 1, started)
    return attempt and next(request, attempt) or NO_TIME_AGAIN
  end
end

--- Clean-up after an error was raised through a call: nobody waits for the token that it requested.
function M.clean_up(client)
  local asking = client.asking
  if asking and not goes_on(asking) then release(client, asking) end
end

return M

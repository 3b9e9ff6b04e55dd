-- Sleeping, in every host.
local errors = require "oneflow.errors"
local hosts = require "oneflow.hosts"
local usage = require "oneflow.errors.usage"

local format, type = string.format, type

local SECONDS_MAX = 30 * 86400

--- Waits as a call waits here: in a script it blocks the thread, until a Ctrl-C ends it; in functions of `map`,
--- `gather` and a gatherer, and in nginx, others continue meanwhile. Raises where nginx's worker would be blocked.
---@param seconds number  0 (lets the others run once) to 2592000, 30 days
---@return true? waited
---@return oneflow.Error? err  cancelled: the running code was stopped, during the sleep or before
local function sleep(seconds)
  if type(seconds) ~= "number" then usage.raise("sleep: number of seconds expected, got " .. type(seconds)) end
  if not (seconds >= 0 and seconds <= SECONDS_MAX) then
    usage.raise(format("sleep: seconds from 0 to %d expected", SECONDS_MAX))
  end
  local waiter, refusal = hosts.pauser()
  if not waiter then usage.raise("sleep: " .. refusal) end
  local waited, kind, why = waiter:pause(seconds)
  if waited then return true end
  return nil, errors.new({ operation = "sleep" }, {
    kind = kind, outcome = "not_sent", detail = why, retryable = false,
  })
end

return sleep

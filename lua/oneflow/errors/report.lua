-- Reports what no caller can be told: errors in the program's functions after the request was sent, and the results of
-- calls whose caller no longer waits. Reports go to the client's hooks or, without a hook, as a line to nginx's error
-- log, or otherwise to standard error. Each is reported exactly once, and nothing here raises.
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local errors = require "oneflow.errors"

local format, gsub = string.format, string.gsub
local log, pcall, setmetatable = core.log, pcall, setmetatable
local running = coroutine.running

local M = {}

-- The log function of the host, if it has one, and its level for errors.
local host_log, host_level = false, nil

--- Sets the log function: `write(level, line)`.
---@param write function  a C function: for a Lua function there may be no memory or stack
function M.log_to(write, level) host_log, host_level = write, level end

-- The lines that are written when there is no memory, or no stack for a Lua function.
local BARE = {
  call = ": interrupted when it may have been applied",
  on_response = ": what on_response raised could not be reported",
  progress = ": what progress raised could not be reported",
  orphaned = ": nobody waited for the end of the call, and what became of it could not be reported",
}
local UNTOLD = ": what was raised could not be reported"
local WHY = ": no memory, or no room on the stack"

local function write(line)
  if not (host_log and pcall(host_log, host_level, line)) then log(line) end
end

local function as_it_is(text) return text end

-- An error value in a form that may be shown.
local function shown(client, problem)
  return errors.safe(errors.printed(problem), client and client.mask or as_it_is) or "nothing"
end

local function became(info)
  if info.kind then return format("%s, %s", info.kind, info.outcome) end
  return info.status and format("done, status %d", info.status) or "not known"
end

-- The request line, by which a person can check what happened. Without the query, as in the core's lines, because a
-- closed client has wiped its token and cannot mask it there.
local function request_of(client, info)
  if not info then return "" end
  if info.storage then return format(" [%s, a file at %s]", info.method, info.storage) end
  local mask = client and not client.closed and client.mask or as_it_is
  local path = errors.safe(gsub(info.path, "%?.*", ""), mask)
  return path and format(" [%s %s]", info.method, path) or ""
end

local function about(operation, user) return format("oneflow: %s%s: ", operation, user and " as " .. user or "") end

local function problem_line(client, problem, raised_in, operation, user, info, hook_problem)
  local what = raised_in == "call" and "interrupted" or raised_in .. " raised"
  write(format("%s%s: %s%s%s%s", about(operation, user), what, shown(client, problem),
    info and format(" (the call: %s)", became(info)) or "",
    hook_problem and "; and on_error raised: " .. shown(client, hook_problem) or "", request_of(client, info)))
end

local function orphan_line(client, info)
  write(format("%snobody waited for the end of the call: %s%s", about(info.operation, info.acting_user), became(info),
    request_of(client, info)))
end

-- Coroutine -> until when it may be in on_error: an error in the hook itself is written as a line. This is a time
-- because nginx may reuse a coroutine that it ended in the hook.
local inside = setmetatable({}, { __mode = "k" })
local STALE_SECONDS = 60

local function call_hook(hook, problem, raised_in, info)
  local co, now = running() or "main", clock.monotonic()
  if inside[co] and now < inside[co] then return false end
  info.raised_in, inside[co] = raised_in, now + STALE_SECONDS
  local good, why = pcall(hook, problem, info)
  inside[co] = nil
  return good, why
end

---What on_error gets: where the error was raised, and what is known of the call.
---@class oneflow.ErrorInfo: oneflow.ResponseInfo
---"on_response", "progress" (of a file), or "call": an error such as Ctrl-C, raised after the answer to a request that
---may have been applied had arrived; it is raised to the caller as well.
---@field raised_in string

--- Reports an error that no caller can catch, to the client's on_error(problem, info), or as a line.
---@param client table?  its state
---@param problem any  the error value
---@param raised_in string  see oneflow.ErrorInfo
---@param operation string
---@param user string?
---@param info table?  oneflow.ResponseInfo, as far as it is known; made for this report
function M.problem(client, problem, raised_in, operation, user, info)
  local hook = client and client.hooks and client.hooks.on_error
  local why
  if hook then
    local fine, called, hook_problem = pcall(call_hook, hook, problem, raised_in, info or {})
    if fine and called then return end
    why = fine and hook_problem or called
  end
  if pcall(problem_line, client, problem, raised_in, operation, user, info, why) then return end
  -- The hook may have changed its table.
  if pcall(problem_line, client, problem, raised_in, operation, user) then return end
  pcall(log, "oneflow: ", operation, user and " as ", user, BARE[raised_in] or UNTOLD, WHY)
end

--- Reports the result of a call whose caller no longer waits, to the client's on_response(info), or as a line.
---@param client table  its state
---@param info table  oneflow.ResponseInfo, with `orphaned`
function M.orphaned(client, info)
  local operation, user, hook = info.operation, info.acting_user, client.hooks and client.hooks.on_response
  if not hook then
    if not pcall(orphan_line, client, info) then
      pcall(log, "oneflow: ", operation, user and " as ", user, BARE.orphaned, WHY)
    end
    return
  end
  local good, problem = pcall(hook, info)
  if not good then M.problem(client, problem, "on_response", operation, user, info) end
end

return M

-- The one place that tells what no caller can be told: what a function of the program's raised after the request went
-- out, and what became of a call that nobody waits for. Told to the client's hooks or, without one, in a line: in the
-- error log of nginx, elsewhere on standard error. Told once, whatever happens; nothing here raises.
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local errors = require "oneflow.errors"

local format, gsub = string.format, string.gsub
local log, pcall, setmetatable = core.log, pcall, setmetatable
local running = coroutine.running

local M = {}

-- The log of the host, when it has one of its own, and the level of an error in there.
local host_log, host_level = false, nil

--- From now on lines go there: `write(level, line)`.
---@param write function  in C: there may be no memory, or no room on the stack, for one in Lua
function M.log_to(write, level) host_log, host_level = write, level end

-- What is told without memory, or with no room on the stack for a function in Lua.
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

-- What was raised, as it may be shown.
local function shown(client, problem)
  return errors.safe(errors.printed(problem), client and client.mask or as_it_is) or "nothing"
end

local function became(info)
  if info.kind then return format("%s, %s", info.kind, info.outcome) end
  return info.status and format("done, status %d", info.status) or "not known"
end

-- Which thing it was about: without that nobody can look at what became of it. Not its query, as in the core's lines,
-- which a client that was closed, and knows its token no more, does not keep back either.
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

-- Until when a coroutine may be in on_error: what the hook causes itself becomes a line. A time, as nginx may use a
-- coroutine again that it ended there.
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

---What on_error is told: where it was raised, and the call as far as it is known.
---@class oneflow.ErrorInfo: oneflow.ResponseInfo
---"on_response", "progress" (of a file), or "call": a Ctrl-C or the like, when the answer of what may have been applied
---had come; that passes on as well.
---@field raised_in string

--- Reports what was raised where nobody can catch it: to the client's on_error(problem, info), or in a line.
---@param client table?  its state
---@param problem any  what was raised
---@param raised_in string  see oneflow.ErrorInfo
---@param operation string
---@param user string?
---@param info table?  oneflow.ResponseInfo, as far as it is known; made for this
function M.problem(client, problem, raised_in, operation, user, info)
  local hook = client and client.hooks and client.hooks.on_error
  local why
  if hook then
    local fine, told, hook_problem = pcall(call_hook, hook, problem, raised_in, info or {})
    if fine and told then return end
    why = fine and hook_problem or told
  end
  if pcall(problem_line, client, problem, raised_in, operation, user, info, why) then return end
  -- Perhaps the hook changed its table.
  if pcall(problem_line, client, problem, raised_in, operation, user) then return end
  pcall(log, "oneflow: ", operation, user and " as ", user, BARE[raised_in] or UNTOLD, WHY)
end

--- Reports what became of a call that nobody waits for: to the client's on_response(info), or in a line.
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

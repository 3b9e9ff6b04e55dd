-- The calls of gatherers that must not be repeated. They and their clients outlive a gatherer that is collected: its
-- functions do not continue, but the results of these calls are reported. No loop runs for that; it is done after each
-- garbage collection. Calls that remain at the end of the state are reported by the core.
local core = require "oneflow.core"
local events = require "oneflow.call.events"

local next, pcall = next, pcall
local process, seal = core.process, core.seal

local M = {}

-- For each gatherer a table of its calls by number; only referenced here.
local living = {} -- luacheck: ignore 241
local abandoned = {} -- a list of such tables whose gatherers were collected
local looking = false

-- Removes done calls from the lists and reports them. Calls made before a fork belong to the parent.
local function take_done()
  local done, here = {}, process()
  for i = #abandoned, 1, -1 do
    local calls = abandoned[i]
    for number, call in next, calls do
      if call.process ~= here then
        calls[number] = nil
      elseif call.request.client.engine:done(call.handle) then
        done[#done + 1] = call
        calls[number] = nil
      end
    end
    if next(calls) == nil then
      abandoned[i] = abandoned[#abandoned]
      abandoned[#abandoned] = nil
    end
  end
  return done
end

local function report(done)
  for i = 1, #done do
    local call = done[i]
    pcall(events.orphaned, call.request, call.handle)
  end
end

local watch

-- Finalizers and the caller's hooks may run in here, but must not enter it again.
local function look()
  if looking then return end
  looking = true
  local good, done = pcall(take_done)
  if good then report(done) end
  looking = false
  if abandoned[1] then pcall(watch) end
end

local WATCH = { __gc = look, __metatable = false }

-- An object without references, which is finalized by the next collection.
function watch() seal({}, WATCH) end

--- The table of a new gatherer's calls, by number. Its contents stay referenced until they are removed.
function M.new()
  local calls = {}
  living[calls] = true
  return calls
end

--- Adds a call that must not be repeated.
function M.hold(calls, number, request, handle)
  calls[number] = {
    request = { -- without the waiter, which references the gatherer
      client = request.client, operation = request.operation, user = request.user, path = request.path,
      answer = request.answer, repeatable = false,
    },
    handle = handle, process = process(),
  }
end

local function abandon(calls)
  living[calls] = nil
  if next(calls) == nil then return end
  for _, call in next, calls do
    local engine = call.request.client.engine
    pcall(engine.cancel, engine, call.handle)
  end
  abandoned[#abandoned + 1] = calls
  watch()
end

--- The gatherer was collected. Requests that were not sent yet are not sent any more. (An error in a finalizer would be
--- raised at an arbitrary place.)
function M.abandon(calls) pcall(abandon, calls) end

return M

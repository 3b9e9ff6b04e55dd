-- The calls of gatherers that must not be repeated. They and their clients outlive a gatherer that becomes garbage: its
-- functions do not go on, but what became of these calls is reported. Nobody turns a loop for that; it is seen to after
-- each collection of garbage. What is left at the end of the state is the core's to tell.
local core = require "oneflow.core"
local events = require "oneflow.call.events"

local next, pcall = next, pcall
local process, seal = core.process, core.seal

local M = {}

-- The calls of gatherers, of each a table by their numbers: only held in here.
local living = {} -- luacheck: ignore 241
local abandoned = {} -- a list of those whose gatherers are garbage
local looking = false

-- Those that are done, out of their lists. What was made before a fork is the parent's to tell.
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

-- Finalizers may run in here, and hooks of the user's: those do not look again.
local function look()
  if looking then return end
  looking = true
  local good, done = pcall(take_done)
  if good then report(done) end
  looking = false
  if abandoned[1] then pcall(watch) end
end

local WATCH = { __gc = look, __metatable = false }

-- An object that nobody has: it is finalized after the next collection.
function watch() seal({}, WATCH) end

--- The calls of a new gatherer, by their numbers. Whatever is in there is held until it is taken out.
function M.new()
  local calls = {}
  living[calls] = true
  return calls
end

--- A call that must not be repeated.
function M.hold(calls, number, request, handle)
  calls[number] = {
    request = { -- without the waiter, which would hold the gatherer
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

--- The gatherer is garbage. What is not sent yet is not sent any more. (A finalizer that raises would raise anywhere.)
function M.abandon(calls) pcall(abandon, calls) end

return M

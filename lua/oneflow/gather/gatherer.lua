-- The gatherer: many calls at once for hosts with a loop of their own.
local core = require "oneflow.core"
local families = require "oneflow.families"
local loops = require "oneflow.gather.loop"
local options = require "oneflow.gather.options"
local orphans = require "oneflow.gather.orphans"
local usage = require "oneflow.usage"

local error, next, pcall, type = error, next, pcall, type
local format = string.format
local max = math.max
local monotonic, open, seal = core.monotonic, core.open, core.seal
local new_loop, spawn, stop, sweep, turn = loops.new, loops.spawn, loops.stop, loops.sweep, loops.turn

local M = {}

local LONG = 3600 -- seconds: until something happens

---Runs functions at once under a loop of the host's: its calls are carried by the I/O thread of the process.
---@class oneflow.Gatherer
local Gatherer = {}

local GATHERER = {
  __index = Gatherer, __metatable = false, __name = "oneflow.Gatherer",
  __tostring = function() return "oneflow gatherer" end,
}

-- Nobody can go on with its functions any more.
function GATHERER.__gc(self) orphans.abandon(open(self, GATHERER).calls) end

local HANDLE = { __metatable = false, __name = "oneflow.Gatherer.Handle" }

families.add("userdata", {
  state = function(value) return open(value, GATHERER) end, text = GATHERER.__tostring,
  limited = families.withheld "runs what else the host put into it",
})

local function loop_of(self, name)
  local loop = open(self, GATHERER)
  if not loop then families.refuse(self, "gatherer", name, "a gatherer") end
  return loop
end

-- Not from one of its own tasks, which would wait for itself.
local function outside(self, name)
  local loop = loop_of(self, name)
  if loop.turning then usage.raise(format("gatherer:%s inside of one of its own functions", name)) end
  return loop
end

local function start_waiting(loop)
  while loop.live < loop.concurrency do
    local entry = loop.waiting[loop.next]
    if not entry then return end
    loop.waiting[loop.next], loop.next = nil, loop.next + 1
    loop.live = loop.live + 1
    spawn(loop, entry.scope, false, entry.done, entry.fn)
  end
end

local function protected_turn(loop, seconds)
  if loop.cut then
    loop.cut = nil
    sweep(loop)
  end
  return turn(loop, seconds)
end

local function host_turn(loop, seconds)
  local good, some = pcall(protected_turn, loop, seconds)
  if not good then
    loop.cut, loop.turning = true, false
    error(some, 0)
  end
  local what = loop.raised
  loop.raised = nil
  if what then error(what[1], 0) end
  return some
end

--- Begins a function, or, with `concurrency` of them under way, lets it wait for its turn.
---@param fn fun(): any, any
---@param on_done fun(value: any, err: any, traceback: string?)?  told what it returned, or `nil, what it raised,
---traceback`; called by `poll`, or by `add` when the function makes no call. Without one, a raise passes on from there
---@return userdata handle  for cancel
function Gatherer:add(fn, on_done)
  local loop = loop_of(self, "add")
  if type(fn) ~= "function" then usage.raise("gatherer:add: a function expected, got " .. type(fn)) end
  if on_done ~= nil and type(on_done) ~= "function" then
    usage.raise("gatherer:add: on_done: a function expected, got " .. type(on_done))
  end
  local scope = { above = loop.scope }
  local function done(good, value, err, trace)
    loop.live = loop.live - 1
    if not good then value, err = nil, value end
    start_waiting(loop)
    local fine, what = true, nil
    if on_done then
      fine, what = pcall(on_done, value, err, trace)
    elseif not good then
      fine, what = false, err
    end
    if not fine then loop.raised = loop.raised or { what } end
  end
  loop.count = loop.count + 1
  loop.waiting[loop.count] = { fn = fn, scope = scope, done = done }
  start_waiting(loop)
  if not loop.turning then host_turn(loop) end
  return seal(scope, HANDLE)
end

--- Cancels a function, or all: no call of theirs begins any more, and those under way end as `cancelled`, but for
--- those on the wire that must not be repeated.
---@param handle userdata?  of add
function Gatherer:cancel(handle)
  local loop = loop_of(self, "cancel")
  if handle == nil then
    stop(loop, loop.scope, "the gatherer was cancelled")
    loop.scope = {} -- of what is added from now on
    return
  end
  local scope = open(handle, HANDLE)
  if not scope then usage.raise("gatherer:cancel: what add returned expected, got " .. type(handle)) end
  stop(loop, scope, "the function was cancelled")
end

--- Goes on with what is done.
---@param seconds number?  waits at most so long for something to be (0: never)
---@return boolean idle  nothing is left
function Gatherer:poll(seconds)
  local loop = outside(self, "poll")
  if seconds ~= nil and type(seconds) ~= "number" then
    usage.raise("gatherer:poll: seconds expected, got " .. type(seconds))
  end
  local deadline = monotonic() + (seconds or 0)
  repeat
    local left = max(0, deadline - monotonic())
  until host_turn(loop, left) or left == 0 or next(loop.tasks) == nil
  return next(loop.tasks) == nil
end

--- Goes on until nothing is left.
function Gatherer:wait()
  local loop = outside(self, "wait")
  while next(loop.tasks) ~= nil do host_turn(loop, LONG) end
end

--- A descriptor that is readable while `poll` has something to do; nil when none can be had.
---@return integer?
function Gatherer:fd() return loop_of(self, "fd").queue:fd() end

--- With `events` and `timeout`, what cqueues.poll asks for.
---@return integer?
function Gatherer:pollfd() return loop_of(self, "pollfd").queue:fd() end

---@return string
function Gatherer:events()
  return loop_of(self, "events") and "r"
end

---@return number? seconds  after which `poll` has something to do whatever the descriptor says
function Gatherer:timeout()
  local loop = loop_of(self, "timeout")
  if loop.first <= loop.last then return 0 end
  if not loop.queue:fd() and next(loop.tasks) ~= nil then return 1 / 100 end
  return nil
end

--- Makes a gatherer. In a host without a loop of its own, gather and map do the same.
---@param opts { concurrency: integer? }?  functions under way at once (16; 1 to 1000)
---@return oneflow.Gatherer
function M.gatherer(opts)
  opts = options.read("gatherer", opts, { concurrency = options.KNOWN.concurrency })
  local loop = new_loop "threaded"
  loop.hosted, loop.scope, loop.live, loop.concurrency = true, {}, 0, opts.concurrency or options.CONCURRENCY
  loop.waiting, loop.next, loop.count, loop.calls = {}, 1, 0, orphans.new()
  return seal(loop, GATHERER)
end

return M

-- Runs the functions of gather and map in nginx: each in a light thread of its own, whose calls wait as others do. The
-- light thread that gathers waits for those that it started (nginx allows only that), and starts the next ones. A stop
-- lets running functions end. Where there are no light threads, as in init_by_lua, functions run one after another, and
-- a call's `blocking` option says whether it may wait.
local clock = require "oneflow.base.clock"
local groups = require "oneflow.gather.group"
local loops = require "oneflow.gather.loop"

local error, next, package, pcall, setmetatable, xpcall = error, next, package, pcall, setmetatable, xpcall
local max, min = math.max, math.min
local running, status = coroutine.running, coroutine.status
local unpack = table.unpack or unpack
local raised, stopped, within = loops.raised, loops.stopped, loops.within
local ngx = package.loaded.ngx
local new_semaphore -- ngx.semaphore's

local DAY, LEAST_SECONDS = 86400, 1 / 1000

local M = {}

--- By coroutine: the waiters of light threads that were started here.
M.waiters = setmetatable({}, { __mode = "k" })
local waiters = M.waiters

-- The scopes of pausing light threads, by their semaphores. Only the waiting light thread references its semaphore,
-- because nginx drops light threads silently.
local pausing = setmetatable({}, { __mode = "k" })

local function pause(self, seconds)
  local scope, due, left = self.scope, clock.monotonic() + seconds, seconds
  local why = stopped(scope)
  if why then return nil, "cancelled", why end
  local semaphore, problem = new_semaphore()
  if not semaphore then error(problem, 0) end
  pausing[semaphore] = scope
  repeat
    semaphore:wait(min(max(left, LEAST_SECONDS), DAY))
    why, left = stopped(scope), due - clock.monotonic()
  until why or left <= 0
  pausing[semaphore] = nil
  if why then return nil, "cancelled", why end
  return true
end

-- A waiter that refuses calls and ends pauses after its scope was stopped.
local function guarded(base, scope)
  local waiter = { scope = scope, request = ngx.ctx, pause = pause }
  function waiter.admit(_, client)
    local why = stopped(scope)
    if why then return nil, "cancelled", why end
    return base:admit(client)
  end
  return setmetatable(waiter, { __index = base })
end

local room = {}

function room.start(worker, scope, run, step, item, index)
  local base = worker.group.base
  local task = { step = step, item = item, index = index, ended = false, good = false, value = nil, err = nil }
  local function body()
    local co = base and running()
    if co then waiters[co] = guarded(base, scope) end
    task.good, task.value, task.err = xpcall(run, raised, worker, task)
    task.ended = true
    if co then waiters[co] = nil end
  end
  if base then
    local good, co = pcall(ngx.thread.spawn, body)
    if not good then return nil, co end
    task.co = co
  else
    body()
  end
  worker.task = task
  return task
end

function room.add(group, worker)
  local ready = group.ready
  ready[#ready + 1] = worker
end

function room.remove(group, worker)
  worker.task = nil
  group.under_way[worker] = nil
end

function room.stop(group, why)
  if group.stopped then return end
  group.stopped = why
  for semaphore, scope in next, pausing do
    if within(scope, group) then semaphore:post() end
  end
end

local function advance(group, worker)
  local task = worker.task
  while task do
    if not task.ended then
      group.under_way[worker] = true
      return
    end
    if task.co then ngx.thread.wait(task.co) end -- returns at once, because it has ended
    task = task.step(worker, task)
  end
end

-- Waits until a light thread has ended. One that died without memory counts as failed.
local function wait(group)
  local list = {}
  for worker in next, group.under_way do list[#list + 1] = worker.task.co end
  local _, what = ngx.thread.wait(unpack(list))
  for worker in next, group.under_way do
    local task = worker.task
    if not task.ended and status(task.co) == "dead" then task.value, task.ended = what, true end
  end
end

local function ended_one(group)
  for worker in next, group.under_way do
    if worker.task.ended then
      group.under_way[worker] = nil
      return worker
    end
  end
end

-- Runs a group to its end; `base`: the waiter of the gathering light thread.
local function run(group, base)
  group.base, group.above = base, base and base.scope
  group.outer = group.above or {}
  if not base then group.concurrency = 1 end
  group.under_way, group.ready = {}, {}
  groups.add_worker(group)
  while group.live > 0 do
    local ready = group.ready
    local worker = ready[#ready]
    if worker then
      ready[#ready] = nil
    else
      worker = ended_one(group)
    end
    if worker then advance(group, worker) else wait(group) end
  end
end

---@param base fun(): table?  returns the waiter of the running code
---@param semaphore function  creates a semaphore
function M.parallel(base, semaphore)
  new_semaphore = semaphore
  local parallel = { room = room }

  function parallel.prepare() end

  function parallel.run(group) run(group, (base())) end

  function parallel.settle(group, what)
    if not group.raised then group:problem(what) end
    group.raised = true
  end

  parallel.lose = parallel.settle

  return parallel
end

return M

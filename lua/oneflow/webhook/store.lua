-- Stores which callback ids are being handled, and which were. A claim is a lease: if its owner dies, the lease ends,
-- and the service's next try is passed on.
local clock = require "oneflow.base.clock"
local usage = require "oneflow.errors.usage"

local rawget, setmetatable, type = rawget, setmetatable, type
local floor, format = math.floor, string.format

local M = {}

---Stores a receiver's callback ids. A custom store (a database, for example) has these three methods. Each may return
---`nil, message`, or raise, if it fails: the call is then answered 500, and the service tries again.
---@class oneflow.WebhookStore
---`"claimed"` and the claim, if nobody had the id: then nobody else gets it for `lease` seconds. `"running"` while
---somebody has it, `"done"` once it is recorded. Atomic, also among processes.
---@field claim fun(self, id: string, lease: number): "claimed"|"running"|"done"|nil, any
---Records for `keep` seconds that the id is done, no matter who has it.
---@field record fun(self, id: string, claim: any, keep: number): true?, string?
---Releases the id, unless the lease is over and somebody else has it now.
---@field release fun(self, id: string, claim: any): true?, string?

-- ---- in memory -------------------------------------------------------------------------------------------------

local Memory = {}
Memory.__index = Memory

-- Removes expired entries, oldest first, and keeps at most `max`.
local function purge(self, now)
  while self.first <= self.last do
    local entry = self.queue[self.first]
    local current = self.entries[entry.id] == entry
    if current and entry.ends > now and self.last - self.first < self.max then return end
    if current then self.entries[entry.id] = nil end
    self.queue[self.first] = nil
    self.first = self.first + 1
  end
end

local function put(self, id, done, seconds)
  local now = clock.monotonic()
  local entry = { id = id, done = done, ends = now + seconds }
  self.entries[id] = entry
  self.last = self.last + 1
  self.queue[self.last] = entry
  purge(self, now)
  return entry
end

function Memory:claim(id, lease)
  local entry = self.entries[id]
  if entry and entry.ends > clock.monotonic() then return entry.done and "done" or "running" end
  return "claimed", put(self, id, false, lease)
end

function Memory:record(id, _, keep)
  put(self, id, true, keep)
  return true
end

function Memory:release(id, claim)
  if self.entries[id] == claim then self.entries[id] = nil end
  return true
end

--- A store in the memory of this Lua state: for one process that handles all calls.
---@param max integer?  number of ids (100000); beyond that the oldest are dropped
---@return oneflow.WebhookStore
function M.memory(max)
  if max ~= nil and (type(max) ~= "number" or max < 1) then
    usage.raise("webhook.memory: a number of ids, from 1, expected")
  end
  return setmetatable({ entries = {}, queue = {}, first = 1, last = 0, max = max or 100000 }, Memory)
end

-- ---- among nginx's workers -------------------------------------------------------------------------------------

local Shared = {}
Shared.__index = Shared

-- Values are numbers, so a claim is as long as the value that replaces it: a full dictionary can always make room by
-- dropping entries. A claim is identified by the worker's pid and a counter.
local DONE, PREFIX = 0, "oneflow:"
local COUNTS = 2 ^ 31
-- A claim this close to its end is left to expire, because reading and deleting are two steps.
local MARGIN = 1 / 2

function Shared:claim(id, lease)
  local ngx = rawget(_G, "ngx")
  local pid = ngx.worker.pid()
  if self.pid ~= pid then -- a new worker: counts on from where an earlier one with this pid cannot have been
    self.pid, self.count = pid, floor(clock.monotonic() * 1000)
  end
  self.count = (self.count + 1) % COUNTS
  local name = pid * COUNTS + self.count
  for _ = 1, 2 do
    -- A full dictionary drops the least recently used ids: handling a call twice is better than not at all.
    local added, problem = self.dict:add(PREFIX .. id, name, lease)
    if added then return "claimed", { name = name, ends = clock.monotonic() + lease - MARGIN } end
    if problem ~= "exists" then return nil, "the shared dictionary: " .. problem end
    local value = self.dict:get(PREFIX .. id)
    if value then return value == DONE and "done" or "running" end
    -- It expired between the two steps: tries again.
  end
  return "running"
end

function Shared:record(id, _, keep)
  local good, problem = self.dict:set(PREFIX .. id, DONE, keep)
  if good then return true end
  return nil, "the shared dictionary: " .. problem
end

function Shared:release(id, claim)
  local mine = clock.monotonic() < claim.ends and self.dict:get(PREFIX .. id) == claim.name
  if mine then self.dict:delete(PREFIX .. id) end
  return true
end

--- A store in a shared dictionary of nginx (`lua_shared_dict oneflow_webhooks 1m;`), for all its workers. It exists as
--- long as nginx runs, even if a worker dies. When full, it drops the oldest ids.
---@param name string  name of the dictionary
---@return oneflow.WebhookStore
function M.shared(name)
  local ngx = rawget(_G, "ngx")
  if not ngx or not ngx.shared then usage.raise("webhook.shared: there are shared dictionaries in nginx alone") end
  if type(name) ~= "string" then usage.raise("webhook.shared: a dictionary's name expected, got " .. type(name)) end
  local dict = ngx.shared[name]
  if not dict then
    usage.raise(format("webhook.shared: no such dictionary; say `lua_shared_dict %s 1m;` in nginx.conf", name))
  end
  return setmetatable({ dict = dict }, Shared)
end

return M

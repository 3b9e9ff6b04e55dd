-- gather and map: many calls at once, begun and waited for in one go. Where they run is `parallel` of the host.
local groups = require "oneflow.gather.group"
local hosts = require "oneflow.hosts"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local usage = require "oneflow.errors.usage"

local error, next, pcall, type = error, next, pcall, type
local format = string.format

local M = {}

local AFTER = { "settle", "lose", "lose" }

-- A hook of the user's may raise at any instruction, and once more in what is done about that. Therefore each of these
-- runs the one before under a pcall: what is raised has the results so far.
local function protected(group, level)
  if level == 0 then
    group.parallel.run(group)
  else
    local good, results, failures = pcall(protected, group, level - 1)
    if good then return results, failures end
    if results ~= group.error then group.parallel[AFTER[level]](group, results) end
  end
  group:trim()
  if group.raised then error(group.error, 0) end
  return group.results, group.failures
end

local function run(items, total, fn, opts)
  local parallel = hosts.here().parallel
  local group = groups.new(parallel.room, items, total, fn, opts)
  group.parallel = parallel
  parallel.prepare(group)
  return protected(group, #AFTER)
end

-- ---- as it is called ---------------------------------------------------------------------------------------------

---One item that failed, in the order of failing.
---@class oneflow.Failure
---@field index integer
---@field item any  what the function was given; of a gather, the function
---@field err any  what it returned behind nil or false, or what it raised
---@field traceback string?  of a raise

---@class oneflow.GatherOptions
---@field concurrency integer?  functions under way at once (16; 1 to 1000). A client's own `concurrency` bounds its
---calls besides, and 16 is its default too
---@field stop boolean?  stop at the first failure: nothing more begins, and calls under way end as `cancelled`, but
---for those on the wire that must not be repeated; these run to their end, and their functions get the answer
---@field progress fun(done: integer, total: integer?)?  after each item; the total of an iterator is not known
---@field on_result fun(index: integer, item: any, value: any, err: any)?  called once for each item that ended,
---right when it ended, with what its function returned, or nil and why it failed. What it raises stops all, as a raise
---of `progress` or of the iterator does, and it is not called again

--- Calls `fn(item, index)` for each item, many at once, and returns when all have ended. A function fails that returns
--- nil or false with something behind, or raises; the others are not touched by that.
---
--- Calls in `fn` wait without stopping the others; in a coroutine of the user's own, in `table.sort` and the like they
--- wait as anywhere else, and the others with them. What the iterator, `progress` or `on_result` raises stops all,
--- as does a Ctrl-C; an oneflow.GatherError is raised when all have ended, which has the results so far.
---@param items any[]|fun(): any  a list, a page, or an iterator such as `each` returns: a function called without
---arguments, until nil, and never more than `concurrency` items ahead of what has ended
---@param fn fun(item: any, index: integer): any, any
---@param opts oneflow.GatherOptions?
---@return table results  by index; `n`: how many items were taken
---@return oneflow.Failure[] failures
function M.map(items, fn, opts)
  if type(fn) ~= "function" then usage.raise("map: a function expected, got " .. type(fn)) end
  opts = options.read(lists.gather, opts, "map")
  if type(items) == "function" then return run(items, nil, fn, opts) end
  if type(items) ~= "table" then usage.raise("map: a list or an iterator expected, got " .. type(items)) end
  return run(items, #items, fn, opts)
end

local function call(fn) return fn() end

--- Runs functions at once: `gather{ fn, fn, ..., concurrency = 16, stop = false, progress = fn, on_result = fn }`;
--- see map.
---@param functions table  a list of functions, and oneflow.GatherOptions
---@return table results  by index; `n`: how many functions were begun
---@return oneflow.Failure[] failures
function M.gather(functions)
  if type(functions) ~= "table" then
    usage.raise("gather: a list of functions expected, got " .. type(functions))
  end
  local list, named = {}, {}
  for i = 1, #functions do
    list[i] = functions[i]
    if type(list[i]) ~= "function" then
      usage.raise(format("gather: [%d]: function expected, got %s", i, type(list[i])))
    end
  end
  for name, value in next, functions do
    if list[name] == nil then named[name] = value end
  end
  return run(list, #list, call, options.read(lists.gather, named, "gather"))
end

return M

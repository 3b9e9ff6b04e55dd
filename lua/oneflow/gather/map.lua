-- gather and map: start many calls at once and wait for all of them. The host's `parallel` runs the functions.
local groups = require "oneflow.gather.group"
local hosts = require "oneflow.hosts"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local usage = require "oneflow.errors.usage"

local error, next, pcall, type = error, next, pcall, type
local format = string.format

local M = {}

local AFTER = { "settle", "lose", "lose" }

-- A hook of the caller's may raise at any instruction, and again while that error is handled. Therefore each of these
-- functions runs the previous one in pcall, so that the error that is raised in the end has the results so far.
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

---A failed item; the list is in the order of failing.
---@class oneflow.Failure
---@field index integer
---@field item any  the function's argument; for gather, the function
---@field err any  the second value that it returned, or the error that it raised
---@field traceback string?  if it raised

---@class oneflow.GatherOptions
---@field concurrency integer?  functions that run at once (16; 1 to 1000). A client's own `concurrency`, also 16 by
---default, limits its calls as well
---@field stop boolean?  stop at the first failure: no more functions start, and running calls end as `cancelled`,
---except those on the wire that must not be repeated; these run to their end, and their functions get the answer
---@field progress fun(done: integer, total: integer?)?  called after each item; an iterator has no total
---@field on_result fun(index: integer, item: any, value: any, err: any)?  called once for each item, as soon as it has
---ended, with what its function returned, or nil and the error. If it, `progress` or the iterator raises, everything is
---stopped, and it is not called again

--- Calls `fn(item, index)` for each item, many at once, and returns when all have ended. A function fails if it raises,
--- or returns nil or false with a second value; the others continue.
---
--- While a call in `fn` waits, the others run. In a coroutine of the caller's own, in `table.sort` and the like, a call
--- blocks, and the others wait, too. If the iterator, `progress` or `on_result` raises, or on Ctrl-C, everything is
--- stopped; when all have ended, an oneflow.GatherError with the results so far is raised.
---@param items any[]|fun(): any  a list, a page, or an iterator such as `each` returns: a function that is called
---without arguments until it returns nil, and never more than `concurrency` items ahead of the ended ones
---@param fn fun(item: any, index: integer): any, any
---@param opts oneflow.GatherOptions?
---@return table results  by index; `n`: how many items were started
---@return oneflow.Failure[] failures
function M.map(items, fn, opts)
  if type(fn) ~= "function" then usage.raise("map: a function expected, got " .. type(fn)) end
  opts = options.read(lists.gather, opts, "map")
  if type(items) == "function" then return run(items, nil, fn, opts) end
  if type(items) ~= "table" then usage.raise("map: a list or an iterator expected, got " .. type(items)) end
  return run(items, #items, fn, opts)
end

local function call(fn) return fn() end

--- Runs functions concurrently: `gather{ fn, fn, ..., concurrency = 16, stop = false, progress = fn, on_result = fn }`;
--- see map.
---@param functions table  a list of functions, with oneflow.GatherOptions as fields
---@return table results  by index; `n`: how many functions were started
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

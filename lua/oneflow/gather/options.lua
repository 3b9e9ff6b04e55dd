-- The options of gather, map and gatherer.
local check = require "oneflow.check"
local usage = require "oneflow.usage"

local next, type = next, type
local format = string.format

local M = {}

M.CONCURRENCY = 16 -- functions under way at once, if not said

local function check_function(name, value)
  if type(value) ~= "function" then usage.raise(format("%s: function expected, got %s", name, type(value))) end
end

M.KNOWN = {
  concurrency = function(name, value) check.whole(name, value, 1, 1000) end,
  stop = function(name, value)
    if type(value) ~= "boolean" then usage.raise(format("%s: boolean expected, got %s", name, type(value))) end
  end,
  progress = check_function,
  on_result = check_function,
}

function M.read_one(who, name, value, known)
  if not known[name] then
    usage.raise(format("%s: unknown option %s%s", who, usage.show(name), usage.hint(name, usage.names(known))))
  end
  known[name](name, value)
end

function M.read(who, opts, known)
  if opts ~= nil and type(opts) ~= "table" then
    usage.raise(format("%s: a table of options expected, got %s", who, type(opts)))
  end
  local copy = {}
  for name, value in next, opts or {} do
    M.read_one(who, name, value, known)
    copy[name] = value
  end
  return copy
end

return M

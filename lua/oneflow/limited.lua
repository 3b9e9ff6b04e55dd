-- The environment for scripts that are not trusted: from what they are given in it, a view for example, no path leads
-- to anything else. What ends a script that runs or allocates without end is the host's: see examples/host.
local object = require "oneflow.object"
local usage = require "oneflow.usage"

local load, next, pairs, sub, type = load, next, pairs, string.sub, type

local M = {}

-- Left out of the base functions: whatever loads code, changes an environment or a metatable, or steers the collector.
local BASE = {
  "_VERSION", "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "select",
  "tonumber", "tostring", "type", "unpack", "xpcall",
}
local LIBRARIES = { "coroutine", "math", "string", "table", "utf8" }
local LEFT_OUT = { dump = true, randomseed = true } -- code as bytes; the numbers that the host draws, too

--- A new environment: base functions, copies of string, table, math, coroutine and utf8, and what is given.
--- Through the views in it no file of this machine is opened: uploads are from strings, downloads to functions.
---@param given table<string, any>?  what the script gets besides: views, a `print` of the host. A view that is deeper
---  in it, in a table, stays as it is: make it with client:user(x, { paths = false })
---@return table environment
function M.environment(given)
  local environment = {}
  for _, name in pairs(BASE) do environment[name] = _G[name] end
  for _, name in pairs(LIBRARIES) do
    local library = _G[name]
    if library then
      environment[name] = {}
      for key, value in next, library do
        if not LEFT_OUT[key] then environment[name][key] = value end
      end
    end
  end
  environment._G = environment
  if given ~= nil and type(given) ~= "table" then
    usage.raise("limited: a table of globals expected, got " .. type(given))
  end
  for name, value in next, given or {} do environment[name] = object.without_paths(value) end
  return environment
end

--- A script as a function that runs in such an environment. Text only: precompiled code can break any limit.
---@param text string
---@param name string  what messages call it: "report.lua"
---@param given table<string, any>?  see M.environment
---@return function? run, string? message
function M.load(text, name, given)
  if type(text) ~= "string" or type(name) ~= "string" then usage.raise("limited.load: text and name expected") end
  return load(text, "=" .. sub(name, 1, 60), "t", M.environment(given))
end

return M

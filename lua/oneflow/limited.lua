-- The environment for untrusted scripts: through the objects that they get, for example a user, they cannot reach
-- anything else. The host has to end scripts that run or allocate without end: see examples/host.
local families = require "oneflow.object.families"
local hosts = require "oneflow.hosts"
local usage = require "oneflow.errors.usage"

local error, load, next, pairs, type = error, load, next, pairs, type
local find, format, sub = string.find, string.format, string.sub

local M = {}

-- Base functions that are left out: those that load code, change an environment or a metatable, or control the garbage
-- collector.
local BASE = {
  "_VERSION", "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "select",
  "tonumber", "tostring", "type", "unpack", "xpcall",
}

-- The library functions of Lua's manuals, whatever the host has added: nginx keeps the interpreter's own coroutine
-- functions with its own, and with these a script could resume coroutines that nginx waits for. Left out are dump (code
-- as bytes) and randomseed (the host uses random numbers, too).
local LIBRARIES = {
  coroutine = { "close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield" },
  math = {
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "huge",
    "ldexp", "log", "log10", "max", "maxinteger", "min", "mininteger", "modf", "pi", "pow", "rad", "random", "sin",
    "sinh", "sqrt", "tan", "tanh", "tointeger", "type", "ult",
  },
  string = {
    "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse",
    "sub", "unpack", "upper",
  },
  table = { "concat", "insert", "maxn", "move", "pack", "remove", "sort", "unpack" },
  utf8 = { "char", "charpattern", "codepoint", "codes", "len", "offset" },
}

local function result_of(good, ...)
  if not good then error((...), 0) end
  return ...
end

-- A replacement where coroutine.wrap is the host's own, which ends the request if the wrapped function raises, whatever
-- pcall surrounds the script.
local function new_wrap(create, resume)
  return function(fn)
    local co = create(fn)
    return function(...) return result_of(resume(co, ...)) end
  end
end

-- A name as part of a path in a message.
local function named(path, key)
  local plain = type(key) == "string" and #key <= 40 and find(key, "^[A-Za-z_][A-Za-z0-9_]*$")
  if not plain then return path .. "[...]" end
  return path == "" and key or path .. "." .. key
end

local WITH_PATHS = "opens files of this machine: make it through a user without paths, "
  .. 'client:user("anna@example.com", { paths = false })'

-- Raises if a table contains something that a script must not get as it is. Tables are not copied, because host and
-- script may share them: so their contents must have the limited form already.
local function must_be_fit(value, path, modules, seen)
  local given, why = families.limited(value)
  if why == nil and given ~= value then why = WITH_PATHS end
  if why then usage.raise(format("limited: %s: %s %s", path, families.describe(value), why)) end
  if modules[value] then
    usage.raise(format("limited: %s: a script could change the module %s for all who use it: give functions of it",
      path, modules[value]))
  end
  if type(value) ~= "table" or seen[value] or families.of(value) then return end
  seen[value] = true
  for key, item in next, value do
    local name = named(path, key)
    must_be_fit(key, name, modules, seen)
    must_be_fit(item, name, modules, seen)
  end
end

--- A new environment: base functions, copies of string, table, math, coroutine and utf8 with the functions of Lua's
--- manuals, and the given values. (Functions that a program adds to `string` are available to every script, as methods
--- of its strings.)
---
--- A script can get objects of the library that belong to one user: items, collections, pages, iterators. They are
--- replaced by a form that cannot open local files (uploads come from strings, downloads go to functions). A client, an
--- object obtained directly from a client, gatherers, receivers, sandboxes, functions that make clients, and modules
--- raise, in tables at any depth, too. The upvalues, results and arguments of the host's functions cannot be checked
--- here. `sleep = oneflow.sleep` lets a script wait; in a coroutine of its own, or outside of a gather, that blocks the
--- host as a call does, for up to 30 days.
---
--- Time and memory are not limited here. A script can keep the state busy for ever in one C function (a pattern,
--- table.move), in which no debug hook is called, and can crash LuaJIT by recursion through C functions: run a script
--- that may be hostile in a process of its own, with limits on both. See docs/c.md and examples/host.
---@param given table<string, any>?  further values for the script: users, a `print` function of the host. Tables are
---  shared with the script, not copied
---@return table environment
function M.environment(given)
  local environment = {}
  for _, name in pairs(BASE) do environment[name] = _G[name] end
  for name, members in next, LIBRARIES do
    local library = _G[name]
    if library then
      local copy = {}
      for _, member in next, members do copy[member] = library[member] end
      environment[name] = copy
    end
  end
  local coroutine = environment.coroutine
  if coroutine and hosts.own_wrap then coroutine.wrap = new_wrap(coroutine.create, coroutine.resume) end
  environment._G = environment
  if given ~= nil and type(given) ~= "table" then
    usage.raise("limited: a table of globals expected, got " .. type(given))
  end
  local modules, seen = {}, {}
  for name, module in next, package.loaded do
    if type(module) == "table" then modules[module] = name end
  end
  for name, value in next, given or {} do
    local limited = families.limited(value)
    if limited == nil then limited = value end
    must_be_fit(name, named("", name), modules, seen)
    must_be_fit(limited, named("", name), modules, seen)
    environment[name] = limited
  end
  return environment
end

--- Loads a script as a function that runs in such an environment. Accepts source text only: precompiled code can evade
--- any limit.
---@param text string
---@param name string  the name in messages: "report.lua"
---@param given table<string, any>?  see M.environment
---@return function? run, string? message
function M.load(text, name, given)
  if type(text) ~= "string" or type(name) ~= "string" then usage.raise("limited.load: text and name expected") end
  return load(text, "=" .. sub(name, 1, 60), "t", M.environment(given))
end

return M

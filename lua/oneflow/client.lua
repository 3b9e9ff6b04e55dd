-- Making a client: its options, and nothing on the network.
local core = require "oneflow.core"
local check = require "oneflow.check"
local errors = require "oneflow.errors"
local families = require "oneflow.families"
local object = require "oneflow.object"
local usage = require "oneflow.usage"
local version = require "oneflow.version"

local find, format, match = string.find, string.format, string.match
local ipairs, next, type = ipairs, next, type

local PRODUCT = "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"

local ENVIRONMENTS = {
  production = "https://api.oneflow.com/v1",
  test = "https://api.test.oneflow.com/v1",
}

local function typed(expected)
  return function(name, value)
    if type(value) ~= expected then usage.raise(format("%s: %s expected, got %s", name, expected, type(value))) end
  end
end

local HOOKS = { on_request = true, on_response = true, on_error = true }

local OPTIONS = {
  token = function(name, value)
    if type(value) ~= "string" and type(value) ~= "function" and not core.is_token_source(value) then
      usage.raise(format("%s: string or function expected, got %s", name, type(value)))
    end
  end,
  token_file = typed "string", token_env = typed "string",
  environment = function(name, value)
    if not ENVIRONMENTS[value] then usage.raise(name .. ': "production" or "test" expected') end
  end,
  base_url = typed "string", ca_file = typed "string", proxy = typed "string",
  timeout = check.seconds, attempt_timeout = check.seconds, connect_timeout = check.seconds,
  retry = check.retry,
  concurrency = function(name, value) check.whole(name, value, 1, 1000) end,
  max_body = function(name, value) check.whole(name, value, 1, 2 ^ 40) end,
  stall_timeout = function(name, value) check.whole(name, value, 1, 3600) end,
  drain = function(name, value)
    typed "number" (name, value)
    if not (value >= 0 and value <= 60) then usage.raise(name .. ": seconds from 0 to 60 expected") end
  end,
  hooks = function(name, value)
    typed "table" (name, value)
    for hook, fn in next, value do
      if not HOOKS[hook] then
        usage.raise(format("%s has no %s%s", name, usage.show(hook), usage.hint(hook, usage.names(HOOKS))))
      end
      typed "function" (name .. "." .. hook, fn)
    end
  end,
  app = function(name, value)
    typed "string" (name, value)
    if #value > 64 or not match(value, PRODUCT) then usage.raise(name .. ': "name/version" expected') end
  end,
  transport = typed "function", socket_dir = typed "string",
}

local TOKENS = { "token", "token_file", "token_env" }

local function read(options)
  if type(options) ~= "table" then usage.raise("oneflow.client: a table of options expected, got " .. type(options)) end
  local copy = {}
  for name, value in next, options do
    local good = OPTIONS[name]
    if not good then
      local hint = (name == "as" or name == "user") and "; a client has no default user: use client:user(...)"
        or usage.hint(name, usage.names(OPTIONS))
      usage.raise(format("oneflow.client: unknown option %s%s", usage.show(name), hint))
    end
    good(name, value)
    copy[name] = value
  end
  local tokens = 0
  for _, name in ipairs(TOKENS) do if copy[name] ~= nil then tokens = tokens + 1 end end
  if tokens ~= 1 then usage.raise("oneflow.client: one of token, token_file and token_env expected") end
  if copy.environment and copy.base_url then usage.raise("oneflow.client: environment or base_url, not both") end
  return copy
end

---Functions that see every attempt. Their tables hold no secret, and are theirs to keep.
---@class oneflow.Hooks
---Before an attempt. What it raises passes on to who made the call; nothing is sent.
---@field on_request fun(info: oneflow.RequestInfo)?
---After an attempt.
---@field on_response fun(info: oneflow.ResponseInfo)?
---Told what a function of the program's raised when it was too late to pass it on. Without this hook, or when it raises
---too, a line is written: in nginx to the error log, elsewhere to standard error.
---@field on_error fun(problem: any, info: oneflow.ErrorInfo)?

---@class oneflow.ClientOptions
---@field token (string|fun(reason: "first"|"refused"): string?, string?)?  the API token, or who is asked for it
---@field token_file string?  a file that only its owner can read
---@field token_env string?  the name of an environment variable
---@field environment ("production"|"test")?
---@field base_url string?  https, or http on this machine
---@field ca_file string?  certificates to trust instead of the system's
---@field proxy string?  an URL, or "env" for the environment's
---@field timeout number?  seconds, a whole call, with the token's function (60)
---@field attempt_timeout number?  seconds, one attempt (30)
---@field connect_timeout number?  seconds (3)
---@field retry (false|{ attempts: integer })?
---@field concurrency integer?  calls under way at once (16)
---@field max_body integer?  bytes of a decoded answer (32 MiB)
---@field stall_timeout integer?  seconds without a byte, after which a file's transfer is given up (20)
---@field drain number?  seconds that the end of the process waits for answers to what may have been applied (3)
---@field hooks oneflow.Hooks?
---@field app string?  "name/version", for the user agent
---@field socket_dir string?  in nginx: a folder of mode 0700 for the worker's socket; the first client's counts
---Answers instead of the network; for tests. What it raises is an error of kind connection, and may have been applied.
---@field transport fun(request: table): integer, table, string?

--- Makes a client. Reads the token's file or variable; does no network I/O.
---@param options oneflow.ClientOptions
---@return oneflow.Client? client, oneflow.Error? err  validation: a token, base_url or ca_file; memory
local function new(options)
  local opts = read(options)
  local state = {
    timeout = opts.timeout or 60, attempt_timeout = opts.attempt_timeout or 30,
    transport = opts.transport, token_file = opts.token_file, socket_dir = opts.socket_dir,
    generation = 1, -- of the token: a 401 for an older one needs no asking
    so_far = false, -- of calls that ended, to be used again: see oneflow.call
  }
  if opts.hooks then
    state.hooks = {}
    for name, fn in next, opts.hooks do state.hooks[name] = fn end
  end
  if type(opts.token) == "function" then
    state.token_function, opts.token, state.generation = opts.token, nil, 0
  elseif type(opts.token) == "userdata" then -- oneflow_client made it: a callback in C, which only the engine asks
    state.token_callback, opts.token_source, opts.token, state.generation = true, opts.token, nil, 0
  end
  local base_url = opts.base_url or ENVIRONMENTS[opts.environment or "production"]
  for _, name in ipairs { "token_file", "token_env", "ca_file", "proxy" } do
    if opts[name] and find(opts[name], "\0", 1, true) then usage.raise(name .. ": holds a NUL byte") end
  end
  local engine, option, problem = core.engine {
    base_url = base_url, token = opts.token, token_file = opts.token_file, token_env = opts.token_env,
    token_source = opts.token_source, ca_file = opts.ca_file, proxy = opts.proxy,
    connect_timeout = opts.connect_timeout or 3, concurrency = opts.concurrency or 16,
    max_body = opts.max_body or 32 * 1024 * 1024, stall_timeout = opts.stall_timeout or 20,
    drain = opts.drain or 3,
    user_agent = "oneflow-lua/" .. version .. (opts.app and " " .. opts.app or ""),
  }
  if not engine then
    return nil, errors.validation({ operation = "client" }, errors.problem(option, problem))
  end
  state.engine = engine
  state.base_url = engine:info().base_url
  function state.mask(text) return engine:mask(text) end
  return object.client(state)
end

families.withhold(new, "oneflow.client", "makes clients, of any token and address")

return new

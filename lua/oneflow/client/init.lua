-- Creates a client from its options. Makes no network I/O.
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local families = require "oneflow.object.families"
local layers = require "oneflow.call.layers"
local lists = require "oneflow.options.lists"
local object = require "oneflow.object"
local options = require "oneflow.options.reader"
local usage = require "oneflow.errors.usage"
local version = require "oneflow.version"

local find = string.find
local ipairs, type = ipairs, type

local ENVIRONMENTS = {
  production = "https://api.oneflow.com/v1",
  test = "https://api.test.oneflow.com/v1",
}

local TOKENS = { "token", "token_file", "token_env" }

local function read(given)
  local copy = options.read(lists.client, given)
  local tokens = 0
  for _, name in ipairs(TOKENS) do if copy[name] ~= nil then tokens = tokens + 1 end end
  if tokens ~= 1 then usage.raise("oneflow.client: one of token, token_file and token_env expected") end
  if copy.environment and copy.base_url then usage.raise("oneflow.client: environment or base_url, not both") end
  return copy
end

---Functions that are called for every attempt. Their tables contain no secret, and they may keep them.
---@class oneflow.Hooks
---Called before an attempt. An error in it is raised to the caller, and nothing is sent.
---@field on_request fun(info: oneflow.RequestInfo)?
---Called after an attempt.
---@field on_response fun(info: oneflow.ResponseInfo)?
---Called with an error in one of the program's functions that could not be raised to the caller any more. Without this
---hook, or if it raises as well, a line is written to nginx's error log, or otherwise to standard error.
---@field on_error fun(problem: any, info: oneflow.ErrorInfo)?

---@class oneflow.ClientOptions
---@field token (string|fun(reason: "first"|"refused"): string?, string?)?  the API token, or a function that returns
---  it
---@field token_file string?  a file that only its owner can read
---@field token_env string?  the name of an environment variable
---@field environment ("production"|"test")?
---@field base_url string?  https, or http on this machine
---@field ca_file string?  certificates to trust instead of the system's
---@field proxy string?  a URL, or "env": from the environment
---@field timeout number?  seconds, the whole call including the token function (60)
---@field attempt_timeout number?  seconds, one attempt (30)
---@field connect_timeout number?  seconds (3)
---@field retry (false|{ attempts: integer })?
---@field concurrency integer?  calls that run at once (16)
---@field max_body integer?  maximum bytes of a decoded answer (32 MiB)
---@field stall_timeout integer?  seconds without a byte after which a file transfer fails (20)
---@field drain number?  seconds that the end of the process waits for requests that may have been applied (3)
---@field hooks oneflow.Hooks?
---@field app string?  "name/version", for the user agent
---@field socket_dir string?  in nginx: a folder with mode 0700 for the worker's socket; the first client's is used
---Answers instead of the network; for tests. An error in it becomes an error of kind connection, and the request may
---have been applied.
---@field transport fun(request: table): integer, table, string?

-- All state of a client. Scripts cannot reach it.
--
--   timeout, attempt_timeout    seconds, defaults for the options of a call
--   transport, socket_dir       as given
--   hooks                       a copy; nil: none were given
--   token_function, token_file, token_callback   source of the token; all nil: it was given as text
--   engine, base_url            the core's engine; the base URL as it parsed it
--   mask(text)                  -> text without the token
--   resolve(user)               -> the acting user that a value names; set by oneflow.object
--   send, send_to_storage       set by oneflow.call.layers
--
-- and what changes:
--
--   generation                  of the token: after a 401 for an older one no new token is requested; 0: there is none
--                               yet; oneflow.call.token's
--   asking                      the call that requests the token now, or false; oneflow.call.token's
--   free_records                unused records, or false; oneflow.call.record's
--   closed                      set by client:close()

--- Makes a client. Reads the token's file or environment variable; makes no network I/O.
---@param given oneflow.ClientOptions
---@return oneflow.Client? client, oneflow.Error? err  validation: a token, base_url or ca_file; memory
local function new(given)
  local opts = read(given)
  local state = {
    timeout = opts.timeout, attempt_timeout = opts.attempt_timeout, hooks = opts.hooks, transport = opts.transport,
    token_file = opts.token_file, socket_dir = opts.socket_dir,
    generation = 1, free_records = false, asking = false, closed = false,
  }
  if type(opts.token) == "function" then
    state.token_function, opts.token, state.generation = opts.token, nil, 0
  elseif type(opts.token) == "userdata" then -- made by oneflow_client: a callback in C, which only the engine calls
    state.token_callback, opts.token_source, opts.token, state.generation = true, opts.token, nil, 0
  end
  local base_url = opts.base_url or ENVIRONMENTS[opts.environment or "production"]
  for _, name in ipairs { "token_file", "token_env", "ca_file", "proxy" } do
    if opts[name] and find(opts[name], "\0", 1, true) then usage.raise(name .. ": holds a NUL byte") end
  end
  local engine, option, problem = core.engine {
    base_url = base_url, token = opts.token, token_file = opts.token_file, token_env = opts.token_env,
    token_source = opts.token_source, ca_file = opts.ca_file, proxy = opts.proxy,
    connect_timeout = opts.connect_timeout, concurrency = opts.concurrency, max_body = opts.max_body,
    stall_timeout = opts.stall_timeout, drain = opts.drain,
    user_agent = "oneflow-lua/" .. version .. (opts.app and " " .. opts.app or ""),
  }
  if not engine then
    return nil, errors.validation({ operation = "client" }, errors.problem(option, problem))
  end
  state.engine = engine
  state.base_url = engine:base_url()
  function state.mask(text) return engine:mask(text) end
  layers.compose(state)
  return object.client(state)
end

families.withhold(new, "oneflow.client", "makes clients, of any token and address")

return new

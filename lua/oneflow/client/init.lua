-- Making a client: its options, and nothing on the network.
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

-- The state of a client, all of it. Scripts cannot reach it.
--   timeout, attempt_timeout    seconds, of a call whose options say no other
--   transport, socket_dir       as given
--   hooks                       a copy; nil: none were given
--   token_function, token_file, token_callback   who is asked for a token; all nil: it was given as text
--   engine, base_url            of the core; the base URL as it understood it
--   mask(text)                  -> text without the token
--   resolve(user)               -> the acting user that a value names; oneflow.object's
--   send, send_to_storage       oneflow.call.layers'
-- and what changes:
--   generation                  of the token: a 401 for an older one needs no asking; 0: there is none yet. This, and
--   asking                      the call that asks for it now, or false, are oneflow.call.token's
--   free_records                of calls that ended, or false: oneflow.call.record's
--   closed                      by client:close()

--- Makes a client. Reads the token's file or variable; does no network I/O.
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

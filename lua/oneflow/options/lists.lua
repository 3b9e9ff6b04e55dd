-- Every table of options that the library reads, with the default of each option. oneflow.options says what the fields
-- mean; what is said of a default in annotations and docs is compared with these by a spec.
local core = require "oneflow.core"
local options = require "oneflow.options"
local usage = require "oneflow.usage"

local format, match = string.format, string.match
local type = type

local M = {}

local CONCURRENCY = { type = "integer", from = 1, to = 1000, default = 16 }

M.retry = options.list {
  expected = "false or { attempts = n }", fields = true,
  options = { attempts = { type = "integer", from = 1, to = 10 } },
}

local RETRY = { type = "list", list = M.retry, or_false = true }

-- ---- a client --------------------------------------------------------------------------------------------------

M.hooks = options.list {
  expected = "table", fields = true,
  options = { on_request = "function", on_response = "function", on_error = "function" },
}

local PRODUCT = "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"

M.client = options.list {
  where = "oneflow.client", required = true,
  options = {
    token = {
      type = "any",
      check = function(path, value)
        if type(value) ~= "string" and type(value) ~= "function" and not core.is_token_source(value) then
          usage.raise(format("%s: string or function expected, got %s", path, type(value)))
        end
      end,
    },
    token_file = "string", token_env = "string",
    environment = {
      type = "any",
      check = function(path, value)
        if value ~= "production" and value ~= "test" then usage.raise(path .. ': "production" or "test" expected') end
      end,
    },
    base_url = "string", ca_file = "string", proxy = "string",
    timeout = { type = "seconds", default = 60 },
    attempt_timeout = { type = "seconds", default = 30 },
    connect_timeout = { type = "seconds", default = 3 },
    retry = RETRY,
    concurrency = CONCURRENCY,
    max_body = { type = "integer", from = 1, to = 2 ^ 40, default = 32 * 1024 * 1024 },
    stall_timeout = { type = "integer", from = 1, to = 3600, default = 20 },
    drain = { type = "seconds", from = 0, to = 60, default = 3 },
    hooks = { type = "list", list = M.hooks },
    app = {
      type = "string",
      check = function(path, value)
        if #value > 64 or not match(value, PRODUCT) then usage.raise(path .. ': "name/version" expected') end
      end,
    },
    transport = "function", socket_dir = "string",
  },
  refusal = function(name)
    if name ~= "as" and name ~= "user" then return nil end
    return format("oneflow.client: unknown option %s; a client has no default user: use client:user(...)",
      usage.show(name))
  end,
}

return M

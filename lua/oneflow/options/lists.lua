-- All tables of options that the library reads, with the default of each option. oneflow.options.reader explains the
-- fields. A spec compares the defaults in annotations and docs with these.
local core = require "oneflow.core"
local options = require "oneflow.options.reader"
local usage = require "oneflow.errors.usage"

local format, match = string.format, string.match
local ipairs, pairs, type = ipairs, pairs, type

local M = {}

local CONCURRENCY = { type = "integer", from = 1, to = 1000, default = 16 }

M.retry = options.list {
  expected = "false or { attempts = n }", fields = true,
  options = { attempts = { type = "integer", from = 1, to = 10 } },
}

local RETRY = { type = "list", list = M.retry, or_false = true }

-- ---- a call ----------------------------------------------------------------------------------------------------

local function call_options(more)
  local all = {
    as = "any", timeout = "seconds", attempt_timeout = "seconds", retry = RETRY, decode = "boolean",
    unchecked = "paths", blocking = "boolean",
  }
  for name, option in pairs(more or {}) do all[name] = option end
  return options.list { expected = "table", options = all }
end

M.call = call_options()

--- For each and pages.
M.walk = call_options {
  page_size = { type = "integer", from = 1, to = 100, default = 100 },
  max = { type = "integer", from = 1, to = 2 ^ 53 },
  prefetch = "boolean",
}

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
          usage.expected(path, "string or function", value)
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

-- ---- methods with tables of their own --------------------------------------------------------------------------

M.user = options.list { where = "client:user", expected = "{ paths = }", options = { paths = "boolean" } }

M.request = options.list {
  where = "request", expected = "{ query =, body =, headers =, decode = }", fields = true,
  options = { query = "any", body = "any", headers = "any", decode = "boolean" },
}

M.find_participants = options.list {
  where = "find_participants", expected = "{ email =, custom_id =, signatory = }", fields = true,
  options = { email = "string", custom_id = "string", signatory = "boolean" },
}

local function transfer(expected, fields)
  return options.list {
    expected = expected, fields = true, options = fields,
    refusal = function(name)
      return M.call.options[name] and usage.show(name) .. " is an option: pass it in the table after this one"
    end,
  }
end

M.download = transfer("{ to = or sink =, progress = }", { to = "string", sink = "function", progress = "function" })

--- For an upload: the file, and the names of the other fields of its form, which are text.
function M.upload(others)
  local fields = { path = "string", content = "string", name = "string", progress = "function" }
  for name in pairs(others) do fields[name] = "string" end
  return transfer("{ path = or content =, name =, ... }", fields)
end

-- ---- many calls ------------------------------------------------------------------------------------------------

M.gather = options.list {
  options = { concurrency = CONCURRENCY, stop = "boolean", progress = "function", on_result = "function" },
}

M.gatherer = options.list { where = "gatherer", options = { concurrency = CONCURRENCY } }

-- ---- webhooks --------------------------------------------------------------------------------------------------

M.receiver = options.list {
  where = "webhook.receiver", required = true,
  options = {
    sign_key = "string",
    unsigned = {
      type = "any",
      check = function(path, value)
        if value ~= true then usage.raise(path .. ": true expected, or leave it out") end
      end,
    },
    store = {
      type = "table",
      check = function(path, value)
        for _, method in ipairs { "claim", "record", "release" } do
          if type(value[method]) ~= "function" then
            usage.expected(path .. "." .. method, "function", value[method])
          end
        end
      end,
    },
    lease = { type = "seconds", default = 300 },
    keep = { type = "integer", from = 1, to = 366 * 86400, default = 86400 },
    max_body = { type = "integer", from = 1, to = 2 ^ 30, default = 2 ^ 20 },
    defer = "boolean",
  },
}

return M

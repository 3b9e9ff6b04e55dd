-- oneflow: a client for the contract API of Oneflow AB.
local acting_user = require "oneflow.client.acting_user"
local build = require "oneflow.build"
local client = require "oneflow.client"
local core = require "oneflow.core"
local encode = require "oneflow.values.encode"
local errors = require "oneflow.errors"
local gather = require "oneflow.gather"
local sleep = require "oneflow.hosts.sleep"
local version = require "oneflow.version"

local M = { _VERSION = version }

M.client = client

M.gather, M.map, M.gatherer = gather.gather, gather.map, gather.gatherer
M.sleep = sleep

--- Builds the parts of the bodies that create contracts.
M.build = build

--- The account's anonymous administrator, chosen explicitly: the call has no user header.
M.ANONYMOUS_ADMIN = acting_user.ANONYMOUS_ADMIN
M.CREATOR = acting_user.CREATOR

--- JSON null: the same light userdata as cjson.null and ngx.null.
M.null = core.null

--- Marks a table as a list, so that an empty one is sent as `[]`.
---@generic T: table
---@param list T
---@return T
function M.array(list) return core.array(list) end

--- JSON of what the service sent, or of any data: exact numbers, and an empty list stays `[]`, which lua-cjson writes
--- as `{}`. What is no data, such as a function, raises.
---@param value any
---@return string? text, oneflow.Error? err  validation, with the paths of what cannot be written
function M.encode(value)
  local text, wrong = encode(value)
  if text then return text end
  local problems = {}
  for i, problem in ipairs(wrong) do
    problems[i] = { path = string.gsub(problem.path, "^body", "value"), messages = { problem.message } }
  end
  return nil, errors.validation({ operation = "encode" }, problems)
end

-- Parts that many programs do not need are loaded when they are first used.
local PARTS = { money = "oneflow.money", time = "oneflow.time", webhook = "oneflow.webhook" }

---@class oneflow
---@field money oneflow.money  decimal strings, compared and added exactly
---@field time oneflow.time  the service's times and dates
---@field webhook oneflow.webhook  receiving webhooks
return setmetatable(M, {
  __index = function(_, name)
    local part = PARTS[name]
    if not part then return nil end
    local module = require(part)
    rawset(M, name, module)
    return module
  end,
})

-- oneflow: a client for the contract API of Oneflow AB.
local acting_user = require "oneflow.client.acting_user"
local build = require "oneflow.build"
local client = require "oneflow.client"
local core = require "oneflow.core"
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

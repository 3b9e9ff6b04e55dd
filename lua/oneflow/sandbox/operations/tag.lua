-- The account's tags. No page says who may change them: here everybody. Deleting a tag removes it from all contracts.
local answer = require "oneflow.sandbox.answer"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local store = require "oneflow.sandbox.store"
local M = {}

local pairs = pairs

local function shape(tag)
  return { id = tag.id, name = tag.name }
end

local function of(call)
  return guard.of(call, call.actor.account.tags, "tag")
end

local function check_name(call, name, but)
  for _, tag in pairs(call.actor.account.tags) do
    if tag.name == name and tag ~= but then
      answer.refuse(409, { detail = "There is a tag with this name.", assumed = true })
    end
  end
end

M["tag.list"] = function(call)
  return lists.answer(call, store.sorted(call.actor.account.tags), shape)
end

M["tag.get"] = function(call)
  return shape(of(call))
end

M["tag.create"] = function(call)
  local name = guard.body(call).name
  check_name(call, name)
  local tag = { id = call.store:next_id(), name = name }
  call.actor.account.tags[tag.id] = tag
  return shape(tag)
end

M["tag.update"] = function(call)
  local tag = of(call)
  local name = guard.body(call).name or tag.name
  check_name(call, name, tag)
  tag.name = name
  return shape(tag)
end

M["tag.delete"] = function(call)
  call.actor.account.tags[of(call).id] = nil
  return {}
end

return M

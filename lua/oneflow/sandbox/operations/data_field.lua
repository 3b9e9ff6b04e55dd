-- The data fields of a contract: one by its id or custom id, or several at once.
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local guard = require "oneflow.sandbox.guard"
local lists = require "oneflow.sandbox.lists"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local M = {}

local ipairs, next, pairs = ipairs, next, pairs
local format, match = string.format, string.match
local array, null = core.array, core.null

local function find(record, id, custom_id)
  for _, field in ipairs(record.fields) do
    if field.id == id or (custom_id and field.custom_id == custom_id) then return field end
  end
end

local function custom_id_of(body)
  local private = body._private_ownerside
  local custom_id = private and private.custom_id
  if custom_id ~= null then return custom_id end
end

-- Applies values: { [field] = value }. A system field stays unchanged; null clears a field.
local function take(call, record, changes)
  if next(changes) == nil then return end
  local values, times = {}, {}
  for custom_id, value in pairs(record.values) do values[custom_id] = value end
  for custom_id, at in pairs(record.value_times) do times[custom_id] = at end
  local now = guard.changed(call, record, "data_field:update")
  for field, value in pairs(changes) do
    values[field.custom_id] = value ~= null and value or ""
    times[field.custom_id] = now
  end
  record.values, record.value_times = values, times
end

local function note_change(changes, field, value)
  if value ~= nil and field.source ~= "system" then changes[field] = value end
end

M["data_field.list"] = function(call)
  local record, viewer = guard.contract(call)
  return lists.answer(call, record.fields, function(field) return shapes.data_field(viewer, record, field) end)
end

M["data_fields.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local problems, changes, named = {}, {}, array{}
  for i, item in ipairs(guard.body(call).data_fields) do
    local path = format("data_fields[%d]", i - 1)
    local custom_id = custom_id_of(item)
    local field = find(record, item.id, item.id == nil and custom_id or nil)
    if not field then
      check.note(problems, path, "The contract has no such data field.")
    elseif custom_id and field.custom_id ~= custom_id then
      check.note(problems, path, "Its id and custom_id are of two data fields.")
    else
      note_change(changes, field, item.value)
      named[#named + 1] = field
    end
  end
  answer.refuse_problems(problems)
  take(call, record, changes)
  for i, field in ipairs(named) do named[i] = shapes.data_field(viewer, record, field) end
  return { data_fields = named }
end

M["data_field.update"] = function(call)
  local record, viewer = guard.open_contract(call)
  local custom_id = match(query.unescape(call.ids.data_field), "^c::(.+)$")
  local field = find(record, check.id(call.ids.data_field), custom_id) or answer.refuse(404)
  local body = guard.body(call)
  if body.id and body.id ~= field.id then answer.refuse_value("id", "It is not the id of the path's data field.") end
  if custom_id_of(body) and custom_id_of(body) ~= field.custom_id then
    answer.refuse_value("_private_ownerside.custom_id", "It is not the custom id of the path's data field.")
  end
  local changes = {}
  note_change(changes, field, body.value)
  take(call, record, changes)
  return shapes.data_field(viewer, record, field)
end

return M

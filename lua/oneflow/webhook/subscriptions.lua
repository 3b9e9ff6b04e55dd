-- Ensures the webhook of a program: it exists once, as wanted, however often the program starts.
local api = require "oneflow.api"
local ascii = require "oneflow.base.ascii"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local lifted = require "oneflow.values.lifted"
local rows = require "oneflow.values.rows"
local events = require "oneflow.webhook.events"
local usage = require "oneflow.errors.usage"

local ipairs, next, pairs, tostring, type = ipairs, next, pairs, tostring, type
local concat, sort = table.concat, table.sort
local format = string.format
local null = core.null

local M = {}

local CREATE = api.operations["webhook.create"]

---@class oneflow.ClientWebhooks
---@field ensure fun(self: oneflow.ClientWebhooks, wanted: oneflow.WantedWebhook, opts: oneflow.Options?): any, any  see
---ensure below

---The wanted webhook: the fields of `webhooks:create`. Fields that are not named stay unchanged.
---@class oneflow.WantedWebhook
---@field callback_url string  https, or http on this machine
---@field sign_key string|userdata  oneflow.null: calls are explicitly not signed
---@field filters table[]?  { { filter_rules = { { type = "EVENT_TYPE", values = { "contract:sign" } } } } }
---@field template_group_id integer|string|userdata|nil  only contracts of this template type

-- null and a missing field mean the same to the service.
local function present(value)
  if value ~= null then return value end
end

local function sorted(list, text_of)
  local texts = {}
  for i, item in ipairs(list) do texts[i] = text_of(item) end
  sort(texts, ascii.before)
  return texts
end

local function text(value) return type(value) == "number" and format("%.0f", value) or tostring(value) end

-- A copy of a list that may be missing; one that cannot be read equals no other.
local function items(value)
  value = present(value)
  return value == nil and {} or rows(value) or { {} }
end

-- A value by which two values of a field can be compared. Filters in any order are equal.
local COMPARED = {
  filters = function(filters)
    return concat(sorted(items(filters), function(filter)
      return concat(sorted(items(filter.filter_rules), function(rule)
        return text(rule.type) .. "\1" .. concat(sorted(items(rule.values), text), "\1")
      end), "\2")
    end), "\3")
  end,
  template_group_id = text, integration_process_id = text,
}

local function same(name, a, b)
  a, b = present(a), present(b)
  if name ~= "filters" and (a == nil or b == nil) then return a == b end
  if type(a) == "table" and not COMPARED[name] then return core.encode(a) == core.encode(b) end
  if COMPARED[name] then a, b = COMPARED[name](a), COMPARED[name](b) end
  return a == b
end

-- Is the existing webhook as wanted? nil if the list left out a field that decides it.
local function fits(data, wanted)
  local left_out = false
  for name, value in pairs(wanted) do
    if data[name] == nil then
      left_out = left_out or not same(name, value, nil)
    elseif not same(name, data[name], value) then
      return false
    end
  end
  if left_out then return nil end
  return true
end

-- A PUT replaces the whole webhook, so fields that are not named are sent as they were read.
local function completed(wanted, data)
  local body = {}
  for name in pairs(CREATE.body) do
    if wanted[name] ~= nil then body[name] = wanted[name] else body[name] = present(data[name]) end
  end
  return body
end

local function checked(wanted, opts)
  if type(wanted) ~= "table" then usage.raise("webhooks:ensure: a table expected, got " .. type(wanted)) end
  if wanted.sign_key == nil then
    usage.raise("webhooks:ensure: a sign_key expected; oneflow.null for a webhook that signs nothing")
  end
  local problems = {}
  local copy = check.body(CREATE, wanted, problems, opts.unchecked)
  if copy.sign_key == "" then check.note(problems, "body.sign_key", "is empty") end
  if problems[1] then return nil, problems end
  if opts.unchecked ~= true then
    for i, filter in ipairs(copy.filters or {}) do
      for k, rule in ipairs(filter.filter_rules or {}) do
        for m, value in ipairs(rule.type == "EVENT_TYPE" and rule.values or {}) do
          local path = format("body.filters[%d].filter_rules[%d].values[%d]", i, k, m)
          if not lifted(opts.unchecked, path) then events.must_know(path, value) end
        end
      end
    end
  end
  return copy
end

-- The webhooks with the wanted address and template type.
local function candidates(webhooks, wanted, opts)
  local found = {}
  local page, err = webhooks:list(nil, opts)
  while page do
    for _, item in ipairs(page) do
      local data = item.data
      if data.callback_url == wanted.callback_url and data.legacy_webhook ~= true
        and same("template_group_id", data.template_group_id, wanted.template_group_id) then
        found[#found + 1] = item
      end
    end
    page, err = page:next()
  end
  if page == nil then return nil, err end
  return found
end

--- Creates the webhook, updates it, or leaves it unchanged. A webhook is identified by `callback_url` and
--- `template_group_id`; those of the legacy format are ignored. A second call changes nothing; two programs that call
--- it at the same moment may create two webhooks.
---@param webhooks oneflow.Collection  client.webhooks, or a user's
---@param wanted oneflow.WantedWebhook
---@param opts oneflow.Options?  as, timeout (of each call), ...
---@return oneflow.Item? webhook
---@return "created"|"updated"|"unchanged"|oneflow.Error what_or_err  err: as of any call; validation; conflict
---  (several webhooks have the address, and none is as wanted)
function M.ensure(webhooks, wanted, opts)
  opts = check.options(opts) -- a copy, used for several calls
  if opts.decode == false then usage.raise("webhooks:ensure gives a webhook, not text: no decode = false") end
  local copy, problems = checked(wanted, opts)
  local context = { operation = "webhooks.ensure" }
  if not copy then return nil, errors.validation(context, problems) end

  local found, err = candidates(webhooks, copy, opts)
  if not found then return nil, err end
  if not next(found) then
    local made
    made, err = webhooks:create(copy, opts)
    return made, made and "created" or err
  end
  local ids = {}
  for i, item in ipairs(found) do
    local fit = fits(item.data, copy)
    if fit == nil then
      item, err = item:get(opts)
      if not item then return nil, err end
      found[i], fit = item, fits(item.data, copy)
    end
    if fit then return item, "unchanged" end
    ids[i] = text(item.id)
  end
  if found[2] then
    return nil, errors.new(context, { kind = "conflict", outcome = "not_sent", retryable = false,
      detail = format("the webhooks %s have this callback_url, and none is as wanted: delete all but one",
        concat(ids, ", ")) })
  end
  local updated
  updated, err = found[1]:update(completed(copy, found[1].data), opts)
  return updated, updated and "updated" or err
end

return M

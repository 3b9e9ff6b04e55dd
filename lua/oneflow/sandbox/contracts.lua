-- The contract operations. A handler gets the call: { store, base_url, actor, ids, query, body, operation },
-- and gives the body of a 200; whatever else comes out, it refuses.
local core = require "oneflow.core"
local access = require "oneflow.sandbox.access"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local query = require "oneflow.sandbox.query"
local shapes = require "oneflow.sandbox.shapes"
local store = require "oneflow.sandbox.store"
local time = require "oneflow.sandbox.time"
local webhooks = require "oneflow.sandbox.webhooks"
local M = {}

local ipairs, next, pairs = ipairs, next, pairs
local huge = math.huge
local find, format, lower, match = string.find, string.format, string.lower, string.match
local null = core.null

local MAX_PARTICIPANTS = 40
local refuse = answer.refuse

local function refuse_problems(problems, assumed)
  if next(problems) then refuse(400, { problems = problems, assumed = assumed }) end
end

-- The contract of the path, as far as the actor may see it: missing and hidden look alike.
local function visible(call)
  local id = check.id(call.ids[1])
  local record = id and call.actor.account.contracts[id]
  if record and access.may(call.actor, "see", record.workspace_id) then return record end
  return nil, record ~= nil
end

local function must_see(call)
  return visible(call) or refuse(404)
end

local function must(call, action, record)
  if not access.may(call.actor, action, record.workspace_id) then refuse(403) end
end

local function touch(call, record)
  record.updated_time = time.iso(call.store.clock())
  return record.updated_time
end

-- List ---------------------------------------------------------------------------------------------------

local function contains(text, word)
  return find(lower(text), word, 1, true) ~= nil
end

-- The seconds at one end of a range; `default` when that end is open.
local function range_end(text, default)
  if text == "" then return default end
  return time.parse(text)
end

local FILTERS = {
  states = function(value, field)
    local wanted, known = {}, {}
    for _, state in ipairs(field.enum) do known[state] = true end
    for _, state in ipairs(query.parts(value)) do
      if not known[state] then return nil, format("Unknown state: %s.", state) end
      wanted[state] = true
    end
    return function(record) return wanted[record.state] end
  end,
  name = function(value)
    local word = lower(value)
    return function(record) return contains(record.name, word) end
  end,
  query = function(value)
    local word = lower(value)
    return function(record)
      if contains(record.name, word) then return true end
      for _, party in ipairs(record.parties) do
        if party.name and contains(party.name, word) then return true end
      end
      for person in store.people(record) do
        if contains(person.name, word) or contains(person.email, word) then return true end
      end
      return false
    end
  end,
  published_time = function(value)
    local from_text, to_text = match(value, "^([^|]*)|([^|]*)$")
    local from = from_text and range_end(from_text, -huge)
    local to = to_text and range_end(to_text, huge)
    if not from or not to then return nil, "Must be a range, from|to." end
    return function(record)
      local at = record.published_time and time.parse(record.published_time)
      return at ~= nil and at >= from and at <= to
    end
  end,
  data_field_match = function(value)
    local custom_id, wanted = match(value, "^([^:]+):(.+)$")
    if not custom_id then return nil, "Must be custom_id:value." end
    return function(record) return record.values[custom_id] == wanted end
  end,
}

-- How these two compare (part of the text, letters alike) is on no page of the service.
local ASSUMED_FILTERS = { name = true, query = true }

M["contract.list"] = function(call)
  local operation, asked = call.operation, query.parse(call.query)
  local makers = {}
  for name in pairs(operation.filters) do
    makers[name] = function(value, field)
      call.assumed = call.assumed or ASSUMED_FILTERS[name]
      return FILTERS[name](value, field)
    end
  end
  local predicates = query.filters(asked, operation.filters, makers)
  local records = {}
  for record in store.contracts(call.actor.account) do
    local wanted = access.may(call.actor, "see", record.workspace_id)
    for i = 1, #predicates do wanted = wanted and predicates[i](record) end
    if wanted then records[#records + 1] = record end
  end
  query.sort(asked, records, operation.sort)
  return query.page(asked, call.base_url, operation.path, records, function(record)
    return shapes.contract_item(call.base_url, record, call.actor)
  end)
end

M["contract.get"] = function(call)
  return shapes.contract(call.base_url, must_see(call), call.actor)
end

-- Create -------------------------------------------------------------------------------------------------

-- What a channel needs in order to reach a person.
local NEEDS = {
  email = { "email" }, sms = { "phone_number" }, email_and_sms = { "email", "phone_number" },
}

local function check_person(person, path, problems)
  for _, name in ipairs(NEEDS[person.delivery_channel] or {}) do
    if person[name] == nil or person[name] == null or person[name] == "" then
      check.note(problems, path .. "." .. name,
        format("Needed for delivery channel %s.", person.delivery_channel))
    end
  end
  return 1
end

-- A company has a name and people, an individual is one person: the service's two forms of a party.
local function check_party(party, path, problems)
  local people = 0
  if party.type == "individual" then
    if not party.participant then
      check.note(problems, path .. ".participant", "Required field is missing.")
    else
      people = check_person(party.participant, path .. ".participant", problems)
    end
    return people
  end
  if not party.name then check.note(problems, path .. ".name", "Required field is missing.") end
  if not party.participants or #party.participants == 0 then
    check.note(problems, path .. ".participants", "A company has at least one participant.")
  end
  for i, person in ipairs(party.participants or {}) do
    people = people + check_person(person, format("%s.participants[%d]", path, i - 1), problems)
  end
  return people
end

local function check_data_fields(body, template, problems)
  local known = {}
  for _, field in ipairs(template.data_fields or {}) do known[field.custom_id] = true end
  for i, field in ipairs(body.data_fields or {}) do
    if not known[field.custom_id] then
      check.note(problems, format("data_fields[%d].custom_id", i - 1), "The template has no such data field.")
    end
  end
end

M["contract.create"] = function(call)
  local account, body = call.actor.account, call.body
  local problems = check.object(body, call.operation.body)
  refuse_problems(problems)
  local people = 0
  for i, party in ipairs(body.parties or {}) do
    people = people + check_party(party, format("parties[%d]", i - 1), problems)
  end
  refuse_problems(problems)
  local mine = body.my_party and body.my_party.participants
  if people + (mine and #mine or 0) > MAX_PARTICIPANTS then
    refuse_problems{ parties = { format("A contract has at most %d participants.", MAX_PARTICIPANTS) } }
  end

  if not account.workspaces[body.workspace_id] or not access.may(call.actor, "see", body.workspace_id) then
    refuse(404)
  end
  if not access.may(call.actor, "create", body.workspace_id) then
    refuse(403, { detail = "The user has no permission to create a contract in the workspace." })
  end
  local template = account.templates[body.template_id] or refuse(404)
  local shared = false
  for _, workspace_id in ipairs(template.workspaces) do
    shared = shared or workspace_id == body.workspace_id
  end
  if not shared then
    refuse_problems({ template_id = { "The template does not belong to the workspace." } }, true)
  end
  check_data_fields(body, template, problems)
  refuse_problems(problems, true)

  local tags, bad = call.store:tag_ids(account, body.tags or {})
  if not tags then refuse_problems({ [format("tags[%d]", bad - 1)] = { "No such tag." } }, true) end
  local record = call.store:add_contract(account, body, { tags = tags })
  webhooks.emit(call.store, record, { "contract:create" })
  return shapes.contract(call.base_url, record, call.actor)
end

-- Update -------------------------------------------------------------------------------------------------

-- What the signing period may become in which state: a draft's anything, a pending one's an end or none,
-- a signed one's nothing.
local PERIODS = {
  draft = { never = true, days_after_publish = true, fixed_date = true },
  pending = { never = true, fixed_date = true },
  overdue = { never = true, fixed_date = true },
  signed = {}, declined = {},
}

local COUPLED = { days_after_publish = "expire_days_after_publish", fixed_date = "expire_date" }

local function check_period(record, period)
  local field = COUPLED[period.type]
  if field and period[field] == nil then
    refuse_problems{ ["_private.signing_period_expiration." .. field] = { "Required field is missing." } }
  end
  if not PERIODS[record.state][period.type] then
    refuse(409, { detail = "The contract's state does not allow this signing period.", assumed = true })
  end
end

local function expiry_time(record, now)
  local period = record.signing_period
  if period.type == "fixed_date" then return period.expire_date .. "T00:00:00+00:00" end
  if period.type == "days_after_publish" and record.published_time then
    return time.iso(now + period.expire_days_after_publish * 86400)
  end
end

M["contract.update"] = function(call)
  local record, body = must_see(call), call.body
  must(call, "update", record)
  refuse_problems(check.object(body, call.operation.body))
  local private = body._private or {}
  local period = private.signing_period_expiration
  if period then check_period(record, period) end
  local tags, bad
  if body.tags then
    tags, bad = call.store:tag_ids(record.account, body.tags)
    if not tags then refuse_problems({ [format("tags[%d]", bad - 1)] = { "No such tag." } }, true) end
  end

  -- Nothing is refused from here on: a call changes all that it names, or nothing.
  if next(body) == nil then return shapes.contract(call.base_url, record, call.actor) end
  if private.name then record.name = private.name end
  if private.value then
    local value = private.value
    record.value = value ~= null and { amount = value.amount, currency = value.currency } or nil
  end
  if period then
    record.signing_period = {
      type = period.type, expire_date = period.expire_date,
      expire_days_after_publish = period.expire_days_after_publish,
    }
    record.expiry_time = record.state ~= "draft" and expiry_time(record, call.store.clock()) or nil
  end
  if tags then record.tags = tags end
  if body.sign_order then
    record.sign_order = body.sign_order ~= null and body.sign_order or core.array{}
  end
  touch(call, record)
  webhooks.emit(call.store, record, { "contract:content_update" })
  return shapes.contract(call.base_url, record, call.actor)
end

-- Delete and publish -------------------------------------------------------------------------------------

M["contract.delete"] = function(call)
  local record, hidden = visible(call)
  if hidden and not record then refuse(404, { assumed = true }) end
  if record then
    must(call, "delete", record)
    store.remove_contract(record)
    webhooks.emit(call.store, record, { "contract:delete" })
  end
  return {}
end

M["contract.publish"] = function(call)
  local record = must_see(call)
  must(call, "publish", record)
  refuse_problems(check.object(call.body, call.operation.body))
  if record.account.plan == "free" then refuse(402) end
  if record.state ~= "draft" then refuse(409) end
  local now = touch(call, record)
  record.state, record.published_time, record.state_updated_time = "pending", now, now
  record.expiry_time = expiry_time(record, call.store.clock())
  store.send(record, "pending")
  webhooks.emit(call.store, record, { "contract:publish" })
  return shapes.contract(call.base_url, record, call.actor)
end

return M

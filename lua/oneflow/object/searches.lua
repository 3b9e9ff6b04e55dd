-- Methods that search an item: by resource, then by the method's name. Each gets the state of `self`.
local ascii = require "oneflow.base.ascii"
local accessors = require "oneflow.object.accessors"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local kinds = require "oneflow.object.kinds"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local rows = require "oneflow.values.rows"
local run = require "oneflow.object.run"
local usage = require "oneflow.errors.usage"

local format = string.format
local ipairs, type = ipairs, type
local copy, null, seal = core.copy, core.null, core.seal

-- The objects of a list in a record, in either form. If the list is missing, partial, or something else is in its
-- place, it raises instead of answering "nothing found".
local function objects(state, value, accessor)
  local items, count = rows(value)
  if not items then accessors.left_out(state, accessor) end
  for _, item in ipairs(items) do
    if type(item) ~= "table" then accessors.left_out(state, accessor) end
  end
  if count then
    usage.raise(format("%s %s: the service sent %d of the %d that `%s` is read from: use their own collection",
      state.type.name, state.id or "?", #items, count, accessor))
  end
  return items
end

local function part_of(state, part, accessor) return objects(state, accessors.loaded(state)[part], accessor) end

-- A field that is searched by: an object without it raises, because it may be hidden rather than different.
local function sent(state, record, field, accessor)
  if record[field] == nil then accessors.left_out(state, accessor) end
  return record[field]
end

-- ---- people ----------------------------------------------------------------------------------------------------

local function same_address(a, b) return type(a) == "string" and ascii.lower(a) == ascii.lower(b) end

local function fits(state, person, criteria)
  if criteria.email ~= nil and not same_address(sent(state, person, "email", "find_participants"), criteria.email) then
    return false
  end
  if criteria.signatory ~= nil and sent(state, person, "signatory", "find_participants") ~= criteria.signatory then
    return false
  end
  if criteria.custom_id ~= nil then
    local ownerside = person._private_ownerside
    if type(ownerside) ~= "table" then accessors.left_out(state, "find_participants") end
    if ownerside.custom_id ~= criteria.custom_id then return false end
  end
  return true
end

-- The people of a party in either form: a company has a list, an individual is one.
local function people_of(state, data)
  if type(data.participants) == "table" then return objects(state, data.participants, "find_participants") end
  if type(data.participant) == "table" then return { data.participant } end
  accessors.left_out(state, "find_participants")
end

local function find_in(found, state, party_state, criteria)
  for _, person in ipairs(people_of(state, party_state.data)) do
    if fits(state, person, criteria) then
      found[#found + 1] = run.new_record(party_state.type.records.participant, state.scope, party_state, person,
        state.meta, state.partial)
    end
  end
  return found
end

local contract, party = {}, {}

--- The people of all parties, companies and individuals, that match the criteria; each has its party's id. None: {}.
---@param criteria { email: string?, custom_id: string?, signatory: boolean? }?  all must fit
---@return oneflow.Item[]
function contract.find_participants(state, criteria)
  criteria = options.read(lists.find_participants, criteria)
  local found = {}
  local kind = state.type.records.party
  for _, data in ipairs(part_of(state, "parties", "find_participants")) do
    find_in(found, state, {
      type = kind, scope = state.scope, up = state, id = run.id_of(kind, data), data = data, meta = state.meta,
    }, criteria)
  end
  return found
end

--- The people of the party that match the criteria. None: {}.
---@param criteria { email: string?, custom_id: string?, signatory: boolean? }?  all must fit
---@return oneflow.Item[]
function party.find_participants(state, criteria)
  accessors.loaded(state)
  return find_in({}, state, state, options.read(lists.find_participants, criteria))
end

-- ---- data fields and files -------------------------------------------------------------------------------------

-- The custom id of a record, wherever it is; null: it has none. If it is hidden, that is not ignored silently.
local function custom_id_of(state, record, places, accessor)
  local found
  for _, place in ipairs(places) do
    local holder = record
    for i = 1, #place - 1 do holder = type(holder) == "table" and holder[place[i]] or nil end
    local custom_id = type(holder) == "table" and holder[place[#place]] or nil
    if found == nil or found == null then found = custom_id or found end
  end
  if found == nil then accessors.left_out(state, accessor) end
  return found
end

--- The values of the data fields by custom id; a field that holds null is left out.
---@return table<string, string>
function contract.data_field_values(state)
  local values, places = {}, state.type.records.data_field.resource.custom_ids
  for _, field in ipairs(part_of(state, "data_fields", "data_field_values")) do
    local custom_id = custom_id_of(state, field, places, "data_field_values")
    local value = sent(state, field, "value", "data_field_values")
    if custom_id ~= null and value ~= null then values[custom_id] = copy(value) end
  end
  return values
end

--- Requests the contract's files and returns those of a type.
---@param wanted string  "contract", "verification", "attachment", "expanded_pdf", or another type of the service
---@param opts oneflow.Options?
---@return oneflow.Item[]? files, oneflow.Error? err
function contract.files_of(state, wanted, opts)
  if type(wanted) ~= "string" then usage.raise("files_of: the type of a file is a string, got " .. type(wanted)) end
  opts = check.options(opts)
  local kind = state.type.collections.files
  local page, err = kind.methods.list(seal({ type = kind, scope = state.scope, up = state }, kinds.collection),
    { limit = 100 }, opts)
  local found = {}
  while page do
    for _, file in ipairs(page) do
      if file.type == wanted then found[#found + 1] = file end
    end
    page, err = page:next()
  end
  if err then return nil, err end
  return found
end

return { contract = contract, party = party }

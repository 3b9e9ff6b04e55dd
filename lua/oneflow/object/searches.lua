-- What searches an item: by resource, then by the method's name. Each gets the state behind `self`.
local ascii = require "oneflow.base.ascii"
local accessors = require "oneflow.object.accessors"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local kinds = require "oneflow.object.kinds"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local run = require "oneflow.object.run"
local usage = require "oneflow.errors.usage"

local ipairs, type = ipairs, type
local copy, null, seal = core.copy, core.null, core.seal

-- The part of the data in which something is searched; an item that lacks it never answers "nothing found".
local function part_of(state, part, accessor)
  local value = accessors.at(accessors.loaded(state), { part })
  if type(value) ~= "table" then accessors.left_out(state, accessor) end
  return value
end

-- ---- people ----------------------------------------------------------------------------------------------------

local function fits(state, person, criteria)
  if criteria.email ~= nil then
    if type(person.email) ~= "string" or ascii.lower(person.email) ~= ascii.lower(criteria.email) then return false end
  end
  if criteria.signatory ~= nil and person.signatory ~= criteria.signatory then return false end
  if criteria.custom_id ~= nil then
    local custom_id, missing = accessors.at(person, { "_private_ownerside", "custom_id" })
    if missing and person._private_ownerside == nil then accessors.left_out(state, "find_participants") end
    if custom_id ~= criteria.custom_id then return false end
  end
  return true
end

-- The people of a party, whichever its form: a company has a list, an individual is one.
local function people_of(party)
  if type(party.participants) == "table" then return party.participants end
  if type(party.participant) == "table" then return { party.participant } end
end

local function find_in(found, state, party_state, criteria)
  local people = people_of(party_state.data)
  if not people then accessors.left_out(state, "find_participants") end
  for _, person in ipairs(people) do
    if fits(state, person, criteria) then
      found[#found + 1] = run.new_record(party_state.type.records.participant, state.scope, party_state, person,
        state.meta, state.partial)
    end
  end
  return found
end

local contract, party = {}, {}

--- The people of all parties, companies and individuals alike, whom the criteria fit; each knows its party. None: {}.
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

--- The people of the party whom the criteria fit. None: {}.
---@param criteria { email: string?, custom_id: string?, signatory: boolean? }?  all must fit
---@return oneflow.Item[]
function party.find_participants(state, criteria)
  accessors.loaded(state)
  return find_in({}, state, state, options.read(lists.find_participants, criteria))
end

-- ---- data fields and files -------------------------------------------------------------------------------------

--- The values of the data fields by custom id; a field that holds null is left out.
---@return table<string, string>
function contract.data_field_values(state)
  local values = {}
  for _, field in ipairs(part_of(state, "data_fields", "data_field_values")) do
    local custom_id, missing = accessors.at(field, { "_private_ownerside", "custom_id" })
    if missing then accessors.left_out(state, "data_field_values") end
    if custom_id and field.value ~= null then values[custom_id] = copy(field.value) end
  end
  return values
end

--- Asks for the contract's files, and gives those of a type.
---@param wanted string  "contract", "verification", "attachment", "expanded_pdf", or what else the service says
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

-- The controls of contracts: adding many, and actions of participants and of time. See controls.lua.
local core = require "oneflow.core"
local api = require "oneflow.api"
local parties = require "oneflow.sandbox.parties"
local signing = require "oneflow.sandbox.signing"
local store = require "oneflow.sandbox.store"
local time = require "oneflow.sandbox.time"
local visit = require "oneflow.sandbox.visit"

local ipairs, tonumber = ipairs, tonumber
local floor, max = math.floor, math.max
local format, match = string.format, string.match
local array = core.array

local STATES = api.operations["contract.list"].filters.states.enum

local M = {}

-- Making many --------------------------------------------------------------------------------------------------

-- The first workspace and template that fit together and fit the arguments.
local function place(account, arguments)
  local workspace_id, template_id = arguments.workspace_id, arguments.template_id
  for _, template in ipairs(store.sorted(account.templates)) do
    for _, id in ipairs(template.workspaces) do
      if not template_id and (not workspace_id or workspace_id == id) then
        workspace_id, template_id = id, template.id
      end
    end
  end
  if account.workspaces[workspace_id] and account.templates[template_id] then return workspace_id, template_id end
end

-- A function from 1 .. count to times, evenly distributed between the two; nil if none was given.
local function spread(from, to, count)
  if not from and not to then return nil end
  local first = time.parse(from or to)
  local last = to and time.parse(to) or first
  return function(i) return time.iso(floor(first + (last - first) * (i - 1) / max(1, count - 1))) end
end

local function add_contracts(emulator, arguments, account)
  local workspace_id, template_id = place(account, arguments)
  if not workspace_id then return nil, "The account has no such workspace and template." end
  local state, count = arguments.state or "draft", arguments.count
  local created = spread(arguments.created_from, arguments.created_to, count)
  local published = spread(arguments.published_from, arguments.published_to, count)
  if published and state == "draft" then return nil, "A draft was never published." end
  local ids = array{}
  for i = 1, count do
    local published_time = published and published(i)
    local record = emulator.store:add_contract(account, {
      name = format("%s %05d", arguments.name or "Contract", i),
      workspace_id = workspace_id, template_id = template_id,
      parties = { {
        type = "company", name = format("Customer %05d AB", i),
        participants = { {
          name = format("Customer %05d", i), email = format("customer%05d@customer.example", i), signatory = true,
        } },
      } },
    }, { state = state, created_time = created and created(i) or published_time, published_time = published_time })
    ids[i] = record.id
  end
  return { ids = ids }
end

-- Participants and time ----------------------------------------------------------------------------------------

local CONTRACT = { name = "contract", type = "id", help = "The contract's id." }
local PARTICIPANT = {
  name = "participant", type = "scalar", help = "The participant's id or e-mail address; all signatories without one.",
}
local LINK = { name = "link", type = "string", help = "An access link, in the place of contract and participant." }

local function describe(record)
  local people = array{}
  for person in parties.people(record) do
    people[#people + 1] = { id = person.id, email = person.email, sign_state = person.sign_state }
  end
  return { id = record.id, state = record.state, participants = people }
end

local function contract_of(emulator, id)
  local record = id and emulator.store:contract(id)
  if record then return record end
  return nil, id and format("No contract %d.", id) or "Which contract? Give its id, or a link."
end

local function is_meant(person, which)
  return which == nil and person.signatory and person.sign_state == "undecided"
    or which ~= nil and (person.id == tonumber(which) or person.email == which)
end

-- The participants that the arguments name, in the order of signing.
local function people_of(record, which)
  local order, people = {}, {}
  for _, step in ipairs(record.sign_order) do order[step.participant_id] = step.order end
  for person, party in parties.people(record) do
    if is_meant(person, which) then
      people[#people + 1] = { person = person, party = party, order = order[person.id] or 0, place = #people }
    end
  end
  table.sort(people, function(a, b) return a.order < b.order or (a.order == b.order and a.place < b.place) end)
  return people
end

-- Runs `act` (signing.sign, signing.decline) for the participants that the arguments name.
local function in_the_name_of(act, only_one)
  return function(emulator, arguments)
    local record, person, party
    if arguments.link then
      record, person, party = visit.follow(emulator, arguments.link)
      if not record then return nil, person end
    else
      local problem
      record, problem = contract_of(emulator, arguments.contract)
      if not record then return nil, problem end
    end
    local people = person and { { person = person, party = party } } or people_of(record, arguments.participant)
    if #people == 0 then return nil, "The contract has no such participant who may still do this." end
    for i = 1, only_one and 1 or #people do
      local good, why = act(emulator.store, record, people[i].person, people[i].party)
      if not good then return nil, why end
    end
    return describe(record)
  end
end

local function add_file(emulator, arguments)
  local record, problem = contract_of(emulator, arguments.contract)
  if not record then return nil, problem end
  local name, extension = match(arguments.name, "^(.+)%.([^.]+)$")
  if not name then return nil, "A file's name has an extension." end
  local file = {
    id = emulator.store:next_id(), name = name, extension = extension, type = "attachment", size = arguments.size,
  }
  local kept = { file }
  for _, each in ipairs(record.attachments) do kept[#kept + 1] = each end
  record.attachments = kept
  return { id = file.id }
end

local function expire(emulator, arguments)
  local record, problem = contract_of(emulator, arguments.contract)
  if not record then return nil, problem end
  if record.state ~= "pending" then return nil, format("The contract is %s.", record.state) end
  signing.expire(emulator.store, record)
  return describe(record)
end

--- The controls.
function M.list(account_field)
  return {
    {
      name = "add_contracts", method = "POST", path = "/contracts", commands = { ["contracts add"] = {} },
      fields = {
        { name = "count", type = "integer", min = 1, max = 100000, required = true, help = "How many." },
        { name = "state", type = "string", enum = STATES, help = "Their state; draft when left out." },
        { name = "name", type = "string", help = "How their names begin." },
        { name = "workspace_id", type = "id", help = "Their workspace." },
        { name = "template_id", type = "id", help = "Their template." },
        { name = "created_from", type = "time", help = "When the first was made; now, or when it was published." },
        { name = "created_to", type = "time", help = "When the last was; the others are spread between." },
        { name = "published_from", type = "time", help = "When the first was published." },
        { name = "published_to", type = "time", help = "When the last was." },
        account_field,
      },
      result = "ids",
      help = "Adds contracts to an account, as many as a test of pages needs.",
      run = add_contracts,
    },
    {
      name = "add_file", method = "POST", path = "/files", commands = { ["file add"] = {} },
      fields = {
        { name = "contract", type = "id", required = true, help = "The contract's id." },
        { name = "name", type = "string", required = true, help = "The file's name with its extension." },
        { name = "size", type = "integer", min = 0, max = 2^40, required = true, help = "How many bytes it has." },
      },
      result = "id",
      help = "Adds a file of any size to a contract, for tests of downloads: its bytes are made as they are sent.",
      run = add_file,
    },
    {
      name = "sign", method = "POST", path = "/sign", commands = { sign = {} },
      fields = { CONTRACT, PARTICIPANT, LINK },
      help = "Signs a contract as its participants do: one, who has a link, or all in their order.",
      run = in_the_name_of(signing.sign, false),
    },
    {
      name = "decline", method = "POST", path = "/decline", commands = { decline = {} },
      fields = { CONTRACT, PARTICIPANT, LINK },
      help = "Declines a contract as a participant does: the one named, or the first signatory.",
      run = in_the_name_of(signing.decline, true),
    },
    {
      name = "expire", method = "POST", path = "/expire", commands = { expire = {} },
      fields = { { name = "contract", type = "id", required = true, help = "The contract's id." } },
      help = "Ends the signing period of a pending contract: it is overdue then.",
      run = expire,
    },
    {
      name = "advance", method = "POST", path = "/clock", commands = { advance = {} },
      fields = { { name = "seconds", type = "integer", min = 1, required = true, help = "How many seconds." } },
      result = "time",
      help = "Moves the sandbox's clock on: signing periods and access links end.",
      run = function(emulator, arguments)
        emulator:advance(arguments.seconds)
        return { time = emulator.store:now() }
      end,
    },
    {
      name = "set_downloads", method = "POST", path = "/downloads",
      commands = { ["downloads bytes"] = { mode = "bytes" }, ["downloads redirect"] = { mode = "redirect" } },
      fields = { { name = "mode", type = "string", enum = { "bytes", "redirect" }, required = true,
                   help = "bytes, or redirect." } },
      help = "Chooses how files are downloaded: at once, or by a redirect to the sandbox's storage.",
      run = function(emulator, arguments)
        emulator.downloads = arguments.mode
        return { mode = emulator.downloads }
      end,
    },
  }
end

return M

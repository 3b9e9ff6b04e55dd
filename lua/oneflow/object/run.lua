-- Runs operations of the endpoint table as methods: checks the arguments, fills in the path, runs the call, wraps the
-- answer.
--
-- A binding is an operation at a place: { operation, on (the kind of its `self`), kind (of the records that it
-- returns), root (whether these are children of the client, wherever the operation is), takes_id }. A state belongs to
-- an object: { type, scope, up (the item above), id, data, meta, partial }. Only the library has its tables, from
-- decoding on: the acting user and the ids are read from them. Values given to callers are copies.
local acting_user = require "oneflow.client.acting_user"
local api = require "oneflow.api"
local call = require "oneflow.call"
local decode = require "oneflow.call.decode"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local files = require "oneflow.object.files"
local ids = require "oneflow.values.ids"
local kinds = require "oneflow.object.kinds"
local list_query = require "oneflow.list.query"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local pages = require "oneflow.list.page"
local slices = require "oneflow.list.slices"
local walk_each = require "oneflow.list.each"
local usage = require "oneflow.errors.usage"

local format, gmatch, match = string.format, string.gmatch, string.match
local ipairs, next, pairs, type = ipairs, next, pairs, type
local open, seal = core.open, core.seal
local ITEM = kinds.item
local state_of = kinds.state_of

local M = {}

-- ---- items and paths -------------------------------------------------------------------------------------------

--- Makes an item from its id, or with its record.
function M.new_item(kind, scope, up, id, data, meta, partial)
  return seal({ type = kind, scope = scope, up = up, id = id, data = data, meta = meta, partial = partial }, ITEM)
end
local new_item = M.new_item

--- The id of a record, in the form for ids, or otherwise as it was sent.
---@return any? id
function M.id_of(kind, data)
  local id = decode.id_of(data, kind.resource.id_fields)
  if id == nil and (type(data.id) == "string" or type(data.id) == "number") then id = data.id end
  return id
end

--- Makes an item of a record that the service sent. Its id is the requested one; or the service's, if a custom id or
--- none was requested.
function M.new_record(kind, scope, up, data, meta, partial, asked_id)
  local id = asked_id
  if id == nil or ids.is_custom(id) then id = M.id_of(kind, data) end
  if id == nil then id = asked_id end
  return new_item(kind, scope, up, id, data, meta, partial)
end
local new_record = M.new_record

-- The path templates: the text before the first id, its name, the text after it, and so on.
local templates = {}
for _, operation in pairs(api.operations) do
  local pieces = { match(operation.path, "^[^{]*") }
  for name, after in gmatch(operation.path, "{([a-z_]+)}([^{]*)") do
    pieces[#pieces + 1], pieces[#pieces + 2] = name, after
  end
  templates[operation] = pieces
end

--- The id as a segment of a path, or the problem with it.
---@return string? text, string? problem
function M.segment(kind, id)
  if kind.resource.custom_ids then return ids.custom(id, kind.id_name .. " id") end
  return ids.text(id, kind.id_name .. " id")
end

-- The path with the ids of the item and its parents. A bad id is detected here, not where the item was named.
---@return string? path, oneflow.Problem[]? problems
local function path_of(operation, state)
  local pieces = templates[operation]
  local path, problems = pieces[1], nil
  for i = 2, #pieces, 2 do
    local name, at = pieces[i], state
    while at.type.id_name ~= name do at = at.up end
    if not at.text then
      local problem
      at.text, problem = M.segment(at.type, at.id)
      if problem then
        problems = problems or {}
        check.note(problems, name .. " id", problem)
      end
    end
    if not problems then path = path .. at.text .. pieces[i + 1] end
  end
  return path, problems
end

-- ---- running ---------------------------------------------------------------------------------------------------

-- The context for errors that are detected after the pipeline.
local function context_of(operation, scope, opts)
  return {
    operation = operation.name, acting_user = acting_user.label(scope.user or scope.client.resolve(opts.as)),
    attempts = 1, mask = scope.client.mask, repeatable = operation.repeatable,
  }
end

-- The error for a list that cannot be read as requested.
local function refusal(operation, scope, opts, message)
  return errors.new(context_of(operation, scope, opts),
    { kind = "limit", outcome = "refused", detail = message, retryable = false })
end

local function give_up(operation, scope, opts)
  return function(message) usage.throw(refusal(operation, scope, opts, message)) end
end

local function merged(opts, more)
  local copy = {}
  for name, value in next, opts do copy[name] = value end
  for name, value in next, more do copy[name] = value end
  return copy
end

-- The parent of the records in an answer: that of the collection, or the item of the call.
local function above(binding, state)
  if binding.root then return nil end
  return state.up
end

-- The result of a method for an answer.
local function record_of(value, meta, opts, binding, state)
  local operation = binding.operation
  if opts.decode == false then return value, meta end
  if operation.returns == "nothing" then return true, meta end
  if operation.returns == "data" then return value, meta end
  local made, asked_id = acting_user.made(state.scope, opts), operation.answers ~= "new" and state.id or nil
  return new_record(binding.kind, made, above(binding, state), value, meta, false, asked_id)
end

-- The data that the caller may have read of the item that is written; for a whole collection, of the item that has it.
local function held_of(operation, state)
  if operation.on == "collection" and operation.verb == "update" then state = state.up end
  return state.data
end

local function run(binding, state, body, opts)
  local operation = binding.operation
  local path, problems = path_of(operation, state)
  if operation.upload then
    return files.upload(state.scope, operation, path, body, opts, problems, record_of, binding, state)
  end
  local parts
  if operation.body then
    problems = problems or {}
    parts = { body = check.body(operation, body, problems, opts.unchecked, held_of(operation, state)) }
  end
  return call.run(state.scope, operation, path, parts, opts, problems, record_of, binding, state)
end

-- The request for a list, checked and copied once. Returns a function that fetches a page of it, or of a part of it: a
-- slice, or the list without its `sort`.
local function listing(binding, state, query, unchecked)
  local operation, scope, kind, up = binding.operation, state.scope, binding.kind, above(binding, state)
  local path, problems = path_of(operation, state)
  problems = problems or {}
  local wanted, position = list_query.read(operation, query, problems, unchecked)

  local function fetch(offset, limit, opts, part, within)
    within = within or scope
    local pairs_of = {}
    for _, pair in ipairs(wanted) do
      if not part or pair[1] ~= part.replaces then pairs_of[#pairs_of + 1] = pair end
    end
    if part and part.pair then pairs_of[#pairs_of + 1] = part.pair end
    if limit and operation.pages then pairs_of[#pairs_of + 1] = { "limit", format("%d", limit) } end
    if offset > 0 then pairs_of[#pairs_of + 1] = { "offset", format("%d", offset) } end
    local function page(value, meta)
      if opts.decode == false then return value, meta end
      local made = acting_user.made(within, opts)
      return pages.new(value, {
        scope = made, offset = offset, meta = meta, rows = operation.rows, whole = operation.bare,
        wrap = function(data) return new_record(kind, made, up, data, meta, true) end,
        fetch = function(at, more)
          return fetch(at, limit, more == nil and opts or merged(opts, check.options(more)), part, made)
        end,
        undecodable = function(message)
          return errors.unexpected(context_of(operation, scope, opts), { status = meta.status }, "decode", message)
        end,
        refusal = function(message) return refusal(operation, scope, opts, message) end,
      })
    end
    -- No problem so far: problems that this call finds must not be shared with other calls.
    return call.run(within, operation, path, { query = pairs_of }, opts, problems[1] and problems or nil, page)
  end
  return fetch, position, wanted
end

local function list(binding, state, query, opts)
  opts = check.options(opts)
  local fetch, position = listing(binding, state, query, opts.unchecked)
  return fetch(position.offset or 0, position.limit, opts)
end

-- For each and pages: the list, and how its pages are fetched.
local function walkable(verb, binding, state, query, opts)
  opts = options.read(lists.walk, opts)
  if opts.decode == false then usage.raise("decode = false returns text, which has no items: use list") end
  local calls = merged(opts, {})
  calls.page_size, calls.max, calls.prefetch = nil, nil, nil
  acting_user.choose(state.scope, binding.operation, calls) -- raises here rather than in the loop
  local fetch, position, wanted = listing(binding, state, query, opts.unchecked)
  if position.limit or position.offset then
    usage.raise(verb .. " goes over all pages: limit and offset are list's; here { page_size =, max = } in the options")
  end
  return fetch, calls, opts, wanted
end

local function id_of(item) return open(item, ITEM).id end
local function data_of(item) return open(item, ITEM).data end

-- The value at a place in a record; nil if the place does not exist.
local function at(item, path)
  local value = open(item, ITEM).data
  for _, name in ipairs(path) do value = type(value) == "table" and value[name] or nil end
  return value
end

-- Is the list sorted by a column that can change for an existing item?
local function movable(operation, wanted)
  for _, pair in ipairs(wanted) do
    if pair[1] == "sort" then
      for column in gmatch(pair[2], "[^,]+") do
        if not (operation.fixed and operation.fixed[match(column, "^%-?(.*)")]) then return true end
      end
    end
  end
  return false
end

local function each(binding, state, query, opts)
  local operation = binding.operation
  local fetch, calls, wanted
  fetch, calls, opts, wanted = walkable("each", binding, state, query, opts)
  local function refuse(message) return refusal(operation, state.scope, calls, message) end
  return pages.walk(walk_each({
    fetch = function(offset, limit, part) return fetch(offset, limit, calls, part) end,
    id_of = id_of, data_of = data_of, movable = movable(operation, wanted),
    give_up = give_up(operation, state.scope, calls),
    slicer = slices.new(operation.slices, wanted, function(slice) return fetch(0, 1, calls, slice) end, at, refuse),
  }, opts), acting_user.made(state.scope, calls))
end

local function walk_pages(binding, state, query, opts)
  local fetch, calls
  fetch, calls, opts = walkable("pages", binding, state, query, opts)
  if opts.max then usage.raise("pages takes no max: leave the loop instead") end
  if opts.prefetch then usage.raise("pages takes no prefetch: each does") end
  return pages.walk(pages.pages(function() return fetch(0, opts.page_size, calls) end, id_of,
    give_up(binding.operation, state.scope, calls)), acting_user.made(state.scope, calls))
end

-- ---- methods ---------------------------------------------------------------------------------------------------

--- Reads the id argument of a method: a number, digits or text; or a handle of the same kind, with the same parents.
---@return integer|string id, string? text  as a path segment, if the id is good
function M.id_argument(kind, up, id)
  local other = open(id, ITEM)
  if other then
    if other.type.resource ~= kind.resource then
      usage.raise(format("%s id: a %s given", kind.id_name, other.type.name))
    end
    local mine, its = up, other.up
    while mine and its do
      if mine.type.resource == its.type.resource and format("%s", mine.id) ~= format("%s", its.id) then
        usage.raise(format("%s id: a %s of another %s given", kind.id_name, kind.name, mine.type.name))
      end
      mine, its = mine.up, its.up
    end
    id = other.id
  end
  local text = M.segment(kind, id) -- raises for a wrong type
  if text and not kind.resource.custom_ids then id = ids.value(text) end
  return id, text
end

--- The method of a binding.
function M.method(binding)
  local operation, on = binding.operation, binding.on
  local verb = operation.verb
  if operation.pages or operation.bare then
    return function(self, query, opts)
      return list(binding, state_of(self, on, verb), query, opts)
    end
  elseif binding.takes_id then
    return function(self, id, opts)
      local state = state_of(self, on, verb)
      local text
      id, text = M.id_argument(binding.kind, state.up, id)
      local item = { type = binding.kind, scope = state.scope, up = state.up, id = id, text = text }
      return run(binding, item, nil, check.options(opts))
    end
  elseif operation.body then
    return function(self, body, opts)
      return run(binding, state_of(self, on, verb), body, check.options(opts))
    end
  end
  return function(self, opts, more)
    local state = state_of(self, on, verb)
    if more ~= nil then usage.raise(format("%s:%s takes options alone", on.name, verb)) end
    return run(binding, state, nil, check.options(opts))
  end
end

--- The method that downloads a file.
function M.download_method(operation, on)
  return function(self, where, opts)
    local state = state_of(self, on, "download")
    local path, problems = path_of(operation, state)
    return files.download(state.scope, operation, path, where, check.options(opts), problems)
  end
end

--- The methods that iterate over a list.
function M.walks(binding)
  local on = binding.on
  return function(self, query, opts)
    return each(binding, state_of(self, on, "each"), query, opts)
  end, function(self, query, opts)
    return walk_pages(binding, state_of(self, on, "pages"), query, opts)
  end
end

--- The method for an operation of client and user.
function M.shared_method(operation)
  local binding = { operation = operation }
  return function(self, opts)
    return run(binding, { scope = kinds.scope_of(self, operation.verb) }, nil, check.options(opts))
  end
end

return M

-- The objects that a script holds: client, view, collection, item. All are made from the endpoint table, and all are
-- opaque: their state can be reached by the library alone, so that from a view no path leads to the token, the client
-- or another user. Methods are functions over local functions; there is nothing in them to replace.
local acting_user = require "oneflow.acting_user"
local api = require "oneflow.api"
local call = require "oneflow.call"
local check = require "oneflow.check"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local ids = require "oneflow.ids"
local pages = require "oneflow.page"
local usage = require "oneflow.usage"

local format, match, sub, upper = string.format, string.match, string.sub, string.upper
local ipairs, next, pairs, type = ipairs, next, pairs, type
local select = select
local open, seal, null = core.open, core.seal, core.null

local M = {}

---The account, as its token opens it. Every call says its acting user: `client:user(x)`, or `as = x` in its options.
---Beside what stands here it has a field for each collection and a method for each item of the endpoint table
---(`client.contracts`, `client:contract(4711)`, `client:ping()`); an unknown name raises with the nearest one.
---@class oneflow.Client: oneflow.View
---@field user fun(self: oneflow.Client, user: oneflow.User): oneflow.View?, oneflow.Error?
---@field close fun(self: oneflow.Client)

---The client as one user: a capability, from which no path leads to the token, the client or another user.
---@class oneflow.View
---@field request fun(self: oneflow.View, method: string, path: string, parts: table?, opts: oneflow.Options?): any, any
---@field [string] any  collections, items and verbs of the endpoint table

---Who acts: an e-mail address, a user's record, a view of the same client, or oneflow.ANONYMOUS_ADMIN.
---@alias oneflow.User string|oneflow.Item|oneflow.View|userdata

---Options of every call, in the table after the payload.
---@class oneflow.Options
---@field as oneflow.User?  on a client, for this call; a view refuses it
---@field timeout number?  seconds, the whole call (60); above 0, at most 3600
---@field attempt_timeout number?  seconds, one attempt (30)
---@field retry (false|{ attempts: integer })?  taken and checked; one attempt is made
---@field decode boolean?  false: the JSON text instead of an object
---@field unchecked boolean?  names and values go out unchecked
---@field blocking boolean?  allow the call to block an nginx worker

---A collection: `client.contracts`. It has those of these methods that the endpoint table names, and no others.
---@class oneflow.Collection
---@field list fun(self, query: table?, opts: oneflow.Options?): oneflow.Page?, oneflow.Error?
---@field each fun(self, query: table?, opts: table?): fun(): oneflow.Item?  and page_size (1 to 100), max; raises
---@field pages fun(self, query: table?, opts: table?): fun(): oneflow.Page?  and page_size; raises
---@field create fun(self, body: table?, opts: oneflow.Options?): oneflow.Item?, oneflow.Error?

---One thing of the service: its id and, once loaded, its data. Never changes; methods give new ones.
---@class oneflow.Item
---@field id integer|string?
---@field data table  as decoded; raises when not loaded
---@field meta table  status, attempts, request_id; raises when not loaded
---@field at fun(self, ...: string|integer): any  a path into `data`; nil for missing and for null
---@field get fun(self, opts: oneflow.Options?): oneflow.Item?, oneflow.Error?
---@field [string] any  the endpoint table's verbs, and accessors

-- One metatable a kind of object; sealing with it is what makes an object one of ours.
local CLIENT, VIEW, COLLECTION, ITEM = {}, {}, {}, {}
local KINDS = { client = CLIENT, view = VIEW, collection = COLLECTION, item = ITEM }

local item_types = {}       -- by name: { resource =, members = }
local collection_types = {} -- by name
local shared = {}           -- members of client and view

-- ---- running operations ----------------------------------------------------------------------------------------

local function new_item(resource, scope, id, data, meta, partial)
  return seal({ type = item_types[resource.item or resource.record], scope = scope, id = id, data = data, meta = meta,
    partial = partial }, ITEM)
end

-- A record as the service sent it. Its id is the service's word, or else the one that was asked for.
local function new_record(name, scope, data, meta, partial, asked_id)
  local id = data.id
  if type(id) ~= "number" and type(id) ~= "string" then id = asked_id end
  return new_item(item_types[name].resource, scope, id, data, meta, partial)
end

-- The path templates, cut where the id goes.
local templates = {}
for _, operation in pairs(api.operations) do
  local before, name, after = match(operation.path, "^(.-){([%w_]+)}(.*)$")
  templates[operation] = name and { before = before, name = name .. " id", after = after }
end

-- The path with the item's id in its place; a bad id is found here, not where the item was named.
---@return string? path, string? problem, string? of_what
local function path_of(operation, state)
  local template = templates[operation]
  if not template then return operation.path end
  local digits = state.digits
  if not digits then
    local problem
    digits, problem = ids.text(state.id, template.name)
    if problem then return nil, problem, template.name end
    state.digits = digits
  end
  return template.before .. digits .. template.after
end

-- For errors that are found behind the pipeline.
local function context_of(operation, scope, opts)
  return {
    operation = operation.name, acting_user = acting_user.label(scope.user or scope.client.resolve(opts.as)),
    attempts = 1, mask = scope.client.mask, repeatable = operation.repeatable,
  }
end

local function merged(options, more)
  local copy = {}
  for name, value in next, options do copy[name] = value end
  for name, value in next, more do copy[name] = value end
  return copy
end

local function answer(operation, state, value, meta, opts)
  if opts.decode == false then return value, meta end
  if operation.returns == "nothing" then return true, meta end
  if operation.returns == "data" then return value, meta end
  return new_record(operation.returns, state.scope, value, meta, false, state.id)
end

-- A list as it was asked for, checked and copied once; what comes back fetches a page of it.
local function listing(operation, state, query, unchecked)
  local problems = {}
  local scope = state.scope
  local wanted, position = check.list_query(operation, query, problems, unchecked)

  local function fetch(offset, limit, opts)
    local pairs_of = {}
    for i, pair in ipairs(wanted) do pairs_of[i] = pair end
    if limit then pairs_of[#pairs_of + 1] = { "limit", format("%d", limit) } end
    if offset > 0 then pairs_of[#pairs_of + 1] = { "offset", format("%d", offset) } end
    local value, meta = call.run(scope, operation, operation.path, { query = pairs_of }, opts, problems)
    if value == nil or opts.decode == false then return value, meta end
    return pages.new(value, {
      offset = offset, meta = meta,
      wrap = function(data) return new_record(operation.returns, scope, data, meta, true) end,
      fetch = function(behind, more)
        return fetch(behind, limit, more == nil and opts or merged(opts, check.options(more)))
      end,
      undecodable = function(message)
        return errors.undecodable(context_of(operation, scope, opts), { status = meta.status }, "decode", message)
      end,
    })
  end
  return fetch, position
end

local function list(operation, state, query, opts)
  opts = check.options(opts)
  local fetch, position = listing(operation, state, query, opts.unchecked)
  return fetch(position.offset or 0, position.limit, opts)
end

-- For each and pages: what to walk over, and how its pages are fetched.
local function walkable(verb, operation, state, query, opts)
  opts = check.each_options(opts)
  if opts.decode == false then usage.raise("decode = false gives text, which cannot be walked over: use list") end
  local calls = merged(opts, {})
  calls.page_size, calls.max = nil, nil
  call.acting_user(state.scope, operation, calls) -- raises here rather than in the loop
  local fetch, position = listing(operation, state, query, opts.unchecked)
  if position.limit or position.offset then
    usage.raise(verb .. " goes over all pages: limit and offset are list's; here { page_size =, max = } in the options")
  end
  return fetch, calls, opts
end

local function id_of(item) return open(item, ITEM).id or item end

local function each(operation, state, query, opts)
  local fetch, calls
  fetch, calls, opts = walkable("each", operation, state, query, opts)
  return pages.each(function(offset, limit) return fetch(offset, limit, calls) end, id_of, opts, function(message)
    usage.throw(errors.new(context_of(operation, state.scope, calls),
      { kind = "limit", outcome = "refused", detail = message, retryable = false }))
  end)
end

local function walk_pages(operation, state, query, opts)
  local fetch, calls
  fetch, calls, opts = walkable("pages", operation, state, query, opts)
  if opts.max then usage.raise("pages takes no max: leave the loop instead") end
  return pages.pages(function() return fetch(0, opts.page_size or 100, calls) end)
end

local function run(operation, state, body, opts)
  local path, problem, of_what = path_of(operation, state)
  local parts, problems
  if problem then problems = errors.problem(of_what, problem) end
  if operation.body then
    problems = problems or {}
    parts = { body = check.body(operation.body, body, problems, opts.unchecked) }
  end
  local value, meta = call.run(state.scope, operation, path, parts, opts, problems)
  if value == nil then return nil, meta end
  return answer(operation, state, value, meta, opts)
end

-- ---- members ---------------------------------------------------------------------------------------------------

-- The state behind `self`, or a lesson in colons.
local function state_of(self, metatable, owner, name)
  local state = open(self, metatable)
  if not state then usage.raise(format("call with a colon: %s:%s(...)", owner, name)) end
  return state
end

local function method_of(operation, owner, metatable)
  local verb = operation.verb
  if operation.pages then
    return function(self, query, opts)
      return list(operation, state_of(self, metatable, owner, verb), query, opts)
    end
  elseif operation.body then
    return function(self, body, opts)
      return run(operation, state_of(self, metatable, owner, verb), body, check.options(opts))
    end
  end
  return function(self, opts)
    return run(operation, state_of(self, metatable, owner, verb), nil, check.options(opts))
  end
end

-- data._private.name and the like; nil for missing and for null
local function at(data, path)
  local value = data
  for _, name in ipairs(path) do
    if type(value) ~= "table" then return nil, true end
    value = value[name]
    if value == nil or value == null then return nil, value == nil end
  end
  return value
end

local function loaded(state)
  if state.data == nil then
    usage.raise(format("%s %s is not loaded: use :get()", state.type.name, acting_user.label(state.id) or "?"))
  end
  return state.data
end

local function accessor(name, path)
  return function(state)
    local data = loaded(state)
    local value, absent = at(data, path)
    if value == nil and absent and state.partial then
      usage.raise(format("%s %s comes from a list, which left out what `%s` is read from: use :get()", state.type.name,
        state.id, name))
    end
    return value
  end
end

-- A member is a method (kept as it is) or a field (a function of the state).
local function item_members(resource)
  local name = resource.item or resource.record
  local members = { methods = {}, fields = {} }
  for _, operation in ipairs(resource.operations) do
    if operation.on == "item" then members.methods[operation.verb] = method_of(operation, name, ITEM) end
  end
  function members.methods.at(self, ...)
    local state = state_of(self, ITEM, name, "at")
    local path = { ... }
    for i = 1, select("#", ...) do
      if type(path[i]) ~= "string" and type(path[i]) ~= "number" then
        usage.raise("at: names and positions expected, got " .. type(path[i]))
      end
    end
    return (at(loaded(state), path))
  end
  function members.fields.id(state) return state.id end
  function members.fields.data(state) return loaded(state) end
  function members.fields.meta(state) loaded(state) return state.meta end
  for field, path in pairs(resource.accessors or {}) do members.fields[field] = accessor(field, path) end
  return members
end

local function collection_members(resource)
  local members = { methods = {}, fields = {} }
  for _, operation in ipairs(resource.operations) do
    if operation.on == "collection" and #operation.ids == 0 then
      members.methods[operation.verb] = method_of(operation, resource.collection, COLLECTION)
      if operation.pages then
        function members.methods.each(self, query, opts)
          return each(operation, state_of(self, COLLECTION, resource.collection, "each"), query, opts)
        end
        function members.methods.pages(self, query, opts)
          return walk_pages(operation, state_of(self, COLLECTION, resource.collection, "pages"), query, opts)
        end
      end
    end
  end
  return members
end

-- ---- client and view -------------------------------------------------------------------------------------------

-- The scope behind a client or a view.
local function scope_of(self, name)
  local scope = open(self, VIEW) or open(self, CLIENT)
  if not scope then usage.raise(format("call with a colon: client:%s(...)", name)) end
  return scope
end

-- What stands below an item is not reachable yet.
local client_resources = {}
for _, resource in ipairs(api.resources) do
  if not resource.parents and resource.name ~= "helper" then client_resources[#client_resources + 1] = resource end
end

for _, resource in ipairs(client_resources) do
  local name = resource.item or resource.record
  if name then item_types[name] = { name = name, resource = resource, members = item_members(resource) } end
  if resource.collection then
    collection_types[resource.collection] = { name = resource.collection, members = collection_members(resource) }
  end
  if resource.item then
    shared[resource.item] = function(self, id, ...)
      local scope = scope_of(self, resource.item)
      if resource.singleton then
        if id ~= nil then usage.raise(format("there is one %s: :%s() takes no id", resource.item, resource.item)) end
      else
        local other = open(id, ITEM)
        if other then
          if other.type.name ~= resource.item then
            usage.raise(format("%s id: a %s given", resource.item, other.type.name))
          end
          id = other.id
        end
        if type(id) ~= "number" and type(id) ~= "string" then ids.text(id, resource.item .. " id") end
        if select("#", ...) > 0 then usage.raise(format("%s takes an id; options go to its methods", resource.item)) end
        local digits = ids.text(id, resource.item .. " id")
        if digits then id = ids.value(digits) end
      end
      return new_item(resource, scope, id)
    end
  end
  for _, operation in ipairs(resource.operations) do
    if operation.on == "client" then
      shared[operation.verb] = function(self, opts)
        return run(operation, { scope = scope_of(self, operation.verb) }, nil, check.options(opts))
      end
    end
  end
end

local REQUEST_FIELDS = { "query", "body", "headers", "decode" }

--- An endpoint that the table lacks. `value, meta`, or `nil, err`.
---@param method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@param path string  below the base URL: "/contracts/4711/files"
---@param parts { query: table?, body: any, headers: table?, decode: boolean? }?
---@param opts table?  as, timeout, attempt_timeout, retry, decode, unchecked, blocking
function shared.request(self, method, path, parts, opts)
  local scope = scope_of(self, "request")
  opts = check.options(opts)
  if type(method) ~= "string" then usage.raise("request: the method is a string, got " .. type(method)) end
  if type(path) ~= "string" then usage.raise("request: the path is a string, got " .. type(path)) end
  local given = {}
  if parts ~= nil and type(parts) ~= "table" then
    usage.raise("request: { query =, body =, headers =, decode = } expected, got " .. type(parts))
  end
  for name, value in next, parts or {} do
    local known = false
    for _, field in ipairs(REQUEST_FIELDS) do known = known or field == name end
    if not known then
      usage.raise(format("request has no field %s%s", usage.show(name), usage.hint(name, REQUEST_FIELDS)))
    end
    given[name] = value
  end
  if given.decode ~= nil then
    opts = merged(opts, check.options { decode = given.decode })
  end
  for name in next, type(given.headers) == "table" and given.headers or {} do
    local good, problem = true, nil
    if type(name) == "string" then good, problem = core.check_header_name(name) end
    if not good then usage.raise(format("request: the header %s %s", usage.show(name), problem)) end
  end
  local problems = {}
  method = upper(method)
  return call.run(scope, {
    name = "request", method = method, as = "unknown", repeatable = method == "GET",
  }, path, {
    body = given.body,
    query = check.pairs("query", given.query, problems),
    headers = check.pairs("headers", given.headers, problems),
  }, opts, problems)
end

-- Who acts: an e-mail, a user's record or a view of the same client, or the anonymous administrator.
local function resolve(client, value)
  local view = open(value, VIEW)
  if view then
    if view.client ~= client then usage.raise("the acting user is a view of another client") end
    return view.user
  end
  local item = open(value, ITEM)
  if item then
    if item.type.name ~= "user" then usage.raise("an acting user is a user, not a " .. item.type.name) end
    if item.scope.client ~= client then usage.raise("the acting user is a record of another client") end
    value = at(loaded(item), { "email" })
    if acting_user.missing(value) then return nil, "the user's record has no e-mail" end
  end
  return acting_user.read(value)
end

local client_methods = {}

--- A view: everything done through it is done as this user. No I/O.
---@param user string|userdata  e-mail, user record, or oneflow.ANONYMOUS_ADMIN
---@return oneflow.View? view, oneflow.Error? err  validation: not an e-mail address; a missing user raises
function client_methods.user(self, user)
  local scope = open(self, CLIENT)
  if not scope then
    if open(self, VIEW) then usage.raise("a view acts as one user: ask the client for another view") end
    usage.raise("call with a colon: client:user(...)")
  end
  if acting_user.missing(user) then
    usage.raise("client:user: no user given; oneflow.ANONYMOUS_ADMIN stands for the anonymous administrator")
  end
  local resolved, problem = resolve(scope.client, user)
  if not resolved then
    return nil, errors.validation({ operation = "client.user", mask = scope.client.mask },
      errors.problem("user", problem))
  end
  return seal({ client = scope.client, user = resolved }, VIEW)
end

--- Ends the client: running calls are cancelled, connections closed, the token wiped. May be called again.
function client_methods.close(self)
  local scope = open(self, CLIENT)
  if not scope then
    usage.raise(open(self, VIEW) and "a view cannot close its client" or "call with a colon: client:close()")
  end
  scope.client.closed = true
  scope.client.engine:close()
end

-- ---- metatables ------------------------------------------------------------------------------------------------

local function unknown(owner, name, ...)
  local known = {}
  for _, members in ipairs { ... } do for member in pairs(members) do known[#known + 1] = member end end
  table.sort(known)
  usage.raise(format("%s has no %s%s", owner, usage.show(name), usage.hint(name, known)))
end

local function scope_index(owner, metatable, own)
  return function(self, name)
    local member = own[name] or shared[name]
    if member then return member end
    local kind = collection_types[name]
    if kind then return seal({ type = kind, scope = open(self, metatable) }, COLLECTION) end
    unknown(owner, name, own, shared, collection_types)
  end
end

CLIENT.__index = scope_index("a client", CLIENT, client_methods)
VIEW.__index = scope_index("a view", VIEW, {
  user = client_methods.user, -- both only to say why not
  close = client_methods.close,
})

function CLIENT.__tostring(self) return "oneflow client of " .. open(self, CLIENT).client.base_url end
function VIEW.__tostring(self) return "oneflow view as " .. acting_user.label(open(self, VIEW).user) end
function COLLECTION.__tostring(self) return "oneflow collection " .. open(self, COLLECTION).type.name end
function ITEM.__tostring(self)
  local state = open(self, ITEM)
  local name = state.type.name
  if state.id == nil then return "oneflow " .. name end
  return format("oneflow %s %s%s", name, state.id, state.data == nil and " (not loaded)" or "")
end

CLIENT.__close = client_methods.close

function COLLECTION.__index(self, name)
  local kind = open(self, COLLECTION).type
  return kind.members.methods[name] or unknown(kind.name, name, kind.members.methods)
end

function COLLECTION.__call(self)
  local name = open(self, COLLECTION).type.name
  usage.raise(format("%s is a collection: use client.%s:list()", name, name))
end

function ITEM.__index(self, name)
  local state = open(self, ITEM)
  local members = state.type.members
  local method = members.methods[name]
  if method then return method end
  local field = members.fields[name]
  if field then return field(state) end
  unknown(state.type.name, name, members.methods, members.fields)
end

for kind, metatable in pairs(KINDS) do
  metatable.__metatable = false
  metatable.__name = "oneflow." .. upper(sub(kind, 1, 1)) .. sub(kind, 2)
  function metatable.__newindex() usage.raise(format("a %s cannot be changed", kind)) end
end

--- The client object around its state; see oneflow.client.
function M.client(state)
  function state.resolve(value) return resolve(state, value) end
  return seal({ client = state }, CLIENT)
end

return M

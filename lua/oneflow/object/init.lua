-- The objects of the library: client, user, collection, item. All are made from the endpoint table, and all are opaque:
-- only the library can reach their state, so a user object gives no access to the token, the client or another user.
-- Methods are closures over local functions; nothing in them can be replaced. oneflow.object.tree has the structure,
-- oneflow.object.run runs the operations.
local ascii = require "oneflow.base.ascii"
local accessors = require "oneflow.object.accessors"
local acting_user = require "oneflow.client.acting_user"
local api = require "oneflow.api"
local call = require "oneflow.call"
local decode = require "oneflow.call.decode"
local check = require "oneflow.values.check"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local kinds = require "oneflow.object.kinds"
local list_query = require "oneflow.list.query"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local run = require "oneflow.object.run"
local tree = require "oneflow.object.tree"
local usage = require "oneflow.errors.usage"

local format, match = string.format, string.match
local sort = table.sort
local ipairs, next, pairs, type = ipairs, next, pairs, type
local open, seal = core.open, core.seal
local CLIENT, USER, COLLECTION, ITEM = kinds.client, kinds.user, kinds.collection, kinds.item

local M = {}

---The account of a token. Every call needs an acting user: `client:user(x)`, or `as = x` in its options. In addition to
---the fields below it has a field for each collection and a method for each item of the endpoint table
---(`client.contracts`, `client:contract(4711)`, `client:ping()`), see oneflow.annotations; an unknown name raises an
---error that suggests the nearest one.
---@class oneflow.Client: oneflow.User
---@field user fun(self: oneflow.Client, user: oneflow.ActingUser): oneflow.User?, oneflow.Error?
---@field close fun(self: oneflow.Client)

---An acting user: all its calls run as this user. It gives no access to the token, the client or another user.
---@class oneflow.User
---@field request fun(self: oneflow.User, method: string, path: string, parts: table?, opts: oneflow.Options?): any, any

---What names an acting user: an e-mail address, a user record, a user of the same client, or oneflow.ANONYMOUS_ADMIN;
---as `as` of a call on the client whose path names a contract also oneflow.CREATOR, the person who created it.
---@alias oneflow.ActingUser string|oneflow.UserRecord|oneflow.User|userdata

---Options of every call, in the table after the payload.
---@class oneflow.Options
---@field as oneflow.ActingUser?  on a client: for this call and its results; a user does not accept it
---@field timeout number?  seconds, the whole call with its token function (60); above 0, at most 3600
---@field attempt_timeout number?  seconds, one attempt (30)
---@field retry (false|{ attempts: integer })?  accepted and checked; one attempt is made
---@field decode boolean?  false: returns the JSON text; for requests that only read, it is not checked
---@field unchecked (boolean|string[])?  names and values go out unchecked: all, or those at these paths of an error's
---problems ("body.value.amount", "filter.states") and below
---@field blocking boolean?  allow the call to block an nginx worker

---Options of each and pages.
---@class oneflow.WalkOptions: oneflow.Options
---@field page_size integer?  items that one request returns (100; 1 to 100)
---@field max integer?  for each: how many items at most
---@field prefetch boolean?  for each: requests the next page while the loop works on the current one

---A collection: `client.contracts`. oneflow.annotations has its methods, as for items and users.
---@class oneflow.Collection

---An item's id: an integer from 1, its digits, or a handle of the same kind.
---@alias oneflow.Id integer|string|oneflow.Item

---An item of the service: its id and, once loaded, its data. It never changes; methods return new ones.
---@class oneflow.Item
---@field id integer|string?
---@field data table  the decoded data, a new copy each time; raises if not loaded
---@field meta table  status, attempts, request_id, a copy; raises if not loaded
---@field ids table<string, integer|string>  its id and those of its parents, by their names; a copy
---@field at fun(self, ...: string|integer): any  the value at a path in `data`; nil for missing and for null

-- Members of client and user.
local shared = {}
for name, method in pairs(tree.root.items) do shared[name] = method end
for _, operation in pairs(api.operations) do
  if operation.on == "client" then shared[operation.verb] = run.shared_method(operation) end
end

--- Calls any endpoint, for those that the table lacks. Returns `value, meta`, or `nil, err`.
---@param method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@param path string  below the base URL: "/contracts/4711/files"
---@param parts { query: table?, body: any, headers: table?, decode: boolean? }?
---@param opts table?  as, timeout, attempt_timeout, retry, decode, unchecked, blocking
function shared.request(self, method, path, parts, opts)
  local scope = kinds.scope_of(self, "request")
  opts = check.options(opts)
  if type(method) ~= "string" then usage.raise("request: the method is a string, got " .. type(method)) end
  if type(path) ~= "string" then usage.raise("request: the path is a string, got " .. type(path)) end
  local given = options.read(lists.request, parts)
  if given.decode ~= nil then
    local copy = { decode = given.decode }
    for name, value in next, opts do
      if name ~= "decode" then copy[name] = value end
    end
    opts = check.options(copy)
  end
  for name in next, type(given.headers) == "table" and given.headers or {} do
    local good, problem = true, nil
    if type(name) == "string" then good, problem = core.check_header_name(name) end
    if not good then usage.raise(format("request: the header %s %s", usage.show(name), problem)) end
  end
  local problems = {}
  method = ascii.upper(method)
  return call.run(scope, {
    name = "request", method = method, as = "unknown", repeatable = method == "GET",
    of_contract = match(path, "^/+contracts/+[1-9]%d*$") or match(path, "^/+contracts/+[1-9]%d*/"),
    expects = decode.expected(method, path, given.query),
  }, path, {
    body = given.body,
    query = list_query.pairs("query", given.query, problems),
    headers = list_query.pairs("headers", given.headers, problems),
  }, opts, problems)
end

-- Resolves a value to an acting user: an e-mail address, a user record or a user of the same client, or the anonymous
-- administrator.
local function resolve(client, value)
  local user = open(value, USER)
  if user then
    if user.client ~= client then usage.raise("the acting user is a user of another client") end
    return user.user
  end
  local item = open(value, ITEM)
  if item then
    if item.type.name ~= "user" then usage.raise("an acting user is a user, not a " .. item.type.name) end
    if item.scope.client ~= client then usage.raise("the acting user is a record of another client") end
    value = accessors.at(accessors.loaded(item), { "email" })
    if acting_user.missing(value) then return nil, "the user's record has no e-mail" end
  end
  return acting_user.read(value)
end

local client_methods = {}

--- Makes a user object, whose calls all run as this user. No I/O.
---@param user string|userdata  e-mail, user record, or oneflow.ANONYMOUS_ADMIN
---@param opts { paths: boolean? }?  paths = false: it cannot open local files
---@return oneflow.User? user, oneflow.Error? err  validation: not an e-mail address; a missing user raises
function client_methods.user(self, user, opts)
  local scope = open(self, CLIENT)
  if not scope then
    if open(self, USER) then usage.raise("a user acts as itself only: ask the client for another user") end
    usage.raise("call with a colon: client:user(...)")
  end
  if acting_user.missing(user) then
    usage.raise("client:user: no user given; oneflow.ANONYMOUS_ADMIN is the anonymous administrator")
  end
  if user == acting_user.CREATOR then
    usage.raise("client:user: oneflow.CREATOR is another person for each contract: pass { as = oneflow.CREATOR } in "
      .. "the options of a call on the client")
  end
  opts = options.read(lists.user, opts)
  local resolved, problem = resolve(scope.client, user)
  if not resolved then
    return nil, errors.validation({ operation = "client.user", mask = scope.client.mask },
      errors.problem("user", problem))
  end
  return seal({ client = scope.client, user = resolved, no_paths = opts.paths == false }, USER)
end

--- Closes the client: running calls are cancelled, connections closed, the token wiped. May be called again.
function client_methods.close(self)
  local scope = open(self, CLIENT)
  if not scope then
    usage.raise(open(self, USER) and "a user cannot close its client" or "call with a colon: client:close()")
  end
  scope.client.closed = true
  scope.client.engine:close()
end

-- ---- metatables ------------------------------------------------------------------------------------------------

local function unknown(owner, name, ...)
  local known = {}
  for _, members in ipairs { ... } do for member in pairs(members) do known[#known + 1] = member end end
  sort(known, ascii.before)
  usage.raise(format("%s has no %s%s", owner, usage.show(name), usage.hint(name, known)))
end

local function scope_index(owner, metatable, own)
  local collections = tree.root.collections
  return function(self, name)
    local member = own[name] or shared[name]
    if member then return member end
    local kind = collections[name]
    if kind then return seal({ type = kind, scope = open(self, metatable) }, COLLECTION) end
    unknown(owner, name, own, shared, collections)
  end
end

CLIENT.__index = scope_index("a client", CLIENT, client_methods)
USER.__index = scope_index("a user", USER, {
  user = client_methods.user, -- both only for the message
  close = client_methods.close,
})

function CLIENT.__tostring(self) return "oneflow client of " .. open(self, CLIENT).client.base_url end
function USER.__tostring(self) return "oneflow user " .. acting_user.label(open(self, USER).user) end
function COLLECTION.__tostring(self)
  local state = open(self, COLLECTION)
  return "oneflow collection " .. state.type.name .. (state.up and " of " .. kinds.named(state.up) or "")
end
function ITEM.__tostring(self)
  local state = open(self, ITEM)
  return format("oneflow %s%s", kinds.named(state), state.id ~= nil and state.data == nil and " (not loaded)" or "")
end

CLIENT.__close = client_methods.close

function COLLECTION.__index(self, name)
  local kind = open(self, COLLECTION).type
  return kind.methods[name] or unknown(kind.name, name, kind.methods)
end

function COLLECTION.__call(self)
  local kind = open(self, COLLECTION).type
  usage.raise(format("%s is a collection: use %s.%s:%s", kind.name, kind.owner, kind.name,
    kind.methods.list and "list()" or next(kind.methods) .. "(...)"))
end

function ITEM.__index(self, name)
  local state = open(self, ITEM)
  local kind = state.type
  local method = kind.methods[name] or kind.items[name]
  if method then return method end
  local field = kind.fields[name]
  if field then return field(state) end
  local below = kind.collections[name]
  if below then return seal({ type = below, scope = state.scope, up = state }, COLLECTION) end
  if kind.missing[name] then usage.raise(kind.missing[name]) end
  unknown(kind.name, name, kind.methods, kind.items, kind.fields, kind.collections)
end

--- The client object for a state; see oneflow.client.
function M.client(state)
  function state.resolve(value) return resolve(state, value) end
  return seal({ client = state }, CLIENT)
end

return M

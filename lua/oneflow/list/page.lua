-- Pages of a list.
local core = require "oneflow.core"
local families = require "oneflow.object.families"
local kinds = require "oneflow.object.kinds"
local rows = require "oneflow.values.rows"
local usage = require "oneflow.errors.usage"

local error, ipairs, setmetatable, tonumber, type = error, ipairs, setmetatable, tonumber, type
local match = string.match
local copy = core.copy

local M = {}

--- The service lists no further.
M.OFFSET_MAX = 19900

---A page: `page[1]` .. `page[#page]` are handles.
---@class oneflow.Page
---@field count integer?  how many match in all, as the service says
---@field meta table  status, request_id, attempts
---The page behind; `false` at the end, `nil, err` when it fails.
---@field next fun(self: oneflow.Page, opts: table?): oneflow.Page|false|nil, oneflow.Error?

-- Whether there is more, and from which offset. Of the link only the offset is read: it may name any host, none is
-- ever asked but the client's own.
local function following(data, length, count, offset)
  local links = type(data._links) == "table" and data._links or {}
  local href = type(links.next) == "table" and links.next.href or links.next
  if type(href) == "string" then
    local linked = tonumber(match(href, "[?&]offset=(%d+)"))
    if linked and linked > offset then return linked end
    if not count or offset + length < count then return nil, "the link to the next page does not lead on" end
    return false -- all that the service counts was listed
  end
  -- The end, unless the service's own count says otherwise.
  if count and length > 0 and offset + length < count then return offset + length end
  return false
end

local FIELDS = { "count", "meta", "next" }

-- By page: { known (its fields), scope (of its items), behind (the offset of the next page, or false), fetch,
-- refusal }. Nothing there refers to it.
local states = setmetatable({}, { __mode = "k" })

local methods = {}

function methods.next(self, opts)
  local state = states[self]
  if not state then families.refuse(self, "page", "next", "a page") end
  if not state.behind then return false end
  if state.behind > M.OFFSET_MAX then
    return nil, state.refusal("the service lists no further than offset " .. M.OFFSET_MAX .. ": narrow the filter")
  end
  return state.fetch(state.behind, opts)
end

local PAGE = { __metatable = false }

function PAGE.__index(self, name)
  local method = methods[name]
  if method then return method end
  local state = states[self]
  local value = copy(state.known[name])
  if value == nil and type(name) == "string" and name ~= "count" then
    usage.raise("a page has no field " .. usage.show(name) .. usage.hint(name, FIELDS))
  end
  return value
end

function PAGE.__newindex() usage.raise("a page cannot be changed") end

-- A page as a limited script gets it, with all pages behind it.
local limited
function limited(page, state)
  local scope, why = kinds.limited_scope(state.scope)
  if not scope then return nil, why end
  if scope == state.scope then return page end
  local other = {}
  for i = 1, #page do other[i] = families.limited(page[i]) end
  states[setmetatable(other, PAGE)] = {
    known = state.known, scope = scope, behind = state.behind, refusal = state.refusal,
    fetch = function(behind, opts)
      local got, err = state.fetch(behind, opts)
      if not got then return got, err end
      return limited(got, states[got])
    end,
  }
  return other
end

families.add("table", {
  state = function(value) return states[value] end,
  text = function() return "a page" end,
  limited = limited,
})

-- By iterator: the scope of what it gives.
local walks = setmetatable({}, { __mode = "k" })

--- An iterator over items or pages.
---@param scope table  of these
function M.walk(iterator, scope)
  walks[iterator] = scope
  return iterator
end

families.add("function", {
  state = function(value) return walks[value] end,
  text = function() return "an iterator" end,
  limited = function(iterator, state)
    local scope, why = kinds.limited_scope(state)
    if not scope then return nil, why end
    if scope == state then return iterator end
    return M.walk(function()
      local value = iterator()
      if value == nil then return nil end
      return families.limited(value)
    end, scope)
  end,
})

--- Makes a page of a list's answer.
---@param data table  envelope, or a bare array
---@param source table  { scope =, offset =, meta =, rows = (the envelope's names for the list), whole = (nothing is
---  behind it), wrap = function(item), fetch = function(offset, opts), undecodable and refusal = function(message) ->
---  error }
---@return oneflow.Page? page, oneflow.Error? err
function M.new(data, source)
  local items = rows(data, source.rows)
  if not items then return nil, source.undecodable("a list expected, in `data` or bare") end
  local enveloped = items ~= data
  local page = {}
  for i, item in ipairs(items) do
    if type(item) ~= "table" then return nil, source.undecodable("an item of the list is no object") end
    page[i] = source.wrap(item)
  end
  local count = #page
  if enveloped then count = type(data.count) == "number" and data.count or nil end
  local behind, problem = false, nil
  if enveloped and not source.whole then behind, problem = following(data, #page, count, source.offset) end
  if behind == nil then return nil, source.undecodable(problem) end

  setmetatable(page, PAGE)
  states[page] = {
    known = { count = count, meta = source.meta, more = behind ~= false }, scope = source.scope, behind = behind,
    fetch = source.fetch, refusal = source.refusal,
  }
  return page
end

--- Walks pages. After an error the same page is asked for again. Pages that lead nowhere are raised, after a bounded
--- number of requests.
---@param fetch fun(offset: integer): oneflow.Page?, oneflow.Error?
---@param id_of fun(item: any): any
---@param give_up fun(message: string)  raises the error object
function M.pages(fetch, id_of, give_up)
  local page
  return function()
    if page == false then return nil end
    local behind, err
    if page then behind, err = methods.next(page) else behind, err = fetch(0) end
    if err then error(err, 0) end
    if behind and behind.more then
      if #behind == 0 then give_up "the service returned an empty page with more behind it" end
      local id = id_of(behind[1])
      if page and id ~= nil and id == id_of(page[1]) then give_up "the service returned the same page again" end
    end
    page = behind
    return page or nil
  end
end

return M

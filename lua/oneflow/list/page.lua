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

--- The end of the service's offsets.
M.OFFSET_MAX = 19900

---A page: `page[1]` .. `page[#page]` are handles.
---@class oneflow.Page
---@field count integer?  how many items match in all, according to the service
---@field meta table  status, request_id, attempts
---Returns the next page; `false` at the end, `nil, err` on failure.
---@field next fun(self: oneflow.Page, opts: table?): oneflow.Page|false|nil, oneflow.Error?

-- Whether there are more items, and from which offset. Only the offset of the link is used: the link may name any host,
-- but requests go only to the client's own.
local function following(data, length, count, offset)
  local links = type(data._links) == "table" and data._links or {}
  local href = type(links.next) == "table" and links.next.href or links.next
  if type(href) == "string" then
    local linked = tonumber(match(href, "[?&]offset=(%d+)"))
    if linked and linked > offset then return linked end
    if not count or offset + length < count then return nil, "the link to the next page does not advance" end
    return false -- all items that the service counts were listed
  end
  -- The end, unless the service's count says otherwise.
  if count and length > 0 and offset + length < count then return offset + length end
  return false
end

local FIELDS = { "count", "meta", "next" }

-- By page: { known (its fields), scope (of its items), next_offset (of the next page, or false), fetch,
-- refusal }. Nothing in it refers to the page.
local states = setmetatable({}, { __mode = "k" })

local methods = {}

function methods.next(self, opts)
  local state = states[self]
  if not state then families.refuse(self, "page", "next", "a page") end
  if not state.next_offset then return false end
  if state.next_offset > M.OFFSET_MAX then
    return nil, state.refusal("the service lists no further than offset " .. M.OFFSET_MAX .. ": narrow the filter")
  end
  return state.fetch(state.next_offset, opts)
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

-- A page, and all following ones, as a limited script gets them.
local limited
function limited(page, state)
  local scope, why = kinds.limited_scope(state.scope)
  if not scope then return nil, why end
  if scope == state.scope then return page end
  local other = {}
  for i = 1, #page do other[i] = families.limited(page[i]) end
  states[setmetatable(other, PAGE)] = {
    known = state.known, scope = scope, next_offset = state.next_offset, refusal = state.refusal,
    fetch = function(offset, opts)
      local got, err = state.fetch(offset, opts)
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

-- By iterator: the scope of its results.
local walks = setmetatable({}, { __mode = "k" })

--- An iterator over items or pages.
---@param scope table  of the items or pages
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

--- Makes a page of the answer to a list request.
---@param data table  an envelope, or an array
---@param source table  { scope =, offset =, meta =, rows = (the envelope's names for the list), whole = (there are no
---  further pages), wrap = function(item), fetch = function(offset, opts), undecodable and refusal = function(message)
---  -> error }
---@return oneflow.Page? page, oneflow.Error? err
function M.new(data, source)
  local items = rows(data, source.rows)
  if not items then return nil, source.undecodable("a list expected, in `data` or bare") end
  local enveloped = items ~= data
  local page = {}
  for i, item in ipairs(items) do
    if type(item) ~= "table" then return nil, source.undecodable("an item of the list is not an object") end
    page[i] = source.wrap(item)
  end
  local count = #page
  if enveloped then count = type(data.count) == "number" and data.count or nil end
  local next_offset, problem = false, nil
  if enveloped and not source.whole then next_offset, problem = following(data, #page, count, source.offset) end
  if next_offset == nil then return nil, source.undecodable(problem) end

  setmetatable(page, PAGE)
  states[page] = {
    known = { count = count, meta = source.meta, more = next_offset ~= false }, scope = source.scope,
    next_offset = next_offset, fetch = source.fetch, refusal = source.refusal,
  }
  return page
end

--- Iterates over pages. After an error the same page is requested again. Pages that lead nowhere raise an error, after
--- a limited number of requests.
---@param fetch fun(offset: integer): oneflow.Page?, oneflow.Error?
---@param id_of fun(item: any): any
---@param give_up fun(message: string)  raises the error object
function M.pages(fetch, id_of, give_up)
  local page
  return function()
    if page == false then return nil end
    local next_page, err
    if page then next_page, err = methods.next(page) else next_page, err = fetch(0) end
    if err then error(err, 0) end
    if next_page and next_page.more then
      if #next_page == 0 then give_up "the service returned an empty page with more after it" end
      local id = id_of(next_page[1])
      if page and id ~= nil and id == id_of(page[1]) then give_up "the service returned the same page again" end
    end
    page = next_page
    return page or nil
  end
end

return M

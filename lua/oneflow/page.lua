-- Pages of a list, and the walk over all of them.
local gather = require "oneflow.gather"
local usage = require "oneflow.usage"

local error, ipairs, next, setmetatable, tonumber, type = error, ipairs, next, setmetatable, tonumber, type
local match = string.match
local max = math.max

local M = {}

local OFFSET_MAX = 19900 -- the service's
local REWALKS_MAX = 20   -- that find nothing new, before the walk gives up

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
    if not linked or linked <= offset then return nil, "the link to the next page does not lead on" end
    return linked
  end
  -- The end, unless the service's own count says otherwise.
  if count and length > 0 and offset + length < count then return offset + length end
  return false
end

local FIELDS = { "count", "meta", "next" }

--- Makes a page of a list's answer.
---@param data table  envelope, or a bare array
---@param source table  { offset =, meta =, rows = (the envelope's name for the list), whole = (nothing is behind it),
---  wrap = function(item), fetch = function(offset, opts), undecodable = function(message) }
---@return oneflow.Page? page, oneflow.Error? err
function M.new(data, source)
  local rows = source.rows or "data"
  local enveloped = data[rows] ~= nil or data._links ~= nil or data.count ~= nil
  local items = enveloped and data[rows] or data
  if type(items) ~= "table" or (#items == 0 and next(items) ~= nil) then
    return nil, source.undecodable("a list expected, in `data` or bare")
  end
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

  local fields = { count = count, meta = source.meta, more = behind ~= false }
  function fields.next(_, opts)
    if not behind then return false end
    return source.fetch(behind, opts)
  end
  return setmetatable(page, {
    __metatable = false,
    __index = function(_, name)
      local value = fields[name]
      if value == nil and type(name) == "string" and name ~= "count" then
        usage.raise("a page has no field " .. usage.show(name) .. usage.hint(name, FIELDS))
      end
      return value
    end,
    __newindex = function() usage.raise("a page cannot be changed") end,
  })
end

--- Walks pages. `fetch(offset)` -> page | nil, err. After an error the same page is asked for again.
function M.pages(fetch)
  local page
  return function()
    if page == false then return nil end
    local behind, err
    if page then behind, err = page:next() else behind, err = fetch(0) end
    if err then error(err, 0) end
    page = behind
    return page or nil
  end
end

--- Visits each item once, also while the loop changes what the list holds.
---
--- Offsets shift when items come or go, so each page is asked for with the last item of the page before as its first.
--- Where another item stands there, the set has moved: the walk steps back until a page begins with an item that was
--- visited already (all before it were, too, as items keep their order), and leaves out what it knows. A walk that
--- saw the set move is walked over once more at the end, until a walk was undisturbed: sorting by a column that the
--- loop changes may carry items past it. What cannot be settled so is raised.
---
--- With prefetch a page is asked for while the loop works on the page before; it counts only when the walk comes to ask
--- for just that page next.
---@param fetch fun(offset: integer, limit: integer): oneflow.Page?, oneflow.Error?
---@param id_of fun(item: any): any
---@param opts table  page_size, max, prefetch
---@param give_up fun(message: string)  raises the error object
function M.each(fetch, id_of, opts, give_up)
  local size = max(opts.page_size or 100, 2) -- one item overlaps
  local limit = opts.max or math.huge
  local walk, seen, delivered = 1, {}, 0 -- seen: by id, the last walk that came upon it
  local page, index
  local offset, anchor, count, back = 0, nil, nil, size
  local disturbed, found, fruitless = false, false, 0
  local ahead, ahead_offset -- what was asked for before its time

  local function ask(at)
    local asked = ahead
    ahead = nil
    if asked and ahead_offset == at then
      local taken, early, err = gather.take(asked)
      if taken then return early, err end
    elseif asked then
      gather.drop(asked)
    end
    return fetch(at, size)
  end

  local function ask_ahead()
    if not page.more or #page < 2 or delivered + #page > limit or offset + #page - 1 > OFFSET_MAX then return end
    ahead_offset = offset + #page - 1
    local at = ahead_offset
    ahead = gather.begin(function() return fetch(at, size) end)
  end

  local function turn_page()
    while true do
      if offset > OFFSET_MAX then
        give_up("more than " .. OFFSET_MAX + 100 .. " items match, and the service lists no further: narrow the filter")
      end
      local err
      page, err = ask(offset)
      if not page then error(err, 0) end
      if count and page.count and page.count < count then disturbed = true end
      count = page.count
      local first = page[1] and id_of(page[1])
      if offset == 0 or (first ~= nil and seen[first]) then
        if offset > 0 and first ~= anchor then disturbed = true end
        back, index = size, 0
        if opts.prefetch then ask_ahead() end
        return
      end
      disturbed = true
      offset = max(0, offset - back)
      back = back * 2
    end
  end

  -- At the end of a walk: true when another one is needed.
  local function again()
    if not disturbed then return false end
    fruitless = found and 0 or fruitless + 1
    if fruitless > REWALKS_MAX then
      give_up("the list changes faster than it can be walked: not certain that every item was visited")
    end
    walk, offset, anchor, count, disturbed, found, page = walk + 1, 0, nil, nil, false, false, nil
    return true
  end

  return function()
    if delivered >= limit then return nil end
    while true do
      if not page then
        turn_page()
      elseif index < #page then
        index = index + 1
        local item = page[index]
        local id = id_of(item)
        local before = seen[id]
        -- Met twice in one walk, but for the overlap: it moved to here, and another may have taken its place.
        if before == walk and index > 1 then disturbed = true end
        seen[id] = walk
        if not before then
          found, delivered = true, delivered + 1
          return item
        end
      elseif page.more then
        if #page < 2 then give_up("the service returned a page of " .. #page .. " items with more behind it") end
        offset, anchor = offset + #page - 1, id_of(page[#page])
        page = nil
      elseif not again() then
        return nil
      end
    end
  end
end

return M

-- Iterates over all items of a list: the walk.
--
-- Each item is visited once, even if the loop changes the list. Offsets shift when items are added or removed, so the
-- first item of each requested page is the last item of the previous page (the anchor). If another item is found there,
-- the list has moved: the walk steps back until a page begins with an item that was visited already (all items before
-- it were visited, too, because items keep their order), and skips the known ones. A walk that saw the list move is
-- repeated at the end, until one is undisturbed, because items may have been moved past it. If that does not succeed
-- within a limited number of requests, an error is raised.
--
-- With a `sort` by a column that can change, an item may be moved past the walk unnoticed. Such a list is walked a
-- second time in the service's own order, unless it fits on one page; items found only then come last.
--
-- Items without ids cannot be recognised: if their list changes, the walk ends with an error.
--
-- A list longer than the offsets reach is walked in slices (oneflow.list.slices), each of them like a list. A slice
-- that is too long, or becomes so, is cut again. An item that continues to exist is in a slice that will be walked, or
-- in one that was walked undisturbed; if it is in two, it is recognised in the second. If the list cannot be cut into
-- slices, it is walked as far as the offsets reach, and the reason is raised there.
--
-- With prefetch the next page is requested while the loop works on the current one. It is used only if it is the page
-- that the walk needs next.
local equal = require "oneflow.values.equal"
local gather = require "oneflow.gather"
local OFFSET_MAX = require("oneflow.list.page").OFFSET_MAX

local error, setmetatable = error, setmetatable
local format = string.format
local huge, max = math.huge, math.max

local SLICE_MAX = 5000   -- a disturbed slice is walked again, so it is much shorter than the offsets reach
-- Limits for a list or a slice, after which the walk gives up:
local REWALKS_MAX = 20   -- consecutive ones that find nothing new
local WALKS_MAX = 100    -- in all
local SETBACKS_MAX = 10  -- consecutive steps back without progress

local CHANGES = "the list changes faster than it can be walked: not certain that every item was visited"
local NAMELESS = "the items of this list have no ids, and it changed while it was walked: not certain that every item "
  .. "was visited, or visited once"

--- Instead of a slice: the whole list, in the service's own order.
local UNSORTED = { replaces = "sort" }

local Walk = {}
Walk.__index = Walk

-- Begins at the first item of the list or of a slice.
function Walk:begin()
  self.number = self.number + 1                  -- `seen` has the number of the walk in which an item was met
  self.offset, self.anchor, self.count, self.page, self.index, self.first = 0, nil, nil, nil, nil, nil
  self.asked, self.reach, self.setbacks, self.back = 0, 0, 0, self.size
  self.disturbed, self.found = false, false
end

function Walk:begin_part(part)
  self.part, self.walks, self.fruitless = part, 0, 0
  self:begin()
end

-- Notes that the list has changed since the walk began.
function Walk:disturb()
  if self.nameless then self.give_up(NAMELESS) end
  self.disturbed = true
end

-- Gives up if the service counts more items than it lists.
function Walk:expect_end(page, at)
  if #page == 0 and (page.count or 0) > at then
    self.give_up(format("the service counts %d items, and lists none from offset %d on", page.count, at))
  end
end

-- ---- pages -----------------------------------------------------------------------------------------------------

function Walk:ask(at)
  self.asked = self.asked + 1
  local asked = self.ahead
  self.ahead = nil
  if asked and self.ahead_offset == at then
    local taken, early, err = gather.take(asked)
    if taken then return early, err end
  elseif asked then
    gather.drop(asked)
  end
  return self.fetch(at, self.size, self.part)
end

function Walk:ask_ahead()
  local page = self.page
  local at = self.offset + #page - 1
  if not page.more or #page < 2 or self.delivered + #page > self.limit or at > OFFSET_MAX then return end
  local fetch, size, part = self.fetch, self.size, self.part
  self.ahead_offset = at -- never a page of another part, which begins at 0
  self.ahead = gather.begin(function() return fetch(at, size, part) end)
end

-- Does the page continue where the previous one ended?
function Walk:goes_on(got)
  if self.offset == 0 then return true end
  local first = got[1]
  if not first then return false end
  local id, anchor = self.id_of(first), self.anchor
  if id == nil then
    if not equal(self.data_of(first), self.data_of(anchor)) then self.give_up(NAMELESS) end
    return true
  end
  if not self.seen[id] or id == self.first then return false end -- new items, or the previous page
  if id ~= self.id_of(anchor) then self:disturb() end
  return true
end

function Walk:step_back(got)
  self:disturb()
  self.setbacks = self.setbacks + 1
  if self.setbacks > SETBACKS_MAX then
    self:expect_end(got, self.offset)
    self.give_up(CHANGES)
  end
  self.offset = max(0, self.offset - self.back)
  self.back = self.back * 2
end

-- Fetches the next page into `page`, unless the walk is over.
function Walk:turn_page()
  while not self.over do
    if self.offset > OFFSET_MAX then
      local done, err = self:cut()
      if not done then error(err, 0) end
    else
      local got, err = self:ask(self.offset)
      if not got then error(err, 0) end
      if self.part and self.part.by then self.slicer.check(self.part, got) end
      if self.offset > 0 or not self:cut_early(got) then
        if self.count and got.count and got.count < self.count then self:disturb() end
        if self.nameless and got.count ~= self.count then self:disturb() end
        self.count = got.count
        if self:goes_on(got) then
          if self.offset > self.reach then self.reach, self.setbacks = self.offset, 0 end
          self.page, self.index, self.back = got, 0, self.size
          self.first = #got > 1 and self.id_of(got[1]) or nil
          if self.prefetch then self:ask_ahead() end
          return
        end
        self:step_back(got)
      end
    end
  end
end

-- A service without counts may report the end although it only has no offset to give.
function Walk:ends_with_offsets()
  local page = self.page
  return not page.count and #page >= self.size and self.offset + #page > OFFSET_MAX
end

-- Decides what follows a page whose items were visited.
function Walk:after_page()
  local page = self.page
  if not (page.more or self:ends_with_offsets()) then return self:end_walk() end
  if #page >= 2 then
    self.offset, self.anchor, self.page = self.offset + #page - 1, page[#page], nil
    return
  end
  -- Too short for an anchor: its link to a next page and its count may contradict each other.
  local next_page, at = page, self.offset + #page
  if #page == 1 and at <= OFFSET_MAX then
    local err
    next_page, err = self:ask(at)
    if not next_page then error(err, 0) end
  end
  self:expect_end(next_page, at)
  if #next_page > 0 or (next_page.more and not next_page.count) then
    self.give_up("the service returned a page of " .. #page .. " items with more after it")
  end
  self:end_walk()
end

-- ---- parts -----------------------------------------------------------------------------------------------------

function Walk:next_part()
  local waiting = self.waiting
  local slice = waiting[#waiting]
  if not slice then
    if self.part and self.part.by then self.slicer.finish(self.part) end
    self.over = true
    return
  end
  waiting[#waiting] = nil
  self.cuttable = true
  self:begin_part(slice)
end

-- Replaces the current part by slices of it.
function Walk:cut()
  local slices, err = self.slicer.cut(self.part)
  if not slices then return nil, err end
  for i = #slices, 1, -1 do self.waiting[#self.waiting + 1] = slices[i] end
  self:next_part()
  return true
end

-- Cuts into slices before an item is visited, if possible. If not, the reason is raised only where the offsets end:
-- many loops end earlier, and a slice may be longer than intended.
function Walk:cut_early(first_page)
  if not self.cuttable or (first_page.count or 0) <= (self.part and SLICE_MAX or OFFSET_MAX) then return false end
  local done, err = self:cut()
  if done then return true end
  if err.kind ~= "limit" and err.kind ~= "validation" then error(err, 0) end
  self.cuttable = false
  return false
end

function Walk:end_walk()
  if self.movable and self.asked > 1 then
    if self.nameless then self.give_up(NAMELESS) end
    self.movable = false
    return self:begin_part(UNSORTED)
  end
  if not self.disturbed then return self:next_part() end
  self.walks = self.walks + 1
  self.fruitless = self.found and 0 or self.fruitless + 1
  if self.fruitless > REWALKS_MAX or self.walks > WALKS_MAX then self.give_up(CHANGES) end
  self:begin()
end

-- ---- items -----------------------------------------------------------------------------------------------------

-- Should the item be visited?
function Walk:meet(item, overlaps)
  local id = self.id_of(item)
  if id == nil then
    self.nameless = true
    if self.disturbed then self.give_up(NAMELESS) end
    return not overlaps
  end
  local before = self.seen[id]
  self.seen[id] = self.number
  -- Met twice in one walk, apart from the overlap: it moved here, and another item may have taken its place.
  if before == self.number and not overlaps then self:disturb() end
  return not before
end

function Walk:next_item()
  if self.delivered >= self.limit then return nil end
  while not self.over do
    if not self.page then
      self:turn_page()
    elseif self.index < #self.page then
      self.index = self.index + 1
      local item = self.page[self.index]
      if self:meet(item, self.index == 1 and self.offset > 0) then
        self.found, self.setbacks, self.delivered = true, 0, self.delivered + 1
        return item
      end
    else
      self:after_page()
    end
  end
  return nil
end

---@class oneflow.list.Walkable
---@field fetch fun(offset: integer, limit: integer, part: table?): oneflow.Page?, oneflow.Error?
---@field id_of fun(item: any): any  nil: the item has no id
---@field data_of fun(item: any): table
---@field give_up fun(message: string)  raises the error object
---@field slicer table  from oneflow.list.slices
---@field movable boolean  sorted by a column that can change

--- An iterator that visits each item once.
---@param list oneflow.list.Walkable
---@param opts table  page_size, max, prefetch
return function(list, opts)
  local limit = opts.max or huge
  local walk = setmetatable({
    fetch = list.fetch, id_of = list.id_of, data_of = list.data_of, give_up = list.give_up, slicer = list.slicer,
    movable = list.movable, prefetch = opts.prefetch, limit = limit,
    size = max(opts.page_size, 2), -- one item overlaps
    number = 0, seen = {}, delivered = 0,
    waiting = {},                         -- slices after the current one, the next one last
    over = false, nameless = false,
    cuttable = list.slicer.possible and limit > OFFSET_MAX,
  }, Walk)
  walk:begin_part(nil)
  return function() return walk:next_item() end
end

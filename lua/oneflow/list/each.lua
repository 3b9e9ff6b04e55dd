-- The walk over all items of a list.
local gather = require "oneflow.gather"

local error = error
local huge, max = math.huge, math.max

local OFFSET_MAX = 19900 -- the service's
local SLICE_MAX = 5000   -- a disturbed one is walked again: far less than the offsets reach
local REWALKS_MAX = 20   -- that find nothing new, before the walk gives up

--- Visits each item once, also while the loop changes what the list holds.
---
--- Offsets shift when items come or go, so each page is asked for with the last item of the page before as its first.
--- Where another item stands there, the set has moved: the walk steps back until a page begins with an item that was
--- visited already (all before it were, too, as items keep their order), and leaves out what it knows. A walk that
--- saw the set move is walked over once more at the end, until a walk was undisturbed: sorting by a column that the
--- loop changes may carry items past it. What cannot be settled so is raised.
---
--- A list of more than the offsets reach is walked in slices (oneflow.list.slices), each of them like a list; one that
--- is too long, or grows to be, is cut again. An item that lives on is in a slice that is still to be walked, or in one
--- that was walked undisturbed; in two, it is known from the first. Where slices cannot be had, the list is walked as
--- far as the offsets reach, and the reason raised there.
---
--- With prefetch a page is asked for while the loop works on the page before; it counts only when the walk comes to ask
--- for just that page next.
---@param fetch fun(offset: integer, limit: integer, slice: table?): oneflow.Page?, oneflow.Error?
---@param id_of fun(item: any): any
---@param opts table  page_size, max, prefetch
---@param give_up fun(message: string)  raises the error object
---@param slicer table  of oneflow.list.slices
return function(fetch, id_of, opts, give_up, slicer)
  local size = max(opts.page_size or 100, 2) -- one item overlaps
  local limit = opts.max or huge
  local walk, seen, delivered = 1, {}, 0 -- seen: by id, the last walk that came upon it
  local page, index
  local slice, waiting, over = nil, {}, false -- nil: the whole list; the slices behind it, the next one last
  local cuttable = slicer.possible and limit > OFFSET_MAX
  local offset, anchor, count, back = 0, nil, nil, size
  local disturbed, found, fruitless = false, false, 0
  local ahead, ahead_offset -- what was asked for before its time; never another slice's, which begins at 0

  local function ask(at)
    local asked = ahead
    ahead = nil
    if asked and ahead_offset == at then
      local taken, early, err = gather.take(asked)
      if taken then return early, err end
    elseif asked then
      gather.drop(asked)
    end
    return fetch(at, size, slice)
  end

  local function ask_ahead()
    if not page.more or #page < 2 or delivered + #page > limit or offset + #page - 1 > OFFSET_MAX then return end
    ahead_offset = offset + #page - 1
    local at, of = ahead_offset, slice
    ahead = gather.begin(function() return fetch(at, size, of) end)
  end

  local function begin_walk()
    walk, offset, anchor, count, disturbed, found, page, back = walk + 1, 0, nil, nil, false, false, nil, size
  end

  local function next_slice()
    if #waiting == 0 then
      if slice then slicer.finish(slice) end
      over = true
    else
      slice, waiting[#waiting] = waiting[#waiting], nil
      cuttable, fruitless = true, 0
      begin_walk()
    end
  end

  -- Goes on with parts of what is walked, in the place of it.
  local function cut()
    local parts, err = slicer.cut(slice)
    if not parts then return nil, err end
    for i = #parts, 1, -1 do waiting[#waiting + 1] = parts[i] end
    next_slice()
    return true
  end

  -- Cuts before an item is visited, if that is possible. What stands against it is raised where the offsets end: many
  -- a loop breaks before, and a slice may be longer than it should be.
  local function cut_early(first_page)
    if not cuttable or (first_page.count or 0) <= (slice and SLICE_MAX or OFFSET_MAX) then return false end
    local done, err = cut()
    if done then return true end
    if err.kind ~= "limit" and err.kind ~= "validation" then error(err, 0) end
    cuttable = false
    return false
  end

  -- Takes the next page as `page`, unless it is over.
  local function turn_page()
    while not over do
      if offset > OFFSET_MAX then
        local done, err = cut()
        if not done then error(err, 0) end
      else
        local got, err = ask(offset)
        if not got then error(err, 0) end
        if slice then slicer.check(slice, got) end
        if offset > 0 or not cut_early(got) then
          if count and got.count and got.count < count then disturbed = true end
          count = got.count
          local first = got[1] and id_of(got[1])
          if offset == 0 or (first ~= nil and seen[first]) then
            if offset > 0 and first ~= anchor then disturbed = true end
            page, back, index = got, size, 0
            if opts.prefetch then ask_ahead() end
            return
          end
          disturbed = true
          offset = max(0, offset - back)
          back = back * 2
        end
      end
    end
  end

  -- A service that does not count may say that nothing is behind where it only has no offset to give.
  local function ends_with_offsets()
    return not page.count and #page >= size and offset + #page > OFFSET_MAX
  end

  -- At the end of a walk: true when another one is needed.
  local function again()
    if not disturbed then return false end
    fruitless = found and 0 or fruitless + 1
    if fruitless > REWALKS_MAX then
      give_up("the list changes faster than it can be walked: not certain that every item was visited")
    end
    begin_walk()
    return true
  end

  return function()
    if delivered >= limit then return nil end
    while not over do
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
      elseif page.more or ends_with_offsets() then
        if #page < 2 then give_up("the service returned a page of " .. #page .. " items with more behind it") end
        offset, anchor = offset + #page - 1, id_of(page[#page])
        page = nil
      elseif not again() then
        next_slice()
      end
    end
    return nil
  end
end

-- Slices of a list by a time of its items, for walks beyond the largest offset that the service accepts.
--
-- The service does not document whether the ends of a filter's range belong to it, nor how exact its times are:
-- therefore adjacent slices overlap by a second, and each item is in at least one of them. It does not document either
-- how it treats items without that time, or a filter that it does not support: therefore each cut is proved. While the
-- service's count for the uncut slice is constant, the counts of both halves, minus that of their overlap, must give
-- the same number. Then each item is in a half, and stays there, because the times in the table's `slices` never
-- change. The ends of the list remain open (`|to`, `from|`), or are the caller's own: no clock is used.
--
-- A slice: { by (an entry of `slices`), low, high (the times between which it is cut), after, before (its ends in
-- seconds; nil where it ends as the list does), from, to (the same as text), pair (name and value of its filter),
-- replaces (the name of the parameter that it replaces in the list's query) }.
local time = require "oneflow.time"
local usage = require "oneflow.errors.usage"

local floor = math.floor
local format, match = string.format, string.match
local ipairs, next, type = ipairs, next, type
local concat = table.concat

local M = {}

-- The range in which a list with open ends is cut: a few halvings reach the years of Oneflow. 1970 to 2106.
local EARLIEST, LATEST = 0, 4294967296
local TRIES_MAX, MISSES_MAX = 20, 2
local CUTS_MAX = 5000 -- for one list: if it needs more, the counts are wrong
local INSIDE_MAX = 20000 -- items that the offsets reach

local function filter_name(by) return "filter[" .. by.filter .. "]" end

-- The whole list as a slice; nil and the reason if it cannot be one.
local function whole_of(by, wanted)
  local whole = { by = by, replaces = filter_name(by), low = EARLIEST, high = LATEST, from = "", to = "" }
  for _, pair in ipairs(wanted) do
    if pair[1] == filter_name(by) then
      whole.pair = pair
      whole.from, whole.to = match(pair[2], "^([^|]*)|([^|]*)$")
      if not whole.from then return nil, filter_name(by) .. " is no range" end
    end
  end
  for edge, limit in next, { from = "low", to = "high" } do
    if whole[edge] ~= "" then
      whole[limit] = time.parse(whole[edge]) or time.parse_date(whole[edge])
      if not whole[limit] then return nil, format("%s has a %s that is not a time", filter_name(by), edge) end
    end
  end
  return whole
end

-- The part of a slice between two times, or between a time and one of its ends.
local function part(slice, after, before)
  local from, to = after and time.format(after) or slice.from, before and time.format(before) or slice.to
  return {
    by = slice.by, replaces = slice.replaces, low = after or slice.low, high = before or slice.high,
    after = after or slice.after, before = before or slice.before, from = from, to = to,
    pair = { filter_name(slice.by), from .. "|" .. to },
  }
end

--- Creates the functions that cut a list into slices.
---@param candidates table[]?  the operation's `slices`
---@param wanted string[][]  the list's query
---@param fetch fun(slice: table): oneflow.Page?, oneflow.Error?  the first item of a slice
---@param text_at fun(item: any, at: string[]): any  the value at this place in an item
---@param refuse fun(message: string): oneflow.Error
function M.new(candidates, wanted, fetch, text_at, refuse)
  local self = { possible = candidates ~= nil }
  local shown = false -- whether an item of a slice has shown the time by which it was found
  local cuts = 0
  for _, pair in ipairs(wanted) do
    if pair[1] == "sort" then self.possible, self.sorted = false, true end
  end

  -- Why a page cannot belong to the slice; nil if it can.
  local function foreign(slice, page)
    for i = 1, #page do
      local text = text_at(page[i], slice.by.at)
      local seconds = type(text) == "string" and time.parse(text)
      if seconds and (slice.after or slice.before) then
        shown = true
        -- The times shown may be rounded.
        if (slice.after and seconds < slice.after - 1) or (slice.before and seconds > slice.before + 1) then
          return format("the service returned an item of %s for %s=%s", text, slice.pair[1], slice.pair[2])
        end
      end
    end
  end

  local function count(slice)
    local page, err = fetch(slice)
    if not page then return nil, err end
    local reason = foreign(slice, page)
    if reason then return nil, reason end
    return page.count, not page.count and "the service does not count them" or nil
  end

  -- The halves of a slice, neither of which is empty, with the proof that they contain all of its items.
  local function halves(slice)
    local middle = floor((slice.low + slice.high) / 2)
    if middle <= slice.low or middle + 1 >= slice.high then
      return nil, format("more items than the offsets reach have %s=%s|%s", filter_name(slice.by), slice.from, slice.to)
    end
    local left, right = part(slice, nil, middle + 1), part(slice, middle, nil)
    local both = part(slice, middle, middle + 1)
    local misses = 0
    for _ = 1, TRIES_MAX do
      local counts = {}
      for i, asked in ipairs { slice, left, right, both, slice } do
        local problem
        counts[i], problem = count(asked)
        if not counts[i] then return nil, problem end
      end
      -- Otherwise nearly equal halves would be cut again and again.
      if counts[4] * 4 > counts[1] then
        return nil, format("%d of %d have %s=%s, or the service ignores that filter", counts[4], counts[1],
          both.pair[1], both.pair[2])
      end
      if counts[1] == counts[5] then
        if counts[2] + counts[3] - counts[4] == counts[1] then
          local parts = {}
          if counts[2] > 0 then parts[1] = left end
          if counts[3] > 0 then parts[#parts + 1] = right end
          return parts
        end
        misses = misses + 1
        if misses == MISSES_MAX then return nil, filter_name(slice.by) .. " leaves out a part of them" end
      end
    end
    return nil, refuse "the list changes faster than it can be counted: not certain that slices of it hold every item"
  end

  local function too_many(reasons)
    return refuse(format("more than %d items match, and the service lists no further%s: narrow the filter", INSIDE_MAX,
      reasons))
  end

  --- The slices that replace one, or the whole list, in order of time.
  ---@param slice table?
  ---@return table[]? slices, oneflow.Error? err  kind limit: it cannot be cut
  function self.cut(slice)
    if self.sorted then return nil, too_many "; what is sorted is not walked in slices" end
    if not candidates then return nil, too_many "" end
    cuts = cuts + 1
    if cuts > CUTS_MAX then return nil, too_many(format(", and %d slices do not hold them", CUTS_MAX)) end
    local reasons = {}
    for _, by in ipairs(slice and { slice.by } or candidates) do
      local whole, parts, problem = slice, nil, nil
      if not whole then whole, problem = whole_of(by, wanted) end
      if whole then parts, problem = halves(whole) end
      if parts then return parts end
      if type(problem) ~= "string" then return nil, problem end
      reasons[#reasons + 1] = problem
    end
    return nil, too_many(", and slices of time do not help: " .. concat(reasons, "; "))
  end

  --- Raises if a page cannot belong to the slice.
  function self.check(slice, page)
    local reason = foreign(slice, page)
    if reason then usage.throw(refuse(reason .. ": not certain that every item was visited")) end
  end

  --- A final check after the last slice.
  function self.finish(slice)
    if shown then return end
    usage.throw(refuse(format("no item showed the time that %s is about: not certain that every item was visited",
      filter_name(slice.by))))
  end

  return self
end

return M

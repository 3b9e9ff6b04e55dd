-- Converts between the service's times and dates and seconds since 1970. Uses only integers, the proleptic Gregorian
-- calendar from year 0 to 9999, and UTC; independent of the host's clock, time zone and C library.
local errors = require "oneflow.errors"
local usage = require "oneflow.errors.usage"

local tonumber, type = tonumber, type
local floor = math.floor
local format, match, rep, sub = string.format, string.match, string.rep, string.sub

---@class oneflow.time
local M = {}

local DAY = 86400
local FIRST, LAST = -62167219200, 253402300799 -- 0000-01-01T00:00:00Z, 9999-12-31T23:59:59Z
local OUTSIDE = "is outside of the years 0 to 9999"
local DAYS_IN = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end

-- Days from 1970-01-01. In a year that begins in March the leap day is last, and the month lengths follow a linear
-- formula.
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local of_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return year * 365 + floor(year / 4) - floor(year / 100) + floor(year / 400) + of_year - 719468
end

-- The reverse; uses that all eras of 400 years are alike.
local function date_of(days)
  days = days + 719468
  local era = floor(days / 146097)
  local of_era = days - era * 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * of_year + 2) / 153)
  local day = of_year - floor((153 * month + 2) / 5) + 1
  month = month + 3
  if month > 12 then month, year = month - 12, year + 1 end
  return year + era * 400, month, day
end

local function problem(operation, path, message)
  return nil, errors.validation({ operation = operation }, errors.problem(path, message))
end

local function text_given(operation, text)
  if type(text) ~= "string" then usage.raise(format("%s: string expected, got %s", operation, type(text))) end
end

-- The days of the date at the beginning of a text, and the rest of the text; nil and what is wrong.
local function read_date(text)
  local year, month, day, rest = match(text, "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if month < 1 or month > 12 then return nil, "has no such month" end
  local length = month == 2 and leap(year) and 29 or DAYS_IN[month]
  if day < 1 or day > length then return nil, "has no such day" end
  return days_of(year, month, day), rest
end

-- Reads an offset -> seconds east of UTC.
local function read_zone(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = match(zone, "^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  hours, minutes = tonumber(hours), tonumber(minutes)
  if hours > 23 or minutes > 59 then return nil end
  local offset = hours * 3600 + minutes * 60
  return sign == "+" and offset or -offset
end

--- Reads a time of the service, in either of its forms (`2020-06-30T07:15:23+0000`, `2020-06-30T07:15:23+00:00`), or in
--- any other form of RFC 3339: `Z`, other offsets, fractions of a second.
---@param text string
---@return integer? seconds  since 1970-01-01T00:00:00Z, before the fraction
---@return integer|oneflow.Error nanoseconds_or_err  0 to 999999999, further digits cut off; or err: validation (not a
---time, outside of the years 0 to 9999, leap second)
function M.parse(text)
  text_given("time.parse", text)
  local days, rest = read_date(text)
  if not days and rest then return problem("time.parse", "time", rest) end
  local hour, minute, second, more = match(rest or "", "^[Tt](%d%d):(%d%d):(%d%d)(.+)$")
  if not hour then return problem("time.parse", "time", "is not a time such as 2020-06-30T07:15:23+00:00") end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if hour > 23 or minute > 59 or second > 59 then return problem("time.parse", "time", "has no such time of day") end
  local fraction, zone = match(more, "^%.(%d+)(.*)$")
  local offset = read_zone(zone or more)
  if not offset then return problem("time.parse", "time", "does not end in an offset such as +00:00 or Z") end
  local seconds = days * DAY + hour * 3600 + minute * 60 + second - offset
  if seconds < FIRST or seconds > LAST then return problem("time.parse", "time", OUTSIDE) end
  if not fraction then return seconds, 0 end
  fraction = sub(fraction, 1, 9)
  return seconds, tonumber(fraction .. rep("0", 9 - #fraction))
end

-- The days and the seconds of the day; nil and the error.
local function split(operation, seconds)
  if type(seconds) ~= "number" then
    usage.raise(format("%s: number of seconds expected, got %s", operation, type(seconds)))
  end
  if seconds ~= floor(seconds) then return problem(operation, "seconds", "is not a whole number") end
  if not (seconds >= FIRST and seconds <= LAST) then
    return problem(operation, "seconds", OUTSIDE)
  end
  local days = floor(seconds / DAY)
  return days, seconds - days * DAY
end

--- Writes a time in the form of RFC 3339 and the service: `2020-06-30T07:15:23+00:00`.
---@param seconds integer  since 1970-01-01T00:00:00Z; an integral float will do
---@return string? text, oneflow.Error? err  validation: not whole, outside of the years 0 to 9999
function M.format(seconds)
  local days, rest = split("time.format", seconds)
  if not days then return nil, rest end
  local year, month, day = date_of(days)
  local hour = floor(rest / 3600)
  local minute = floor((rest - hour * 3600) / 60)
  return format("%04d-%02d-%02dT%02d:%02d:%02d+00:00", year, month, day, hour, minute,
    rest - hour * 3600 - minute * 60)
end

--- Reads a date, `YYYY-MM-DD` -> its first second in UTC.
---@param text string
---@return integer? seconds, oneflow.Error? err  validation: not a date of the years 0 to 9999
function M.parse_date(text)
  text_given("time.parse_date", text)
  local days, rest = read_date(text)
  if days and rest == "" then return days * DAY end
  return problem("time.parse_date", "date", not days and rest or "is not a date such as 2026-12-31")
end

--- Writes the date of a second in UTC, `YYYY-MM-DD`.
---@param seconds integer  since 1970-01-01T00:00:00Z; an integral float will do
---@return string? text, oneflow.Error? err  validation: not whole, outside of the years 0 to 9999
function M.format_date(seconds)
  local days, rest = split("time.format_date", seconds)
  if not days then return nil, rest end
  return format("%04d-%02d-%02d", date_of(days))
end

return M

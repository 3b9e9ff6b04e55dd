-- Times as the service writes them, and back. UTC only, no library of the host's time zone.
local M = {}

local tonumber = tonumber
local date, floor = os.date, math.floor
local match = string.match

--- `2020-06-30T07:15:23+00:00`
function M.iso(seconds)
  return date("!%Y-%m-%dT%H:%M:%S", seconds) .. "+00:00"
end

-- Days since 1970-01-01 of a civil date; the year starts in March, so that the leap day ends it.
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365 + floor(year_of_era / 4) - floor(year_of_era / 100) + day_of_year
  return era * 146097 + day_of_era - 719468
end

--- Seconds since 1970 of a time with offset (`+0000` or `+00:00`, `Z`) or of a date; nil for anything else.
function M.parse(text)
  local year, month, day, rest = match(text, "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil end
  local seconds = days(tonumber(year), tonumber(month), tonumber(day)) * 86400
  if rest == "" then return seconds end
  local hour, minute, second, zone = match(rest, "^T(%d%d):(%d%d):(%d%d)(.+)$")
  if not hour then return nil end
  seconds = seconds + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
  if zone == "Z" then return seconds end
  local sign, zone_hour, zone_minute = match(zone, "^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  local offset = tonumber(zone_hour) * 3600 + tonumber(zone_minute) * 60
  return sign == "+" and seconds - offset or seconds + offset
end

return M

-- oneflow.time against texts, against a calendar walked day by day, and back.
local oneflow = require "oneflow"
local time = oneflow.time

-- An exact integer of this Lua: no float, whose text would be "0.0".
local function integer(value)
  assert.equal(math.type and "integer" or nil, math.type and math.type(value))
  return value
end

describe("oneflow.time:", function()
  it("reads both spellings of the service, Z and fractions", function()
    for text, expected in pairs {
      ["2020-06-30T07:15:23+0000"] = { 1593501323, 0 },
      ["2020-06-30T07:15:23+00:00"] = { 1593501323, 0 },
      ["2020-06-30T07:15:23Z"] = { 1593501323, 0 },
      ["2020-06-30t07:15:23z"] = { 1593501323, 0 },
      ["2020-06-30T07:15:23-00:00"] = { 1593501323, 0 },
      ["2020-06-30T09:15:23+02:00"] = { 1593501323, 0 },
      ["2020-06-30T01:45:23-0530"] = { 1593501323, 0 },
      ["2020-06-30T07:15:23.5Z"] = { 1593501323, 500000000 },
      ["2020-06-30T07:15:23.000000001+0000"] = { 1593501323, 1 },
      ["2020-06-30T07:15:23.1234567899+00:00"] = { 1593501323, 123456789 },
      ["1970-01-01T00:00:00Z"] = { 0, 0 },
      ["1969-12-31T23:59:59.25Z"] = { -1, 250000000 },
      ["0000-01-01T00:00:00Z"] = { -62167219200, 0 },
      ["9999-12-31T23:59:59Z"] = { 253402300799, 0 },
      ["2000-02-29T00:00:00Z"] = { 951782400, 0 },
      ["2038-01-19T03:14:08Z"] = { 2147483648, 0 },
    } do
      local seconds, nanoseconds = time.parse(text)
      assert.equal(expected[1], integer(seconds), text)
      assert.equal(expected[2], integer(nanoseconds), text)
    end
  end)

  it("refuses what is no time, with what is wrong about it", function()
    for text, piece in pairs {
      [""] = "is not a time", ["2020-06-30"] = "is not a time", ["yesterday"] = "is not a time",
      ["2020-06-30T07:15:23"] = "is not a time", ["2020-06-30 07:15:23Z"] = "is not a time",
      ["2020-06-30T7:15:23Z"] = "is not a time", ["20-06-30T07:15:23Z"] = "is not a time",
      ["2020-06-30T07:15:23Z "] = "offset", [" 2020-06-30T07:15:23Z"] = "is not a time",
      ["2020-06-30T07:15:23.Z"] = "offset", ["2020-06-30T07:15:23+00"] = "offset",
      ["2020-06-30T07:15:23+24:00"] = "offset", ["2020-06-30T07:15:23+00:60"] = "offset",
      ["2020-06-30T07:15:23Z\0"] = "offset",
      ["2020-13-30T07:15:23Z"] = "month", ["2020-00-30T07:15:23Z"] = "month",
      ["2020-06-31T07:15:23Z"] = "day", ["2021-02-29T07:15:23Z"] = "day", ["1900-02-29T07:15:23Z"] = "day",
      ["2020-06-00T07:15:23Z"] = "day", ["2020-06-30T24:00:00Z"] = "time of day",
      ["2020-06-30T07:60:00Z"] = "time of day", ["2016-12-31T23:59:60Z"] = "time of day",
      ["0000-01-01T00:00:00+00:01"] = "0 to 9999", ["9999-12-31T23:59:59-00:01"] = "0 to 9999",
    } do
      local seconds, err = time.parse(text)
      assert.is_nil(seconds, text)
      assert.same({ "validation", "not_sent", "time.parse", "time" },
        { err.kind, err.outcome, err.operation, err.problems[1].path })
      assert.is_truthy(string.find(err.problems[1].messages[1], piece, 1, true), text .. ": " .. err)
    end
  end)

  it("writes RFC 3339, and every day of 800 years is the one after the day before", function()
    assert.equal("2020-06-30T07:15:23+00:00", time.format(1593501323))
    assert.equal("1969-12-31T23:59:59+00:00", time.format(-1))
    assert.equal("0000-01-01T00:00:00+00:00", time.format(-62167219200))
    assert.equal("9999-12-31T23:59:59+00:00", time.format(253402300799.0))
    local lengths = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
    local seconds = time.parse_date "1600-01-01"
    for year = 1600, 2399 do
      local leap = year % 400 == 0 or (year % 4 == 0 and year % 100 ~= 0)
      for month = 1, 12 do
        for day = 1, month == 2 and leap and 29 or lengths[month] do
          local text = string.format("%04d-%02d-%02d", year, month, day)
          if time.format_date(seconds) ~= text or time.parse_date(text) ~= seconds then
            error(text .. " is " .. time.format_date(seconds) .. " at " .. seconds)
          end
          seconds = seconds + 86400
        end
      end
    end
    assert.equal(time.parse_date "2400-01-01", seconds)
  end)

  it("goes there and back at random seconds", function()
    local seed = os.time()
    math.randomseed(seed)
    for _ = 1, 20000 do
      local seconds = math.random(-62167219, 253402300) * 1000 + math.random(0, 799)
      local text = time.format(seconds)
      if time.parse(text) ~= seconds then error("seed " .. seed .. ": " .. text .. " is not " .. seconds) end
    end
  end)

  it("dates", function()
    assert.equal(1798675200, integer(time.parse_date "2026-12-31"))
    assert.equal(-86400, time.parse_date "1969-12-31")
    assert.equal("1969-12-31", time.format_date(-1))
    for _, text in ipairs { "", "2026-1-1", "2026-12-31T00:00:00Z", "2026-02-30", "31.12.2026", "2026-12-31 " } do
      local seconds, err = time.parse_date(text)
      assert.is_nil(seconds, text)
      assert.equal("date", err.problems[1].path)
    end
  end)

  it("numbers that are no second of those years are refused", function()
    for _, seconds in ipairs { 1.5, -62167219201, 253402300800, 1 / 0, -1 / 0, 1e300 } do
      for _, fn in ipairs { time.format, time.format_date } do
        local text, err = fn(seconds)
        assert.is_nil(text, tostring(seconds))
        assert.equal("seconds", err.problems[1].path)
      end
    end
    assert.is_nil((time.format(0 / 0)))
  end)

  it("other Lua types raise, at the caller's line", function()
    for _, case in ipairs { { time.parse, 5 }, { time.parse }, { time.parse_date, {} }, { time.format, "0" },
                            { time.format_date } } do
      local good, message = pcall(function() return (case[1](case[2])) end)
      assert.is_false(good)
      assert.is_truthy(string.find(message, "time_spec.lua:%d+: oneflow: time%."), message)
    end
  end)
end)

-- JSON from the wire: refused when it is not RFC 8259, and one result on every runtime when it is.
local wire = require "spec.support.wire"

-- Each body as the answer to a GET and to a POST: check(body, value, err, method, i).
local function each(bodies, check)
  local answers = {}
  for i, body in ipairs(bodies) do answers[i] = { 200, "application/json", body } end
  wire.each_answer(answers, function(value, err, method, i) check(bodies[i], value, err, method, i) end)
end

local function show(body)
  return string.format("%q", #body > 80 and string.sub(body, 1, 80) .. "..." or body)
end

local function refused(kinds)
  return function(body, value, err, method)
    assert.is_nil(value, method .. " must refuse " .. show(body))
    assert.is_truthy(kinds[err.kind], show(body) .. ": " .. tostring(err))
    assert.equal("unknown", err.outcome)
    assert.equal(200, err.status)
  end
end

local malformed = {
  numbers = { "+1", "01", "-01", "2.", ".5", "-", "-.5", "1e", "1e+", "1E-", "0x1", "0x1p4", "1.e1", "00",
    "1_000", "1 2",
    "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "-inf", "1.2.3", "1e1e1", "--1", "1-", "\217\161" },
  words = { "tru", "True", "TRUE", "nul", "Null", "undefined", "fals", "falsee", "truefalse", "nulll",
    "abc" },
  strings = { '"a\nb"', '"a\0b"', '"\1"', '"\31"', '"\t"', '"\r"', '"abc', '"', '"a\\', "'a'", '"\\x41"',
    '"\\a"', '"\\u12"',
    '"\\u12G4"', '"\\u"', '"\\U0041"', '"\\\n"', '"\\0"', '"\\u+123"', '"\\u 123"' },
  unclosed = { "[", "{", "[1", "[1,", "[1,2", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":[', "[[[]]",
    "[{]" },
  punctuation = { "]", "}", ",", ":", "[1,]", "[,1]", "[,]", "[1,,2]", '{"a":1,}', "{,}", '{"a" 1}',
    '{"a"::1}', "{1:2}", "{a:1}",
    "{'a':1}", '{"a":1 "b":2}', "[1 2]", "[1}", '{"a":1]', '{"a"}', '{"a":}', "{[]:1}", "{null:1}", "[1;2]" },
  ["text after the value"] = { "{} x", "{}{}", "{}]", "1 1", "null,", "{}\0", "[] []", '{"a":1}}', '"a""b"' },
  comments = { "// a\n{}", "/* a */{}", "{} // a", "# a\n{}", "{/*a*/}" },
  ["byte order marks and other encodings"] = { "\239\187\191{}", "\254\255\0{\0}", "\255\254{\0}\0",
    "{\0}\0" },
  blanks = { "", " ", "\n\n", "\t", "\11{}", "\12{}", "\194\160{}", "\0", "{}\12" },
}

describe("JSON:", function()
  after_each(wire.clean)

  for name, values in pairs(malformed) do
    it("case 29: malformed " .. name .. " are refused, alone and inside a contract", function()
      local bodies = {}
      for _, value in ipairs(values) do
        bodies[#bodies + 1] = value
        if name == "numbers" or name == "words" or name == "strings" then
          bodies[#bodies + 1] = '{"id":4711,"name":' .. value .. "}"
          bodies[#bodies + 1] = "[" .. value .. "]"
        end
      end
      each(bodies, refused { decode = true })
    end)
  end

  it("case 29: prefixes and changed bytes of a contract: refused, or other JSON; no crash", function()
    local whole = '{"id":4711,"a":[1,-2.5e3,true,null],"b":{"c":"\\u00e5\195\165"}}'
    local bodies = {}
    for i = 0, #whole - 1 do bodies[#bodies + 1] = string.sub(whole, 1, i) end
    each(bodies, refused { decode = true })
    local seed = os.time()
    math.randomseed(seed)
    local changed = {}
    for i = 1, 200 do
      local at = math.random(#whole)
      changed[i] = string.sub(whole, 1, at - 1) .. string.char(math.random(0, 255))
        .. string.sub(whole, at + 1)
    end
    local ok, message = pcall(each, changed, function(body, value, err)
      if not value and not (err.kind == "decode" or err.kind == "mismatch") then
        error(show(body) .. ": " .. tostring(err))
      end
    end)
    assert.is_true(ok, "seed " .. seed .. ": " .. tostring(message))
  end)

  it("case 29: a contract that is no object is decode", function()
    each({ "[]", "1", '"a"', "true", "null", "[{}]", "-0.5" }, refused { decode = true })
  end)

  for _, depth in ipairs { 129, 1000, 100000, 1000000 } do
    it("case 30: JSON nested " .. depth .. " deep is refused, without a stack overflow", function()
      each({
        string.rep("[", depth), string.rep("[", depth) .. string.rep("]", depth),
        string.rep('{"a":', depth) .. "1" .. string.rep("}", depth), '{"a":' .. string.rep("[", depth),
      }, refused { decode = true, limit = true })
    end)
  end

  it("case 30: 128 deep comes through", function()
    each({ '{"id":4711,"a":' .. string.rep('{"a":', 126) .. "{}" .. string.rep("}", 127) }, function(_, value, err)
      assert.is_truthy(value, tostring(err))
      local depth, at = 0, value.data
      while at do depth, at = depth + 1, at.a end
      assert.equal(128, depth)
    end)
  end)

  local function contract(value) return '{"id":4711,"value":' .. value .. "}" end

  it("case 31: integers beyond 2^53, and numbers beyond a double, are refused", function()
    local bodies = {}
    for _, number in ipairs {
      "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
      "18446744073709551616",
      "1e400", "-1e400", "123456789012345678901234567890",
    } do
      bodies[#bodies + 1] = contract(number)
      bodies[#bodies + 1] = '{"id":' .. number .. "}"
    end
    each(bodies, refused { decode = true })
  end)

  local floor = math.floor
  local math_type = rawget(math, "type")
  local function integer(x)
    if math_type then return math_type(x) == "integer" end
    return floor(x) == x
  end

  it("case 31: integers up to 2^53, and all other numbers, are exact", function()
    local expected = {
      { "9007199254740991", 9007199254740991 }, { "-9007199254740991", -9007199254740991 }, { "0", 0 },
      { "-0", 0 },
      { "1234567890123456", 1234567890123456 }, { "10", 10 }, { "-1", -1 }, { "0.5", 0.5 },
      { "-2.5e3", -2500 }, { "1e2", 100 },
      { "1E+2", 100 }, { "100e-2", 1 }, { "1e-400", 0 }, { "2.2250738585072014e-308",
      2.2250738585072014e-308 },
      { "1.7976931348623157e308", 1.7976931348623157e308 }, { "0.1", 0.1 }, { "1.0", 1 }, { "4711", 4711 },
    }
    local bodies = {}
    for i, pair in ipairs(expected) do bodies[i] = contract(pair[1]) end
    each(bodies, function(body, value, err, _, i)
      assert.is_truthy(value, body .. ": " .. tostring(err))
      local got = value.data.value
      assert.equal(expected[i][2], got, body)
      if got == floor(got) and got > -2 ^ 53 and got < 2 ^ 53 then
        assert.is_true(integer(got), body .. " is an integer")
        if math_type then assert.equal(string.format("%d", got), tostring(got), body) end
      end
      -- LuaJIT has no integers: there -0 stays a float that equals 0
      if math_type then assert.is_true(got ~= 0 or 1 / got > 0, "no negative zero: " .. body) end
    end)
  end)

  it("case 31: of duplicate keys the last wins", function()
    each({ '{"id":1,"name":"first","id":4711,"name":"last"}' }, function(_, value, err)
      assert.is_truthy(value, tostring(err))
      assert.equal(4711, value.data.id)
      assert.equal("last", value.data.name)
    end)
  end)

  it("case 31: \\u0000 and every escape arrive as the bytes they mean", function()
    each({ '{"id":4711,"name":"a\\u0000b\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e5\\ud83d\\ude00\\uffff\195\165"}' },
      function(_, value, err)
      assert.is_truthy(value, tostring(err))
      assert.equal("a\0b\"\\/\8\12\n\r\t\195\165\240\159\152\128\239\191\191\195\165", value.data.name)
    end)
  end)

  it("case 31: lone surrogates are refused", function()
    local bodies = {}
    for _, text in ipairs { "\\ud800", "\\udc00", "\\ud800x", "\\ud800\\u0041", "\\udc00\\ud800",
      "\\ud83d\\ud83d", "\\uDFFF" } do
      bodies[#bodies + 1] = '{"id":4711,"name":"' .. text .. '"}'
      bodies[#bodies + 1] = '{"id":4711,"' .. text .. '":1}'
    end
    each(bodies, refused { decode = true })
  end)

  it("case 31: invalid UTF-8 is refused", function()
    local bodies = {}
    for _, bytes in ipairs {
      "\128", "\191", "\192\128", "\193\191", "\224\128\128", "\237\160\128", "\240\128\128\128",
      "\244\144\128\128", "\245\128\128\128",
      "\255", "\254", "\195", "\226\130", "\240\159\152", "\195\40", "\226\40\161", "a\195",
    } do
      bodies[#bodies + 1] = '{"id":4711,"name":"' .. bytes .. '"}'
      bodies[#bodies + 1] = '{"id":4711,"' .. bytes .. '":1}'
    end
    each(bodies, refused { decode = true })
  end)

  it("case 31: numbers among other items, under escaped names and beside equal names are integers where they are whole",
    function()
    local core = require "oneflow.core"
    local value = core.decode('{"a\\u0062\\n\\ud83d\\ude00":7.0,'
      .. '"\\u00e5":{"x":8,"l":["s",1,null,2.0,{"n":[3,"t"]},1.5,4e0]},"d":[1],"d":{"e":5},"d":[[6,[]],[],9]}')
    local list = value["\195\165"].l
    for _, number in ipairs {
      value["ab\n\240\159\152\128"], value["\195\165"].x, list[2], list[4], list[5].n[1], list[7], value.d[1][1],
      value.d[3],
    } do
      assert.is_true(integer(number))
    end
    assert.same({ "s", 1, core.null, 2, { n = { 3, "t" } }, 1.5, 4 }, list)
    assert.same({ { 6, {} }, {}, 9 }, value.d)
  end)

  it("case 68: a body of nothing but numbers takes little more than the table that it becomes", function()
    local core = require "oneflow.core"
    local count = 2 ^ 20
    local text = "[" .. string.rep("1,", count - 1) .. "1]"
    local growth, value = wire.growth(function() return core.decode(text) end)
    assert.equal(count, #value)
    assert.is_true(growth < 12 * #text, "it grew by " .. growth) -- 16 bytes an item on Lua 5.4, and a copy of the text
  end)
end)

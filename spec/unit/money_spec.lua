-- oneflow.money: exact at any length, against sums done by the digit.
local oneflow = require "oneflow"
local money = oneflow.money

describe("oneflow.money:", function()
  it("adds and subtracts", function()
    for _, case in ipairs {
      { "0.10", "0.20", "0.30", "-0.10" },
      { "500.10", "0.9", "501.00", "499.20" },
      { "1", "1", "2", "0" },
      { "-1", "1", "0", "-2" },
      { "0.00", "-0", "0.00", "0.00" },
      { "-0.05", "-0.05", "-0.10", "0.00" },
      { "007", "0.5", "7.5", "6.5" },
      { "9999999", "1", "10000000", "9999998" },
      { "10000000", "-1", "9999999", "10000001" },
      { "99999999999999.99", "0.01", "100000000000000.00", "99999999999999.98" },
      { "100000000000000000000000000000", "0.000000000000000000001",
        "100000000000000000000000000000.000000000000000000001", "99999999999999999999999999999.999999999999999999999" },
      { "9007199254740993", "9007199254740993", "18014398509481986", "0" },
    } do
      assert.equal(case[3], money.add(case[1], case[2]))
      assert.equal(case[3], money.add(case[2], case[1]))
      assert.equal(case[4], money.subtract(case[1], case[2]))
    end
  end)

  it("compares", function()
    for _, case in ipairs {
      { "1.5", "1.50", 0 }, { "0", "-0.00", 0 }, { "2", "10", -1 }, { "-2", "-10", 1 }, { "-1", "1", -1 },
      { "0.1", "0.09", 1 }, { "0010", "9", 1 }, { "9007199254740993", "9007199254740992", 1 },
      { string.rep("9", 400) .. ".1", string.rep("9", 400) .. ".10", 0 },
      { "1" .. string.rep("0", 400), string.rep("9", 400), 1 },
    } do
      assert.equal(case[3], money.compare(case[1], case[2]))
      assert.equal(-case[3], money.compare(case[2], case[1]))
    end
  end)

  it("multiplies by whole numbers", function()
    for _, case in ipairs {
      { "1200.00", 2, "2400.00" }, { "0.05", 3, "0.15" }, { "-1.1", 3, "-3.3" }, { "-1.1", -3, "3.3" },
      { "5", 0, "0" }, { "-5.00", 0, "0.00" }, { "2", 3.0, "6" },
      { "99999999", 99999999, "9999999800000001" }, { "1", 9007199254740991, "9007199254740991" },
    } do
      assert.equal(case[3], money.multiply(case[1], case[2]))
    end
    assert.equal("8" .. string.rep("9", 59) .. "1", money.multiply(string.rep("9", 60), 9))
  end)

  it("holds the laws of arithmetic at random lengths", function()
    local seed = os.time()
    math.randomseed(seed)
    local function digits(n)
      local list = {}
      for i = 1, n do list[i] = math.random(0, 9) end
      return table.concat(list)
    end
    local function decimal()
      local text = (math.random(2) == 1 and "-" or "") .. digits(math.random(1, 40))
      if math.random(2) == 1 then text = text .. "." .. digits(math.random(1, 20)) end
      return text
    end
    for _ = 1, 2000 do
      local a, b, n = decimal(), decimal(), math.random(0, 1000)
      local where = string.format("seed %d: %s, %s, %d", seed, a, b, n)
      local sum = money.add(a, b)
      assert.equal(0, money.compare(money.subtract(sum, b), a), where)
      assert.equal(0, money.compare(money.subtract(a, b), money.multiply(money.subtract(b, a), -1)), where)
      local each = money.add(money.multiply(a, n), money.multiply(b, n))
      assert.equal(0, money.compare(money.multiply(sum, n), each), where)
      assert.equal(0, money.compare(money.multiply(a, n + 1), money.add(money.multiply(a, n), a)), where)
      local order = money.compare(a, b)
      assert.equal(order, money.compare(money.subtract(a, b), "0"), where)
    end
  end)

  it("agrees with sums of whole cents in doubles", function()
    for _ = 1, 2000 do
      local a, b = math.random(-1000000, 1000000), math.random(-1000000, 1000000)
      local function text(cents)
        local size = math.abs(cents)
        return string.format("%s%d.%02d", cents < 0 and "-" or "", math.floor(size / 100), size % 100)
      end
      assert.equal(text(a + b), money.add(text(a), text(b)))
      assert.equal(text(a - b), money.subtract(text(a), text(b)))
      assert.equal(text(a * 17), money.multiply(text(a), 17))
    end
  end)

  it("takes records with a currency, and gives such; other fields are not looked at", function()
    local a = { amount = "500.10", currency = "SEK", note = 5 }
    assert.same({ amount = "501.00", currency = "SEK" }, money.add(a, { amount = "0.90", currency = "SEK" }))
    assert.same({ amount = "-0.10", currency = "SEK" }, money.subtract(a, { amount = "500.20", currency = "SEK" }))
    assert.same({ amount = "1000.20", currency = "SEK" }, money.multiply(a, 2))
    assert.equal(1, money.compare(a, { amount = "500.09", currency = "SEK" }))
  end)

  it("two currencies are refused", function()
    local a, b = { amount = "1", currency = "SEK" }, { amount = "1", currency = "EUR" }
    for _, name in ipairs { "add", "subtract", "compare" } do
      local value, err = money[name](a, b)
      assert.is_nil(value)
      assert.same({ "validation", "money." .. name, "b.currency" }, { err.kind, err.operation, err.problems[1].path })
    end
  end)

  it("malformed decimals and nulls come back together, each with its path", function()
    for _, text in ipairs { "", "-", "1,5", "1.", ".5", "+1", "1e3", "0x1", " 1", "1 ", "--1", "1.2.3", "NaN",
                            "1\0" } do
      local value, err = money.add(text, "1")
      assert.is_nil(value, text)
      assert.same({ "validation", "not_sent", "a" }, { err.kind, err.outcome, err.problems[1].path })
      assert.is_nil((money.multiply(text, 1)))
    end
    local value, err = money.add({ amount = "x", currency = oneflow.null }, { amount = oneflow.null, currency = "" })
    assert.is_nil(value)
    local paths = {}
    for i, problem in ipairs(err.problems) do paths[i] = problem.path end
    assert.same({ "a.amount", "a.currency", "b.amount", "b.currency" }, paths)
    assert.is_nil((money.add(oneflow.null, "1")))
  end)

  it("floats and other Lua types raise, at the caller's line", function()
    for _, case in ipairs {
      { "add", "1", 0.1 }, { "add", 1, "1" }, { "compare", nil, "1" }, { "subtract", "1", true },
      { "add", { amount = 5.5, currency = "SEK" }, { amount = "1", currency = "SEK" } },
      { "add", { amount = "1" }, { amount = "1", currency = "SEK" } },
      { "add", "1", { amount = "1", currency = "SEK" } },
      { "multiply", "1", 0.5 }, { "multiply", "1", "2" }, { "multiply", "1", 2 ^ 53 }, { "multiply", "1", 0 / 0 },
      { "multiply", 2, 2 },
    } do
      local good, message = pcall(function() return (money[case[1]](case[2], case[3])) end)
      assert.is_false(good, case[1])
      assert.is_truthy(string.find(message, "money_spec.lua:%d+: oneflow: money%." .. case[1]), message)
    end
  end)
end)

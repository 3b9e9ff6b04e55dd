-- Money in the service's form: decimal strings, alone or with a currency. Computed digit by digit, exactly at any
-- length, and never with floats, which cannot represent 0.10.
local errors = require "oneflow.errors"
local usage = require "oneflow.errors.usage"
local null = require("oneflow.core").null

local tonumber, type = tonumber, type
local floor, max = math.floor, math.max
local concat = table.concat
local find, format, match, rep, sub = string.find, string.format, string.match, string.rep, string.sub

---@class oneflow.money
local M = {}

---Money with its currency, as in `contract.value`. Other fields are ignored.
---@class oneflow.Money
---@field amount string  decimal: "500.10"
---@field currency string  "SEK"

-- Computes with seven digits at a time: the product of two such limbs, plus the carry, is exact in a double.
local WIDTH, BASE = 7, 1e7
if math.type then BASE = 10000000 end -- an integer, if this Lua has integers

-- A decimal is { negative =, scale = digits after the point, digits = all of them }.

-- Converts digits without a point to limbs.
local function limbs_of(digits)
  local limbs = {}
  for at = #digits, 1, -WIDTH do limbs[#limbs + 1] = tonumber(sub(digits, max(1, at - WIDTH + 1), at)) end
  return limbs
end

local function trim(limbs)
  for i = #limbs, 2, -1 do
    if limbs[i] ~= 0 then break end
    limbs[i] = nil
  end
  return limbs
end

-- The decimal with at least `scale` digits after the point.
local function aligned(decimal, scale)
  local digits = decimal.digits .. rep("0", scale - decimal.scale)
  return trim(limbs_of(digits))
end

local function compare_limbs(a, b)
  if #a ~= #b then return #a < #b and -1 or 1 end
  for i = #a, 1, -1 do
    if a[i] ~= b[i] then return a[i] < b[i] and -1 or 1 end
  end
  return 0
end

local function add_limbs(a, b)
  local sum, carry = {}, 0
  for i = 1, max(#a, #b) do
    local limb = (a[i] or 0) + (b[i] or 0) + carry
    carry = limb >= BASE and 1 or 0
    sum[i] = limb - carry * BASE
  end
  if carry > 0 then sum[#sum + 1] = carry end
  return sum
end

-- a - b, where a >= b.
local function subtract_limbs(a, b)
  local rest, borrow = {}, 0
  for i = 1, #a do
    local limb = a[i] - (b[i] or 0) - borrow
    borrow = limb < 0 and 1 or 0
    rest[i] = limb + borrow * BASE
  end
  return trim(rest)
end

local function multiply_limbs(a, b)
  local product = {}
  for i = 1, #a + #b do product[i] = 0 end
  for i = 1, #a do
    local carry = 0
    for k = 1, #b do
      local limb = product[i + k - 1] + a[i] * b[k] + carry
      carry = floor(limb / BASE)
      product[i + k - 1] = limb - carry * BASE
    end
    product[i + #b] = carry
  end
  return trim(product)
end

local function text_of(negative, limbs, scale)
  local pieces = { format("%d", limbs[#limbs]) }
  for i = #limbs - 1, 1, -1 do pieces[#pieces + 1] = format("%07d", limbs[i]) end
  local digits = concat(pieces)
  if #digits <= scale then digits = rep("0", scale + 1 - #digits) .. digits end
  if negative and find(digits, "[1-9]") then digits = "-" .. digits end
  if scale == 0 then return digits end
  return sub(digits, 1, -scale - 1) .. "." .. sub(digits, -scale)
end

local function note(problems, path, message) problems[#problems + 1] = { path = path, messages = { message } } end

local function read_amount(operation, path, value, problems)
  if value == null then
    note(problems, path, "is null")
    return nil
  end
  if type(value) ~= "string" then
    usage.raise(format("%s: %s: decimal string such as \"500.10\" expected, got %s%s", operation, path, type(value),
      type(value) == "number" and " (money is no float)" or ""))
  end
  local sign, whole, point, fraction = match(value, "^(%-?)(%d+)(%.?)(%d*)$")
  if not whole or (point == ".") ~= (fraction ~= "") then
    note(problems, path, 'is not a decimal such as "500.10"')
    return nil
  end
  return { negative = sign == "-", scale = #fraction, digits = whole .. fraction }
end

-- Reads a string or a record -> the decimal, and the currency of a record.
local function read(operation, path, value, problems)
  if type(value) ~= "table" then return read_amount(operation, path, value, problems) end
  local currency = value.currency
  if currency == null or currency == "" then
    note(problems, path .. ".currency", currency == "" and "is empty" or "is null")
  elseif type(currency) ~= "string" then
    usage.raise(format("%s: %s.currency: string expected, got %s", operation, path, type(currency)))
  end
  return read_amount(operation, path .. ".amount", value.amount, problems), currency
end

local function fail(operation, problems) return nil, errors.validation({ operation = operation }, problems) end

-- Reads two amounts of the same kind, or returns nil and the error.
local function read_both(operation, a, b)
  if (type(a) == "table") ~= (type(b) == "table") and a ~= null and b ~= null then
    usage.raise(operation .. ": two decimal strings expected, or two { amount =, currency = }; got one of each")
  end
  local problems = {}
  local first, currency = read(operation, "a", a, problems)
  local second, other = read(operation, "b", b, problems)
  if not problems[1] and currency ~= other then
    note(problems, "b.currency", format("is not that of a: %s and %s are not added or compared",
      usage.show(currency), usage.show(other)))
  end
  if problems[1] then return fail(operation, problems) end
  return first, second, currency
end

local function result(amount, currency)
  if currency then return { amount = amount, currency = currency } end
  return amount
end

-- a + b, or a - b if `turn`.
local function sum(operation, a, b, turn)
  local first, second, currency = read_both(operation, a, b)
  if not first then return nil, second end
  local scale = max(first.scale, second.scale)
  local left, right = aligned(first, scale), aligned(second, scale)
  local left_negative, right_negative = first.negative, second.negative ~= turn
  local negative, limbs
  if left_negative == right_negative then
    negative, limbs = left_negative, add_limbs(left, right)
  elseif compare_limbs(left, right) >= 0 then
    negative, limbs = left_negative, subtract_limbs(left, right)
  else
    negative, limbs = right_negative, subtract_limbs(right, left)
  end
  return result(text_of(negative, limbs, scale), currency)
end

--- Compares two decimal strings ("1.5" and "1.50" are equal), or two records with the same currency.
---@param a string|oneflow.Money  other types raise, also numbers
---@param b string|oneflow.Money
---@return -1|0|1|nil order  -1: a is less; 1: a is greater
---@return oneflow.Error? err  validation: not a decimal, null, two currencies
function M.compare(a, b)
  local first, second = read_both("money.compare", a, b)
  if not first then return nil, second end
  local scale = max(first.scale, second.scale)
  local left, right = aligned(first, scale), aligned(second, scale)
  local order = compare_limbs(left, right)
  if first.negative ~= second.negative then
    if #left == 1 and left[1] == 0 and #right == 1 and right[1] == 0 then return 0 end -- "-0"
    return first.negative and -1 or 1
  end
  if first.negative then return -order end
  return order
end

--- Adds: a + b, exactly, with as many digits after the point as the longer one has.
---@generic T: string|oneflow.Money
---@param a T  other types raise, numbers above all
---@param b T
---@return T? sum, oneflow.Error? err  validation: not a decimal, null, two currencies
function M.add(a, b) return sum("money.add", a, b, false) end

--- Subtracts: a - b, exactly, with as many digits after the point as the longer one has.
---@generic T: string|oneflow.Money
---@param a T  other types raise, numbers above all
---@param b T
---@return T? difference, oneflow.Error? err  validation: not a decimal, null, two currencies
function M.subtract(a, b) return sum("money.subtract", a, b, true) end

--- Multiplies: a times an integer, exactly.
---@generic T: string|oneflow.Money
---@param a T
---@param times integer  its absolute value is below 2^53; an integral float is accepted
---@return T? product, oneflow.Error? err  validation: not a decimal, null
function M.multiply(a, times)
  if type(times) ~= "number" or times ~= floor(times) or times >= 2 ^ 53 or times <= -2 ^ 53 then
    usage.raise("money.multiply: times: an integer below 2^53 expected, got "
      .. (type(times) == "number" and "another number" or type(times)))
  end
  local problems = {}
  local decimal, currency = read("money.multiply", "a", a, problems)
  if problems[1] then return fail("money.multiply", problems) end
  local limbs = multiply_limbs(aligned(decimal, decimal.scale), limbs_of(format("%.0f", times < 0 and -times or times)))
  return result(text_of(decimal.negative ~= (times < 0), limbs, decimal.scale), currency)
end

return M

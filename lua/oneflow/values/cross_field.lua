-- Cross-field rules of a body, as the endpoint table writes them. An object may have
--   requires   { when = { field = { values } }, needs = { fields }, confidence = }: where all of `when` fits, they must
--              be said; with confidence "?" only perhaps
--   forbids    { when =, names = { fields }, because = }: these must not
--   restricts  { when =, name = field, enum = { values } }: this field has these values only
--   exclusive  { { fields } }: at most one of them; null and 0, also as an amount, say nothing
--   any_of     { { paths } }: at least one of them
-- a list `at_most` { where = { path = value }, max =, because = }, an operation `totals` { of =, max =, at =,
-- paths = }: how many things all paths hold together, `*` standing for each item of a list.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"

local format, gmatch, match = string.format, string.gmatch, string.match
local concat, sort = table.concat, table.sort
local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type
local null = core.null

local M = {}

local NONE = {}

local function said(value) return value ~= nil and value ~= null and value ~= "" end

local function at(value, path)
  for name in gmatch(path, "[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

-- 1 and "1" are the same amount.
local function same(a, b)
  if a == b then return true end
  local left, right = ascii.number(a), ascii.number(b)
  return left ~= nil and left == right
end

-- 0, "0.00", { amount = "0" }
local function zero(value)
  if type(value) == "table" then value = value.amount end
  return ascii.number(value) == 0
end

local function among(values, value)
  for _, candidate in ipairs(values) do if same(candidate, value) then return true end end
  return false
end

local function fits(object, conditions)
  for name, values in pairs(conditions) do
    if object[name] == nil or not among(values, object[name]) then return false end
  end
  return true
end

-- "signatory is true"
local function circumstances(object, conditions)
  local words = {}
  for name in pairs(conditions) do words[#words + 1] = format("%s is %s", name, tostring(object[name])) end
  sort(words, ascii.before)
  return concat(words, " and ")
end

--- Checks an object against the cross-field rules of its field.
---@param problems oneflow.Problem[]
---@param note fun(problems: oneflow.Problem[], path: string, message: string)
---@param doubt fun(problems: oneflow.Problem[])?  called when a rule of confidence "?" is broken
function M.object(field, object, path, problems, note, doubt)
  for _, rule in ipairs(field.requires or NONE) do
    if fits(object, rule.when) then
      for _, name in ipairs(rule.needs) do
        local broken = not said(object[name])
        if broken and rule.confidence == "?" then
          if doubt then doubt(problems) end
        elseif broken then
          note(problems, path .. "." .. name, "is needed when " .. circumstances(object, rule.when))
        end
      end
    end
  end
  for _, rule in ipairs(field.forbids or NONE) do
    if fits(object, rule.when) then
      for _, name in ipairs(rule.names) do
        if object[name] ~= nil then
          note(problems, path .. "." .. name,
            format("must not be said when %s: %s", circumstances(object, rule.when), rule.because))
        end
      end
    end
  end
  for _, rule in ipairs(field.restricts or NONE) do
    local value = object[rule.name]
    if value ~= nil and fits(object, rule.when) and not among(rule.enum, value) then
      note(problems, path .. "." .. rule.name,
        format("is none of %s, which it must be when %s", concat(rule.enum, ", "), circumstances(object, rule.when)))
    end
  end
  for _, names in ipairs(field.exclusive or NONE) do
    local given = {}
    for _, name in ipairs(names) do
      local value = object[name]
      if said(value) and not zero(value) then given[#given + 1] = name end
    end
    if #given > 1 then note(problems, path, "has more than one of " .. concat(names, ", ")) end
  end
  for _, paths in ipairs(field.any_of or NONE) do
    local found = false
    for _, name in ipairs(paths) do found = found or said(at(object, name)) end
    if not found then note(problems, path, "needs one of " .. concat(paths, ", ")) end
  end
end

--- Checks a list against the cross-field rules of its field.
function M.list(field, list, path, problems, note)
  for _, rule in ipairs(field.at_most or NONE) do
    local count = 0
    for _, item in ipairs(list) do
      local counts = true
      for name, value in pairs(rule.where) do counts = counts and same(at(item, name), value) end
      if counts then count = count + 1 end
    end
    if count > rule.max then note(problems, path, rule.because) end
  end
end

-- Counts the items at a path.
local function count_at(value, path)
  if value == nil or value == null then return 0 end
  if path == "" then return 1 end
  if type(value) ~= "table" then return 0 end
  local step, rest = match(path, "^([^.]+)%.?(.*)$")
  if step ~= "*" then return count_at(value[step], rest) end
  local count = 0
  for _, item in ipairs(value) do count = count + count_at(item, rest) end
  return count
end

--- Checks a body against the totals of its operation.
function M.totals(operation, body, problems, note)
  for _, total in ipairs(operation.totals or NONE) do
    local count = 0
    for _, path in ipairs(total.paths) do count = count + count_at(body, path) end
    if count > total.max then
      note(problems, "body." .. total.at,
        format("%d %s together: a contract has at most %d", count, total.of, total.max))
    end
  end
end

return M

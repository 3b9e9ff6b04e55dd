-- The attempts of spec/fixtures/escapes.lua as scripts, and the check of their results. A script needs only `user` and
-- `print`, so the same text runs in a spec and in a C program.
local attempts = require "spec.fixtures.escapes"

local M = { LUAJIT = 501 }

local VERSION = rawget(_G, "jit") and M.LUAJIT or tonumber((string.gsub(string.match(_VERSION, "%d%.%d"), "%.", "0")))

-- Prints every string that can be read from a value.
local SHOW = [[
local show
do
local print, type, tostring, pcall, next = print, type, tostring, pcall, next -- the attempt may replace the globals
local seen = {}
function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then
    if not seen[value] then seen[value] = true print("saw " .. value) end
  elseif (type(value) == "table" or type(value) == "userdata") and not seen[value] and depth < 8 then
    seen[value] = true
    local _, text = pcall(tostring, value)
    print("saw " .. (type(text) == "string" and text or "no text"))
    if type(value) == "table" then
      for key, item in next, value do show(key, depth + 1) show(item, depth + 1) end
    end
  end
end
end
]]

--- Each attempt as { name =, text = }; `other` is the address of another origin; `version`: of the Lua that runs it, if
--- not this one.
function M.scripts(other, version)
  local list = {}
  version = version or VERSION
  for _, attempt in ipairs(attempts) do
    if version >= (attempt.since or 0) then
      list[#list + 1] = {
        name = attempt.name,
        text = SHOW .. "local function attempt()\n"
          .. string.gsub(attempt.code, "OTHER", (string.gsub(other, "%%", "%%%%")))
          .. "\nend\nlocal good, got = pcall(attempt)\nshow(got)\nprint((good and got) and 'REACHED' or 'failed')\n",
      }
    end
  end
  return list
end

-- What a gathered script does with everything that it gets: it makes a call with anything that leads to an engine, as
-- Anna and without a user.
local USE = [[
do
local show_all = show
local seen, type, pcall, next = {}, type, pcall, next
local function use(value, depth)
  if (type(value) ~= "table" and type(value) ~= "userdata") or seen[value] or depth > 5 then return end
  seen[value] = true
  for _, user in next, { "anna@example.com", false } do
    pcall(function()
      local request = value:submit(nil, "GET", true, "/contracts/4711", user or nil, 5)
      while not value:wait(request) do end
    end)
  end
  for _, name in next, { "engine", "client", "task", "loop", "queue" } do
    local good, field = pcall(function() return value[name] end)
    if good then use(field, depth + 1) end
  end
  if type(value) == "table" then
    for key, item in next, value do use(key, depth + 1) use(item, depth + 1) end
  end
end
function show(value)
  use(value, 0)
  return show_all(value)
end
end
local function post() return user:contract(4712):update { _private = { name = "Sven" } } end
]]

--- Each attempt of a script that is gathered as { name =, text = }: the text returns the function that runs.
function M.gathered(version)
  local list = {}
  version = version or VERSION
  for _, attempt in ipairs(attempts.gathered) do
    if version >= (attempt.since or 0) and version ~= attempt.not_on then
      list[#list + 1] = {
        name = attempt.name,
        text = SHOW .. USE .. attempt.code,
      }
    end
  end
  return list
end

--- Was the token printed?
function M.shows(lines, token)
  local text = table.concat(lines, "\n")
  for from = 1, #token - 15, 8 do
    if string.find(text, string.sub(token, from, from + 15), 1, true) then return true end
  end
  return false
end

--- Checks the lines that a script printed; nil if its attempt failed.
function M.problem(lines, token)
  if M.shows(lines, token) then return "the token was seen" end
  if lines[#lines] ~= "failed" then
    return "ended with: " .. tostring(lines[#lines]) .. "\n" .. string.sub(table.concat(lines, "\n"), -2000)
  end
  return nil
end

return M

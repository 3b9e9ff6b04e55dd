-- The source itself: nothing in it asks the process's locale, so that what holds in one holds in every one. See
-- oneflow.base.ascii and csrc/text.h, which say what to use instead. And nothing in Lua asks a clock but
-- oneflow.base.clock's.
local host = require "spec.support.host"

local function files(pattern)
  local list = {}
  for path in string.gmatch(host.shell("cd '" .. host.root .. "' && find " .. pattern), "[^\n]+") do
    list[#list + 1] = path
  end
  return list
end

local function line_of(text, at)
  return select(2, string.gsub(string.sub(text, 1, at), "\n", "")) + 1
end

-- ---- Lua ----------------------------------------------------------------------------------------------------------

-- Tokens of a chunk without its comments: { kind = "string" | "name" | "number" | "mark", text, at }.
local function tokens(text)
  local list, at = {}, string.find(text, "^#!") and string.find(text, "\n", 1, true) or 1
  local function add(kind, from, to, content)
    list[#list + 1] = { kind = kind, text = content or string.sub(text, from, to), at = from }
    at = to + 1
  end
  while true do
    at = string.find(text, "[^ \t\r\n]", at)
    if not at then return list end
    local long = string.match(text, "^%-?%-?%[(=*)%[", at)
    if string.find(text, "^%-%-", at) then
      local stop = long and select(2, string.find(text, "]" .. long .. "]", at, true))
        or (string.find(text, "\n", at, true) or #text)
      at = stop + 1
    elseif long then
      local _, stop = string.find(text, "]" .. long .. "]", at, true)
      add("string", at, stop, string.sub(text, at + #long + 2, stop - #long - 2))
    elseif string.find(text, "^[\"']", at) then
      local quote, stop = string.sub(text, at, at), at + 1
      while string.sub(text, stop, stop) ~= quote do
        stop = stop + (string.sub(text, stop, stop) == "\\" and 2 or 1)
      end
      add("string", at, stop, string.sub(text, at + 1, stop - 1))
    elseif string.find(text, "^[A-Za-z_]", at) then
      add("name", at, select(2, string.find(text, "^[A-Za-z0-9_]+", at)))
    elseif string.find(text, "^%.?[0-9]", at) then
      add("number", at, select(2, string.find(text, "^[0-9A-Za-z.]+", at)))
    else
      add("mark", at, at)
    end
  end
end

-- The names that are handed to format as its first argument.
local function formats(list)
  local found = {}
  for i = 1, #list - 2 do
    if list[i].text == "format" and list[i + 1].text == "(" and list[i + 2].kind == "name" then
      found[list[i + 2].text] = true
    end
  end
  return found
end

local STATEMENT = { ["local"] = true, ["return"] = true, ["then"] = true, ["do"] = true, ["end"] = true }

-- Is the string at i a format, and no pattern?
local function is_format(list, i, names)
  if list[i + 1] and list[i + 1].text == ")" and list[i + 2].text == ":" and list[i + 3].text == "format" then
    return true
  end
  if list[i - 1] and list[i - 1].text == "=" and names[list[i - 2].text] then return true end
  local depth = 0
  for j = i - 1, 1, -1 do
    local text = list[j].kind ~= "string" and list[j].text
    if STATEMENT[text] then return false end
    if text == ")" then
      depth = depth + 1
    elseif text == "(" and depth > 0 then
      depth = depth - 1
    elseif text == "(" and list[j - 1] and list[j - 1].text == "format" then
      return true
    end
  end
  return false
end

local FOREIGN = { lower = true, upper = true, setlocale = true }

local function faults_of_lua(path, note)
  local text = host.read(host.root .. "/" .. path)
  local list = tokens(text)
  local names = formats(list)
  for i, token in ipairs(list) do
    local function found(what) note(path .. ":" .. line_of(text, token.at) .. ": " .. what) end
    local before, before_that = list[i - 1] and list[i - 1].text, list[i - 2] and list[i - 2].text
    if token.kind == "number" and string.find(token.text, ".", 1, true) then
      found("a literal with a point, " .. token.text .. ": as a fraction it loads in every locale")
    elseif token.kind == "name" and FOREIGN[token.text] and (before == ":" or before == "." and before_that == "string"
      or token.text == "setlocale") then
      found(token.text .. ": see oneflow.base.ascii")
    elseif token.kind == "name" and token.text == "sort" and list[i + 1].text == "(" and list[i + 3].text == ")" then
      found "sort without a comparison: strings are ordered by the locale, see ascii.before"
    elseif token.kind == "string" then
      local form = is_format(list, i, names)
      for flags, letter in string.gmatch(string.gsub(token.text, "%%%%", ""), "%%([-+ #0-9.]*)([A-Za-z])") do
        if form and string.find(letter, "[aAeEfgG]") and not (letter == "f" and flags == ".0") then
          found("a number written by %" .. flags .. letter .. ": core.encode does it in every locale")
        elseif not form and flags == "" and string.find(letter, "[acglpsuwACGLPSUW]") then
          found("the class %" .. letter .. " of a pattern: see oneflow.base.ascii")
        end
      end
    end
  end
end

local CLOCKS = {
  core = { monotonic = true, wall = true, sleep = true }, os = { time = true, clock = true, date = true },
  ngx = { now = true, time = true, update_time = true, localtime = true, utctime = true, today = true },
}

-- oneflow.base.clock's fields can be replaced: they are called, and never kept.
local function clocks_of_lua(path, note)
  local text = host.read(host.root .. "/" .. path)
  local list = tokens(text)
  for i = 4, #list - 1 do
    local owner, name = list[i - 2].text, list[i].text
    if list[i - 1].text == "." and list[i - 3].text ~= "." then
      local found = CLOCKS[owner] and CLOCKS[owner][name] and path ~= "lua/oneflow/base/clock.lua"
      local kept = owner == "clock" and list[i + 1].text ~= "("
      if found or kept then note(path .. ":" .. line_of(text, list[i].at) .. ": " .. owner .. "." .. name) end
    end
  end
end

-- ---- C ------------------------------------------------------------------------------------------------------------

local LOCALE_DEPENDENT = {}
for name in string.gmatch([[
  isalpha isalnum isdigit isxdigit isspace isblank isupper islower ispunct isprint isgraph iscntrl tolower toupper
  strcasecmp strncasecmp strcasestr strcoll strxfrm strtod strtof strtold strtod_l atof sscanf strftime strptime
  strerror localeconv nl_langinfo setlocale uselocale newlocale mbtowc wctomb mbstowcs wcstombs
]], "[a-z_]+") do LOCALE_DEPENDENT[name] = true end

local function faults_of_c(path, note)
  local text = host.read(host.root .. "/" .. path)
  local function blank(part) return (string.gsub(part, "[^\n]", " ")) end
  local code = string.gsub(string.gsub(text, "/%*.-%*/", blank), "//[^\n]*", blank)
  for at, literal in string.gmatch(code, '()"([^"\n]*)"') do
    if path ~= "csrc/text.c" and path ~= "csrc/json_write.c"
      and string.find(string.gsub(literal, "%%%%", ""), "%%[-+ #0-9.*]*[aAeEfgG]") then
      note(path .. ":" .. line_of(text, at) .. ": a float written by the locale's point, see text.h")
    end
  end
  code = string.gsub(code, '"[^"\n]*"', blank)
  for at, name in string.gmatch(code, "()([A-Za-z_][A-Za-z0-9_]*)") do
    if LOCALE_DEPENDENT[name] and path ~= "csrc/text.c" then
      note(path .. ":" .. line_of(text, at) .. ": " .. name .. ", see text.h")
    end
  end
end

describe("the source:", function()
  for language, job in pairs {
    Lua = { "lua bin -type f ! -name annotations.lua", faults_of_lua }, C = { "csrc -name '*.[ch]'", faults_of_c },
  } do
    it("nothing in " .. language .. " asks the process's locale", function()
      local list, faults = files(job[1]), {}
      assert.is_true(#list > 20)
      for _, path in ipairs(list) do job[2](path, function(fault) faults[#faults + 1] = fault end) end
      assert.equal("", table.concat(faults, "\n"))
    end)
  end

  it("nothing in Lua asks another clock than oneflow.base.clock, or keeps one of its functions", function()
    local list, faults = files "lua -type f ! -name annotations.lua", {}
    assert.is_true(#list > 20)
    for _, path in ipairs(list) do clocks_of_lua(path, function(fault) faults[#faults + 1] = fault end) end
    assert.equal("", table.concat(faults, "\n"))
  end)
end)

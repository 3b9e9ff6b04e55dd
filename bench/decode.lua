-- A page of 100 contracts into tables: this core and lua-cjson alone, in turns.   decode.lua PAGE.json ROUNDS
local core = require "oneflow.core"
local cjson = require("cjson").new()

local file = assert(io.open(arg[1], "rb"))
local page = file:read "*a"
file:close()

local REPEAT = 20

local function run(decode)
  collectgarbage()
  local start = core.monotonic()
  for _ = 1, REPEAT do assert(decode(page)) end
  return REPEAT * #page / (core.monotonic() - start) / 1e6
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

run(core.decode)
run(cjson.decode)
local ours, theirs, ratios = {}, {}, {}
for round = 1, tonumber(arg[2]) do
  ours[round], theirs[round] = run(core.decode), run(cjson.decode)
  ratios[round] = ours[round] / theirs[round]
end
print(string.format("%-8s  this core %4.0f MB/s   lua-cjson %4.0f MB/s   ratio %.2f",
  rawget(_G, "jit") and "LuaJIT" or _VERSION, median(ours), median(theirs), median(ratios)))

-- Puts a run's results into docs/performance.md.     report.lua RESULTS DOCUMENT
local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local results, document = read(arg[1]), read(arg[2])
local before, after = string.match(document, "^(.-<!%-%- results %-%->\n).-(<!%-%- end %-%->.*)$")
local file = assert(io.open(arg[2], "w"))
file:write(before, "```\n", results, "```\n", after)
file:close()

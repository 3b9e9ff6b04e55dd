-- The output of the specs: one line per file while they run, so that a hang or a crash shows its place; every failure
-- in full; and the counts, for .ci/specs, in the file that ONEFLOW_COUNTS names.
local busted = require "busted"
local new_base = require "busted.outputHandlers.base"

local function describe(entry)
  local message = entry.message
  if type(message) ~= "string" then
    message = message == nil and "no message" or require("pl.pretty").write(message)
  end
  local trace = entry.element.trace or entry.trace
  local place = trace and trace.short_src and (trace.short_src .. ":" .. trace.currentline .. " ") or ""
  local lines = place .. entry.name .. "\n" .. message
  if entry.trace and entry.trace.traceback then
    lines = lines .. "\n" .. entry.trace.traceback
  end
  return (lines:gsub("\n", "\n    "))
end

return function()
  local base = new_base()
  local shown = { failures = 0, errors = 0, pendings = 0 }
  local at_start

  -- The results since the last call, usually of one test.
  local function show(label, list)
    for index = shown[list] + 1, #base[list] do
      io.write("  ", label, ": ", describe(base[list][index]), "\n")
    end
    shown[list] = #base[list]
  end

  local function show_all()
    show("FAILED", "failures")
    show("ERROR", "errors")
    show("pending", "pendings")
    io.flush()
  end

  local function counts()
    return base.successesCount, base.failuresCount + base.errorsCount, base.pendingsCount
  end

  local function file_start(file)
    at_start = { counts() }
    io.write(file.name, "\n")
    io.flush()
    return nil, true
  end

  local function file_end(file)
    show_all()
    local passed, failed, pending = counts()
    io.write(string.format("  %d passed, %d failed, %d pending in %.1f s\n", passed - at_start[1],
      failed - at_start[2], pending - at_start[3], file.duration or 0))
    return nil, true
  end

  local function test_end()
    show_all()
    return nil, true
  end

  local function suite_end()
    show_all()
    local path = os.getenv "ONEFLOW_COUNTS"
    if path then
      local out = assert(io.open(path, "w"))
      out:write(string.format("%d %d %d\n", counts()))
      out:close()
    end
    return nil, true
  end

  busted.subscribe({ "file", "start" }, file_start)
  busted.subscribe({ "file", "end" }, file_end)
  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "suite", "end" }, suite_end)
  return base
end

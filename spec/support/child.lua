-- Runs one function of a spec in a process of its own; see process.start.
local cjson = require "cjson"

local job = cjson.decode(io.read("*l"))
local code = string.gsub(job.code, "..", function(hex) return string.char(tonumber(hex, 16)) end)
job.code = nil
local result = assert((loadstring or load)(code))(job.args)
io.stdout:write(cjson.encode(result or {}), "\n")
io.stdout:flush()

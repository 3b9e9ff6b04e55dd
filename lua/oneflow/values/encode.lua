-- A value as JSON text: exact numbers, empty lists as lists.
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local usage = require "oneflow.errors.usage"

local error, pcall = error, pcall

--- What is no data (a function) raises, as does a lack of memory.
---@return string? text
---@return { path: string, message: string }[]? problems  paths begin with "body"
return function(value)
  local good, text, problems = pcall(core.encode, value)
  if good then return text, problems end
  if errors.is_no_memory(text) then error(text, 0) end
  usage.raise(text)
end

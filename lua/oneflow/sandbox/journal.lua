-- The received requests, in order: one entry for each, written before the request is processed. The newest hundred
-- thousand are kept, so that a sandbox may run for weeks.
local M = {}
M.__index = M

local setmetatable = setmetatable
local KEPT = 100000

function M.new()
  return setmetatable({ first = 1, last = 0, entries = {} }, M)
end

function M:add(entry)
  self.last = self.last + 1
  self.entries[self.last] = entry
  if self.last - self.first >= KEPT then
    self.entries[self.first] = nil
    self.first = self.first + 1
  end
end

function M:list()
  local list = {}
  for i = self.first, self.last do list[#list + 1] = self.entries[i] end
  return list
end

function M:clear()
  self.first, self.last, self.entries = 1, 0, {}
end

return M

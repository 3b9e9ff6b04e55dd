-- Reads spec/fixtures/wire.txt: the expected request of each operation, written by hand.
local host = require "spec.support.host"

local M = {}

local EMAIL = { required = true, optional = true, free = true }

--- Operation name -> { name, method, path, email }; raises for what is no line.
function M.read()
  local lines, pairs_seen = {}, {}
  for text in io.lines(host.root .. "/spec/fixtures/wire.txt") do
    if text ~= "" and string.sub(text, 1, 1) ~= "#" then
      local name, method, path, token, email = string.match(text, "^([%l_.]+)%s+(%u+)%s+(/%S*)%s+(%l+)%s+(%l+)$")
      assert(name and token == "sent" and EMAIL[email], text)
      assert(not lines[name], name .. " occurs twice")
      local pair = method .. " " .. path
      assert(not pairs_seen[pair], pair .. " occurs twice")
      lines[name], pairs_seen[pair] = { name = name, method = method, path = path, email = email }, true
    end
  end
  return lines
end

--- The path of a line, below the base URL, with ids for its names.
function M.path(line, ids)
  return (string.gsub(line.path, "{([%l_]+)}", function(name)
    local id = assert(ids[name], line.name .. ": no id of a " .. name)
    return type(id) == "number" and string.format("%d", id) or id
  end))
end

return M

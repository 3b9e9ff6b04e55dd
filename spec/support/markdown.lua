-- The code blocks of a Markdown file.
local host = require "spec.support.host"

local M = {}

--- -> list of { language, text, line (of its first line), heading (the last one above, without `#`) }
function M.blocks(path)
  local blocks, block, number, heading = {}, nil, 0, nil
  for line in string.gmatch(assert(host.read(host.root .. "/" .. path), path), "([^\n]*)\n") do
    number = number + 1
    local fence = string.match(line, "^```(.*)$")
    if block and fence then
      block = nil
    elseif fence then
      block = { language = fence, text = "", line = number + 1, heading = heading }
      blocks[#blocks + 1] = block
    elseif block then
      block.text = block.text .. line .. "\n"
    else
      heading = string.match(line, "^#+ (.*)$") or heading
    end
  end
  return blocks
end

--- The files that its links name, from the checkout's top.
function M.links(path)
  local folder, links = string.match(path, "^(.*/)") or "", {}
  for target in string.gmatch(host.read(host.root .. "/" .. path), "%]%(([^)#]+)") do
    if not string.find(target, "^https?:") then links[#links + 1] = folder .. target end
  end
  return links
end

return M

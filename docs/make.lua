-- `make docs`: writes the files that are generated from the endpoint table. With an argument it writes nothing and
-- returns path -> text.
local written = {
  ["docs/reference.md"] = require "docs.make_reference"(),
  ["lua/oneflow/annotations.lua"] = require "docs.make_annotations"(),
}
if ... then return written end
for path, text in pairs(written) do
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

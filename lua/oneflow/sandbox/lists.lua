-- The lists that operations return: filters, order and a page, according to the endpoint table.
local query = require "oneflow.sandbox.query"
local M = {}

local ipairs = ipairs

--- One page of records in the service's envelope.
---@param records table[] in their usual order; left as they are
---@param shape fun(record: table): table
---@param makers table|nil for query.filters
function M.answer(call, records, shape, makers)
  local operation, asked = call.operation, query.parse(call.query)
  local predicates = query.filters(asked, operation.filters, makers or {})
  local kept = {}
  for _, record in ipairs(records) do
    local wanted = true
    for i = 1, #predicates do wanted = wanted and predicates[i](record) end
    if wanted then kept[#kept + 1] = record end
  end
  query.sort(asked, kept, operation.sort)
  -- Some lists of a contract may come without pages; no page says which.
  if asked.values.limit == "all" and #operation.ids > 0 then
    call.assumed = true
    return query.whole(call.base_url .. call.path, kept, shape)
  end
  return query.page(asked, call.base_url .. call.path, kept, shape)
end

return M

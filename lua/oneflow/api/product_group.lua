-- The product tables of a contract.
local fields = require "oneflow.api.fields"

return {
  item = "product_group", collection = "product_groups", parents = { "contract" },
  source = "https://developer.oneflow.com/docs/product-group",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/product_groups",
      as = "optional", returns = "product_group", answers = "any", pages = true, confidence = "ms",
      summary = "The product groups.",
    },
    {
      verb = "update", on = "collection", method = "PUT", path = "/contracts/{contract}/product_groups",
      as = "required", repeatable = false, returns = "data", body = { product_groups = fields.product_groups },
      answers = "any",
      totals = { { of = "products", max = 150, at = "product_groups", paths = { "product_groups.*.products.*" } } },
      confidence = "doc",
      summary = "Changes several groups, their configuration and products.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}/product_groups/{product_group}",
      as = "optional", returns = "product_group", answers = "same", confidence = "?", named = true,
      summary = "Reads a group.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}/product_groups/{product_group}",
      as = "required", repeatable = false, returns = "product_group", answers = "same", body = fields.product_group,
      read_only = fields.product_group_read_only, confidence = "doc",
      summary = "Changes the configuration; creates, deletes, changes and reorders products.",
    },
  },
}

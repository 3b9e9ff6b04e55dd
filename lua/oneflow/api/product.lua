-- The products of a contract, or of one of its groups.
local fields = require "oneflow.api.fields"

return {
  item = "product", collection = "products", parents = { "product_group", "contract" },
  accessors = {
    name = { "name" },
    custom_id = { "_private_ownerside", "custom_id" },
  },
  source = "https://developer.oneflow.com/docs/product-group",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/products", as = "optional",
      returns = "product", answers = "any", pages = true, confidence = "?", named = true,
      summary = "The products of all groups.",
    },
    {
      verb = "create", on = "collection", method = "POST",
      path = "/contracts/{contract}/product_groups/{product_group}/products", as = "required",
      returns = "product", answers = "new", body = fields.product,
      read_only = fields.product_read_only, confidence = "doc",
      summary = "Adds a product to a group.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}/products/{product}", as = "optional",
      returns = "product", answers = "same", confidence = "?", named = true,
      summary = "Reads a product.",
    },
    {
      verb = "update", on = "item", method = "PUT", path = "/contracts/{contract}/products/{product}",
      as = "required", returns = "product", answers = "same", body = fields.product,
      read_only = fields.product_read_only, confidence = "doc",
      summary = "Changes a product, without naming its group.",
    },
    {
      name = "product_group.product.update",
      verb = "update", on = "item", method = "PUT",
      path = "/contracts/{contract}/product_groups/{product_group}/products/{product}",
      as = "required", returns = "product", answers = "same", body = fields.product,
      read_only = fields.product_read_only, confidence = "doc",
      summary = "Changes a product of a group.",
    },
    {
      verb = "delete", on = "item", method = "DELETE", path = "/contracts/{contract}/products/{product}",
      as = "required", returns = "nothing", answers = "any", confidence = "?", named = true,
      summary = "Deletes a product.",
    },
  },
}

-- An engine without a client, with a client's defaults for everything that the spec does not set.
local core = require "oneflow.core"
local defaults = require("oneflow.options.lists").client.defaults

return function(options)
  local all = { user_agent = "spec" }
  for name, value in pairs(defaults) do all[name] = value end
  for name, value in pairs(options) do all[name] = value end
  return core.engine(all)
end

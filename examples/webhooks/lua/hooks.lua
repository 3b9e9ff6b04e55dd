-- The receiver of the service's calls. A call is only a hint, because its signature covers only the callback id: the
-- contract is fetched first, as Anna, and then handled.
local oneflow = require "oneflow"

local M = {}

local anna, receiver, folder

--- For init_by_lua: a wrong configuration raises at once, so that nginx does not start.
function M.start()
  local client, problem = oneflow.client {
    token_file = os.getenv "ONEFLOW_TOKEN_FILE" or "/etc/nginx/oneflow-token",
    base_url = os.getenv "ONEFLOW_BASE_URL", -- none: the service itself
    socket_dir = os.getenv "ONEFLOW_SOCKET_DIR", -- none: /tmp/oneflow-<user id>
  }
  if not client then error(tostring(problem), 0) end
  anna = assert(client:user "anna@example.com")
  receiver = assert(oneflow.webhook.receiver {
    sign_key = assert(os.getenv "ONEFLOW_SIGN_KEY", "ONEFLOW_SIGN_KEY is not set"),
    store = oneflow.webhook.shared "oneflow_webhooks",
  })
  folder = os.getenv "SIGNED_CONTRACTS" or ngx.config.prefix()
end

-- Returns true when the call is handled. After nil and an error the service calls again.
local function handle(delivery)
  if not delivery:has "contract:sign" then return true end
  local contract, err = delivery:contract(anna):get()
  if not contract then return nil, err end
  if contract.state ~= "signed" then return true end

  local files
  files, err = contract:files_of "contract"
  if not files then return nil, err end
  if not files[1] then return nil, "the PDF is not made yet" end
  local path
  path, err = files[1]:download { to = string.format("%s/contract-%s.pdf", folder, contract.id) }
  if not path then return nil, err end
  return true
end

--- For content_by_lua.
function M.serve() receiver:serve(handle) end

return M

-- The whole life of a contract, from the template to the signed PDF. `make example` runs it with a sandbox of the
-- service and a webhook receiver in nginx, both of which it starts, and ends afterwards. For the service itself, omit
-- the sandbox: use `oneflow.client{ token_env = "ONEFLOW_API_TOKEN" }`, and people sign by themselves.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"
local here = arg[0]:match "^(.*)/" or "."
local nginx = assert(loadfile(here .. "/support/nginx.lua"))()
local build = oneflow.build

local SIGN_KEY = "a key that only the service and the receiver know"

local box = testing.server() -- the service, on this machine
local hooks = nginx.start { from = here .. "/webhooks", token = box.token,
  env = { ONEFLOW_BASE_URL = box.base_url, ONEFLOW_SIGN_KEY = SIGN_KEY } }

local client = assert(oneflow.client { token = box.token, base_url = box.base_url })
local anna = assert(client:user "anna@example.com") -- everything through it is done as Anna
local admin = assert(client:user "admin@example.com")

-- 1. The webhook that the service calls when a contract is signed.
local webhook, done = assert(admin.webhooks:ensure {
  callback_url = hooks.url .. "/oneflow", sign_key = SIGN_KEY,
  filters = { { filter_rules = { { type = "EVENT_TYPE", values = { "contract:sign" } } } } },
})
print("webhook", done, webhook.id)

-- 2. A draft from a template: a company that signs, and an individual as viewer.
local contract, err = anna.contracts:create {
  workspace_id = 101, template_id = 201, name = "Inspections 2026",
  parties = {
    build.company { name = "Acme AB", country_code = "SE", identification_number = "556000-0020",
      build.signatory { name = "Carla Customer", email = "carla@acme.example" } },
    build.individual { country_code = "NO", build.viewer { name = "Per Example", email = "per@example.com" } },
  },
  product_groups = { build.product_group { build.product { name = "Inspection", price_1 = "1200.00", quantity = 2 } } },
}
if not contract then
  print(err) -- one line that is safe to log
  if err.outcome == "unknown" then print("It may have been made all the same: look before you make another.") end
  os.exit(1)
end
print("created", contract.id, contract.state, contract.name)

-- 3. Its data fields, and a PDF for the template's PDF section.
assert(contract.data_fields:update {
  data_fields = build.data_field_changes { start_date = "2026-03-01", ["org-nr"] = "556000-0020" },
})
contract = assert(contract:get())
print("start date", contract:data_field_values().start_date)
local file = assert(contract.files:create { path = here .. "/terms.pdf", upload_as = "expanded_pdf" })
print("uploaded", file.name, file.type)

-- 4. Publishing sends it to the participants.
contract = assert(contract:publish { subject = "Please sign", message = "The inspections of 2026." })
print("published", contract.id, contract.state)

-- 5. Carla gets a link and signs there; the sandbox has a control that does it for her.
local carla = contract:find_participants { email = "carla@acme.example" }[1]
local link = assert(carla:access_link())
box:sign { link = link.access_link }
contract = assert(contract:get())
carla = contract:find_participants { email = "carla@acme.example" }[1]
print("signed", contract.id, contract.state, carla.name)

-- 6. The service calls the webhook; the receiver (webhooks/lua/hooks.lua) verifies the call, fetches the contract and
-- downloads the signed PDF.
local delivery
repeat delivery = box:deliveries()[1] until delivery and delivery.attempts[1]
local attempt = delivery.attempts[1]
print("delivered", delivery.callback_url:match "/%w+$", attempt.status or attempt.problem)
if attempt.status ~= 200 then os.exit(1) end
local pdf = assert(io.open(hooks.folder .. "/contract-" .. contract.id .. ".pdf", "rb"))
local bytes = pdf:read "*a"
pdf:close()
print("downloaded", #bytes .. " bytes", bytes:sub(1, 8))

-- The requests that the service received.
for _, call in ipairs(box:journal()) do print("", call.operation, call.user_email, call.status) end

client:close()
hooks:stop()
box:stop()

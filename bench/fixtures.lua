-- Writes contract.json (3 KB) and page.json (100 contracts, 300 KB) to the named folder: invented data in the service's
-- form.
local folder = assert(arg[1], "fixtures.lua FOLDER")

local function template(text)
  return (string.gsub(text, "\n%s*", ""))
end

local PARTICIPANT = template [[
{"id":%d,"name":"Participant %d","email":"participant%d@example.com","phone_number":"+46700000%03d",
"title":"Head of purchasing","signatory":true,"organizer":false,"delivery_channel":"email",
"delivery_status":"delivered","sign_state":"undecided","sign_method":"standard_esign",
"two_step_authentication_method":"none","created_time":"2024-03-0%dT08:15:30+00:00",
"updated_time":"2024-03-0%dT09:15:30+00:00","_permissions":{"contract:update":true},
"_private_ownerside":{"custom_id":null}}]]

local PARTY = template [[
{"id":%d,"name":"Company %d \u00e5\u00e4\u00f6 AB","type":"company","identification_number":"556677-%04d",
"country_code":"SE","my_party":%s,"participants":[%s]}]]

local CONTRACT = template [[
{"id":%d,"state":"pending","_private":{"name":"Agreement %d","value":{"amount":"12500.50","currency":"SEK"}},
"_private_ownerside":{"template_id":%d,"workspace_id":7001,"custom_id":"crm-%d",
"created_time":"2024-03-01T08:15:30+00:00"},"created_time":"2024-03-01T08:15:30+00:00",
"updated_time":"2024-03-02T10:00:00+00:00","published_time":"2024-03-02T10:00:00+00:00",
"sign_expiry_time":null,"tags":[{"id":11,"name":"renewal"},{"id":12,"name":"nordic"}],"data_fields":[],
"parties":[%s],"_links":{"self":{"href":"https://api.oneflow.com/v1/contracts/%d"}},
"_permissions":{"contract:read":true,"contract:update":false}}]]

local PAGE = template [[
{"_links":{"self":{"href":"https://api.oneflow.com/v1/contracts"},"next":{"href":null},
"previous":{"href":null}},"count":100,"data":[%s]}]]

local function participant(id)
  return string.format(PARTICIPANT, id, id, id, id % 1000, 1 + id % 9, 1 + id % 9)
end

local function contract(id)
  local parties = {}
  for p = 1, 2 do
    local people = {}
    for q = 1, 2 do people[q] = participant(id * 10 + p * 2 + q) end
    parties[p] = string.format(PARTY, id * 10 + p, p, p, tostring(p == 1), table.concat(people, ","))
  end
  return string.format(CONTRACT, id, id, 9000 + id % 10, id, table.concat(parties, ","), id)
end

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  assert(file:write(text))
  assert(file:close())
end

local all = {}
for index = 1, 100 do all[index] = contract(4710 + index) end
write("contract.json", contract(4711))
write("page.json", string.format(PAGE, table.concat(all, ",")))

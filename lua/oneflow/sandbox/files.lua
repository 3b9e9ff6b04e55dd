-- The files of contracts and templates, and their bytes. Bytes are sent directly, or from an address of the storage:
-- signed, valid for a minute, and to be requested without credentials.
local ascii = require "oneflow.base.ascii"
local core = require "oneflow.core"
local answer = require "oneflow.sandbox.answer"
local filler = require "oneflow.sandbox.filler"
local parties = require "oneflow.sandbox.parties"
local pdf = require "oneflow.sandbox.pdf"
local query = require "oneflow.sandbox.query"
local M = {}

local ipairs, tonumber = ipairs, tonumber
local format, gsub, match = string.format, string.gsub, string.match

--- The ids of the files that every contract may have.
M.CONTRACT, M.VERIFICATION = 1, 2

-- Contracts that were signed after this date have the verification in their own PDF.
local VERIFICATION_UNTIL = "2024-01-15T13:00:00+00:00"
local STORAGE = "/_storage"
local SECONDS = 60

--- The files of a contract.
function M.of_contract(record)
  local list = { { id = M.CONTRACT, name = record.name, extension = "pdf", type = "contract" } }
  if record.state == "signed" and record.state_updated_time < VERIFICATION_UNTIL then
    list[2] = { id = M.VERIFICATION, name = "Verification", extension = "pdf", type = "verification" }
  end
  for _, file in ipairs(record.attachments) do list[#list + 1] = file end
  return list
end

--- A file of a list by its id.
function M.find(list, id)
  for _, file in ipairs(list) do
    if file.id == id then return file end
  end
end

-- Bytes --------------------------------------------------------------------------------------------------------

local function person_line(person)
  local line = format("    %s <%s>", person.name, person.email)
  if not person.signatory then return line end
  return format("%s: %s%s", line, person.sign_state,
    person.sign_state_updated_time and " " .. person.sign_state_updated_time or "")
end

local function contract_lines(record)
  local lines = { record.name, format("Contract %d, %s", record.id, record.state), "", "Made " .. record.created_time }
  if record.published_time then lines[#lines + 1] = "Published " .. record.published_time end
  for _, party in ipairs(record.parties) do
    lines[#lines + 1] = ""
    if party.name then lines[#lines + 1] = party.name .. " " .. party.identification_number end
    for _, person in ipairs(party.people) do lines[#lines + 1] = person_line(person) end
  end
  lines[#lines + 1] = ""
  for _, field in ipairs(record.fields) do
    lines[#lines + 1] = format("%s: %s", field.name, record.values[field.custom_id] or field.value or "")
  end
  return lines
end

local function verification_lines(record)
  local lines = { "Verification", format("Contract %d, signed %s", record.id, record.state_updated_time), "" }
  for person in parties.people(record) do
    if person.signatory then lines[#lines + 1] = person_line(person) end
  end
  return lines
end

--- The size of an attachment in bytes.
function M.size(file)
  return file.size or #file.bytes
end

--- The bytes of a file: a string, or a filler. `record`: the contract, if the file belongs to one.
function M.bytes(file, record)
  if file.bytes then return file.bytes end
  if file.size then return filler.new(file.size) end
  if file.type == "contract" then return pdf.document(contract_lines(record)) end
  if file.type == "verification" then return pdf.document(verification_lines(record)) end
  return file.text or pdf.document{ file.name }
end

local function content_type(file)
  return file.extension == "pdf" and "application/pdf" or "application/octet-stream"
end

local function attachment(file, kind, bytes)
  local name = gsub(file.name, '[' .. ascii.CONTROL .. '"\\/]', "_")
  return answer.raw(200, {
    ["content-type"] = kind,
    ["content-disposition"] = format('attachment; filename="%s.%s"', name, file.extension),
  }, bytes)
end

-- Storage ------------------------------------------------------------------------------------------------------

local function signature(emulator, path, expires)
  return core.sha256(format("%s\n%s\n%d", emulator.secret, path, expires))
end

--- Answers a download with the bytes, or with a redirect to the storage, depending on the sandbox's setting.
---@param path string of the file below the storage: /contracts/4711/1
function M.download(call, file, record, path)
  local emulator = call.emulator
  if emulator.downloads ~= "redirect" then return attachment(file, content_type(file), M.bytes(file, record)) end
  local expires = emulator.clock() + SECONDS
  local origin = gsub(call.base_url, "/v1$", "")
  return answer.raw(302, {
    location = format("%s%s%s?expires=%d&signature=%s", origin, STORAGE, path, expires,
      signature(emulator, path, expires)),
  }, "")
end

-- The file of a storage path, and the contract, if it belongs to one.
local function stored(emulator, path)
  local contract_id, file_id = match(path, "^/contracts/(%d+)/(%d+)$")
  if contract_id then
    local record = emulator.store:contract(tonumber(contract_id))
    return record and M.find(M.of_contract(record), tonumber(file_id)), record
  end
  local template_id, template_file = match(path, "^/templates/(%d+)/(%d+)$")
  for _, account in ipairs(emulator.store.accounts) do
    local template = account.templates[tonumber(template_id)]
    if template then return M.find(template.files or {}, tonumber(template_file)) end
  end
end

--- Is this a path of the storage?
function M.is_storage(path)
  return match(path, "^/_storage/") ~= nil
end

local function plain(status, text)
  return answer.raw(status, { ["content-type"] = "text/plain" }, text .. "\n")
end

--- Answers a request to the storage. A request with credentials is refused, as storages do, because the client has
--- given them away.
function M.serve(emulator, request)
  if request.token_sha256 or request.headers["x-oneflow-user-email"] then
    return plain(400, "The storage takes no credentials but those of its address.")
  end
  local path = match(request.path, "^/_storage(.*)$")
  local values = query.parse(request.query).values
  local expires = tonumber(values.expires)
  if not expires or signature(emulator, path, expires) ~= values.signature then
    return plain(403, "The signature is wrong.")
  end
  if expires <= emulator.clock() then return plain(403, "The address has expired.") end
  local file, record = stored(emulator, path)
  if not file then return plain(404, "No such file.") end
  return attachment(file, "binary/octet-stream", M.bytes(file, record))
end

return M

-- Files of contracts and of templates: their records, their bytes, and uploads.
local ascii = require "oneflow.base.ascii"
local answer = require "oneflow.sandbox.answer"
local check = require "oneflow.sandbox.check"
local files = require "oneflow.sandbox.files"
local guard = require "oneflow.sandbox.guard"
local links = require "oneflow.sandbox.links"
local lists = require "oneflow.sandbox.lists"
local multipart = require "oneflow.sandbox.multipart"
local query = require "oneflow.sandbox.query"
local M = {}

local ipairs = ipairs
local format, match = string.format, string.match
local concat = table.concat
local refuse_value = answer.refuse_value

-- `operation` is the one that gives it, of the contract or template with the id `owner`.
local function shape(call, operation, owner, file)
  return {
    _links = { self = links.to(call.base_url, operation, owner, file.id) },
    id = file.id, name = file.name, extension = file.extension, type = file.type,
  }
end

-- The record of a file, or with ?download=true its bytes.
local function give(call, list, place, owner, record)
  local id = check.id(call.ids.file) or check.id(call.ids.template_file)
  local file = files.find(list, id) or answer.refuse(404)
  if query.parse(call.query).values.download == "true" then
    return files.download(call, file, record, format("/%s/%d/%d", place, owner, file.id))
  end
  return shape(call, call.operation.name, owner, file)
end

M["file.list"] = function(call)
  local record = guard.contract(call)
  return lists.answer(call, files.of_contract(record), function(file)
    return shape(call, "file.get", record.id, file)
  end)
end

M["file.get"] = function(call)
  local record = guard.contract(call)
  return give(call, files.of_contract(record), "contracts", record.id, record)
end

-- Upload -------------------------------------------------------------------------------------------------------

local function allowed(extension, field)
  for _, each in ipairs(field.extensions) do
    if each == extension then return true end
  end
  return false
end

-- The file's name without its extension, and that; refuses what the service does not take.
local function check_file(file, field)
  local name, extension = match(file.filename or "", "^(.+)%.([^.]+)$")
  extension = extension and ascii.lower(extension)
  if not extension or not allowed(extension, field) then
    refuse_value("file", "Its extension must be one of: " .. concat(field.extensions, ", ") .. ".")
  end
  if #file.bytes > field.max_bytes then refuse_value("file", format("It is larger than %d bytes.", field.max_bytes)) end
  return match(name, "([^/\\]+)$") or name, extension
end

local function check_room(record, file, limits)
  local count, bytes = 0, #file.bytes
  for _, each in ipairs(record.attachments) do
    if each.type == "attachment" then count, bytes = count + 1, bytes + files.size(each) end
  end
  if count >= limits.files then
    refuse_value("file", format("A contract has at most %d attachments.", limits.files))
  end
  if bytes > limits.bytes then
    refuse_value("file", format("The attachments of a contract have at most %d bytes together.", limits.bytes))
  end
end

M["file.create"] = function(call)
  local record = guard.open_contract(call)
  local fields, request = call.operation.body, call.request
  local parts, problem = multipart.parse(request.headers["content-type"], request.body)
  if not parts then answer.refuse(400, { detail = problem }) end
  local as = parts.upload_as and parts.upload_as.bytes
  answer.refuse_problems((check.body(call.operation, { upload_as = as, file = parts.file })))
  local template = record.account.templates[record.template_id]
  local new = { id = call.store:next_id(), type = as, bytes = parts.file.bytes }
  new.name, new.extension = check_file(parts.file, fields.file)
  local kept = {}
  if as == "attachment" then
    if not template.can_receive_attachments then
      refuse_value("upload_as", "The template has no room for attachments.", true)
    end
    check_room(record, parts.file, call.operation.limits)
  else
    if new.extension ~= "pdf" then refuse_value("file", "It must be a PDF.", true) end
    if not template.can_receive_expanded_pdf then
      refuse_value("upload_as", "The template has no PDF section.", true)
    end
  end
  -- A second PDF replaces the first.
  for _, file in ipairs(record.attachments) do
    if as == "attachment" or file.type ~= as then kept[#kept + 1] = file end
  end
  kept[#kept + 1] = new
  record.attachments = kept
  call.store:changed(record)
  call.store:happen(record, "contract:content_update", guard.actor_of(call, record))
  return shape(call, "file.get", record.id, new)
end

-- Templates ----------------------------------------------------------------------------------------------------

M["template_file.get"] = function(call)
  local template = guard.template(call)
  return give(call, template.files or {}, "templates", template.id)
end

return M

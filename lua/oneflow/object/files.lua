-- Files: downloads and uploads. The bytes pass through the core: Lua never has a complete file or a secret link, except
-- a file that was requested as a string.
--
-- The parts of a file's call for the pipeline (oneflow.call):
--
--   form      what is sent, made by core.form
--   answer    a file is expected, and where it goes: "bytes", "stream" or a target made by core.target
--   sink      how the file is passed on, and the results of that:
--     watch     function(client, handle): waits until the request is done, and calls the caller's functions meanwhile
--     receive   function(bytes) -> true | nil, message: gets the complete file, from a transport in Lua
--     stopped   why the caller's sink stopped it
--     raised    { the error that the caller's progress function raised }
local ascii = require "oneflow.base.ascii"
local call = require "oneflow.call"
local check = require "oneflow.values.check"
local clock = require "oneflow.base.clock"
local core = require "oneflow.core"
local errors = require "oneflow.errors"
local lifted = require "oneflow.values.lifted"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local usage = require "oneflow.errors.usage"

local find, format, gsub, match = string.find, string.format, string.gsub, string.match
local concat = table.concat
local ipairs, next, pcall = ipairs, next, pcall

local M = {}

local PROGRESS_SECONDS = 1 / 10 -- between two calls of a progress function

-- ---- waiting with functions of the caller's ----------------------------------------------------------------------

-- Calls the caller's functions while the request runs. A sink that raises stops the download, like one that returns
-- false. An error in a progress function is reported at the end of the call and has no other effect.
local function watcher(sink, progress)
  local state, reported, reported_at = {}, -1, 0

  local function hand_on(engine, handle, bytes)
    local good, answer, why = pcall(sink, bytes)
    if good and not (answer == false or (answer == nil and why ~= nil)) then return end
    if not good then
      state.stopped = "the sink raised: " .. errors.printed(answer)
    else
      state.stopped = "the sink stopped it" .. (why ~= nil and ": " .. errors.printed(why) or "")
    end
    if engine then engine:cancel(handle) end
  end

  local function tell(done, total, last)
    local now = clock.monotonic()
    if done == reported or not (last or now - reported_at >= PROGRESS_SECONDS) then return end
    reported, reported_at = done, now
    local good, problem = pcall(progress, done, total)
    if not good then state.raised = state.raised or { problem } end
  end

  function state.watch(client, handle)
    local engine = client.engine
    local done, chunk
    reported, reported_at = -1, clock.monotonic()
    repeat
      -- one of the functions may have closed it
      done = client.closed or engine:wait(handle, progress and PROGRESS_SECONDS)
      chunk = sink and not state.stopped and engine:read(handle)
      if chunk then hand_on(engine, handle, chunk) end
      if progress and not state.stopped and not state.raised then
        local so_far, total = engine:progress(handle)
        tell(so_far, total, done and not chunk and so_far == total)
      end
    until done and not chunk
  end

  function state.receive(bytes)
    if sink and bytes ~= "" then hand_on(nil, nil, bytes) end
    if progress and not state.stopped then tell(#bytes, #bytes, true) end
    return not state.stopped, state.stopped
  end
  return state
end

-- An untrusted script may have the user, but no access to the files of this machine.
local function refuse_path(scope, operation, name, instead)
  if not scope.no_paths then return end
  usage.raise(format("%s: %s: no file is opened through this user: %s", operation, name, instead))
end

-- ---- download ----------------------------------------------------------------------------------------------------

-- The table has the operation that reads a file's record, with the same path: this is that operation under another
-- name.
local downloads = {}

local function download_of(operation)
  local own = downloads[operation]
  if not own then
    own = {
      name = gsub(operation.name, "%.[^.]*$", ".download"), method = "GET", as = operation.as, repeatable = true,
      confirmed = operation.confirmed, of_contract = operation.of_contract,
    }
    downloads[operation] = own
  end
  return own
end

---@class oneflow.Download
---@field to string?  path of the file to create or replace; it appears only when it is complete and on disk
---@field sink (fun(bytes: string): any)?  gets the file piece by piece; returning `false` or `nil, message`, or
---  raising, stops the download; while it yields, the download counts toward the client's `concurrency`
---@field progress (fun(done: integer, total: integer?))?  gets bytes, at most ten times a second; `total` may be
---  unknown. If it raises, the error goes to the client's on_error, and it is not called again

--- Downloads a file: to disk, to a function, or (with neither) as a string of at most the client's `max_body` bytes. If
--- the service redirects to a storage host, that host gets no credentials. Fails when no byte arrives for 20 s (the
--- client's `stall_timeout`); `timeout` and `attempt_timeout` apply only if the call has them. A sink or a progress
--- function is called while the call waits, so such a call blocks its thread, and is refused in nginx unless it has
--- `blocking = true`.
---@param scope table  { client =, user = }
---@param operation table
---@param path string
---@param where oneflow.Download?
---@param opts table  checked options
---@param problems oneflow.Problem[]?
---@return string|boolean? value  the path, `true` with a sink, or the bytes
---@return table|oneflow.Error meta_or_error  meta also has `bytes` and `content_type`; errors: io (a local file),
---  storage (the storage host), redirect, decode (a web page, or JSON, instead of a file), mismatch (an empty file),
---  limit, cancelled (by the sink: `detail` has its reason or error) and those of every call
function M.download(scope, operation, path, where, opts, problems)
  operation = download_of(operation)
  where = options.read(lists.download, where, operation.name)
  local to, sink, progress = where.to, where.sink, where.progress
  if to and sink then usage.raise(operation.name .. ": `to` or `sink`, not both") end
  if to then refuse_path(scope, operation.name, "to", "take a sink, or the bytes as a string") end
  problems = problems or {}
  local parts = { query = { { "download", "true" } }, answer = sink and "stream" or "bytes" }
  if sink or progress then parts.sink = watcher(sink, progress) end
  local target
  if to and not problems[1] then
    local why
    target, why = core.target(to)
    if not target then check.note(problems, "to", why) end
    parts.answer = target
    parts.sink = parts.sink or {}
    local watched = parts.sink.receive
    function parts.sink.receive(bytes)
      local good, message = target:fill(bytes)
      if good and watched then watched(bytes) end
      return good, message
    end
  end
  local good, value, meta = pcall(call.run, scope, operation, path, parts, opts, problems)
  if target then target:discard() end -- an incomplete one
  if not good then usage.throw(value) end
  if value == nil then return nil, meta end
  return to or (sink and true) or value, meta
end

-- ---- upload ------------------------------------------------------------------------------------------------------

local CONTENT_TYPES = { pdf = "application/pdf" }

-- The field of the body that is the file, and the other fields.
local function split(operation)
  local others, name, file = {}, nil, nil
  for field, rule in next, operation.body do
    if rule.type == "file" then name, file = field, rule else others[field] = rule end
  end
  return others, name, file
end

local function extension_of(name) return ascii.lower(match(name, "%.([^.]*)$") or "") end

local function among(list, value)
  for _, candidate in ipairs(list) do if candidate == value then return true end end
  return false
end

local function check_name(rule, name, given, problems)
  local good, why = core.check_file_name(name)
  if not good then return check.note(problems, given, why) end
  if not among(rule.extensions, extension_of(name)) then
    check.note(problems, given, "has none of the extensions that the service takes: " .. concat(rule.extensions, ", "))
  end
end

local function check_size(rule, size, given, problems)
  if size == 0 then
    check.note(problems, given, "is empty")
  elseif size > rule.max_bytes then
    check.note(problems, given, format("is %d bytes, more than the %d that the service takes", size, rule.max_bytes))
  end
end

---@class oneflow.Upload
---@field path string?  a local file; or
---@field content string?  its bytes
---@field name string?  the name for the service, with its extension; required with `content`
---@field upload_as "attachment"|"expanded_pdf"
---@field progress (fun(done: integer, total: integer))?  gets bytes sent, at most ten times a second; for errors see
---  Download

--- Uploads a file, from disk or from a string, piece by piece. Name, extension and size are checked before anything is
--- sent. If the file changes while it is sent, the call fails (io), and the service never gets a complete file.
---@param scope table
---@param operation table  its body has one field of type "file": { max_bytes =, extensions = }
---@param path string
---@param body oneflow.Upload
---@param opts table  checked options
---@param problems oneflow.Problem[]?
---@param make function?  with a and b, see oneflow.call
---@return any value, table|oneflow.Error meta_or_error  as for every call
function M.upload(scope, operation, path, body, opts, problems, make, a, b)
  problems = problems or {}
  local others, field, rule = split(operation)
  local plain = {}
  body = options.read(lists.upload(others), body, operation.name)
  for name in next, others do plain[name] = body[name] end
  check.body({ body = others }, plain, problems, opts.unchecked)

  local source, name = body.path, body.name
  local from = source and "body.path" or "body.content"
  if (source ~= nil) == (body.content ~= nil) then
    usage.raise(format("%s: `path` or `content` expected, one of them", operation.name))
  end
  if source then refuse_path(scope, operation.name, "path", "give the content and a name") end
  if source and find(source, "\0", 1, true) then
    check.note(problems, from, "holds a NUL byte")
    source = ""
  end
  local name_from = name and "body.name" or from
  name = name or (source and gsub(source, "^.*/", ""))
  if not name then
    check.note(problems, "body.name", "is required with content")
  elseif not lifted(opts.unchecked, name_from) then
    check_name(rule, name, name_from, problems)
    if plain.upload_as == "expanded_pdf" and extension_of(name) ~= "pdf" then
      check.note(problems, "body.upload_as", "expanded_pdf is for a .pdf")
    end
  end
  local fields = {}
  for _, other in ipairs(usage.names(others)) do
    if plain[other] then fields[#fields + 1] = { other, plain[other] } end
  end
  local safe_name = name and core.check_file_name(name) and name
  local form, why = core.form(fields, field, safe_name or "unnamed",
    CONTENT_TYPES[extension_of(safe_name or "")] or "application/octet-stream", source, body.content)
  if not form then
    check.note(problems, from, why)
  elseif not lifted(opts.unchecked, from) then
    check_size(rule, form:size(), from, problems)
  end
  if name and not safe_name and lifted(opts.unchecked, name_from) then
    check.note(problems, name_from, "is not allowed in a form")
  end

  local parts = { form = form }
  if body.progress then parts.sink = watcher(nil, body.progress) end
  return call.run(scope, operation, path, parts, opts, problems, make, a, b)
end

return M

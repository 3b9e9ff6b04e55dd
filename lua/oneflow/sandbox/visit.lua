-- The page of an access link: it shows the contract to a participant, who may sign or decline there. The link is valid
-- for six hours, and is the only credential.
local answer = require "oneflow.sandbox.answer"
local parties = require "oneflow.sandbox.parties"
local random = require "oneflow.sandbox.random"
local signing = require "oneflow.sandbox.signing"
local M = {}

local format, gsub, match = string.format, string.gsub, string.match

local SECONDS = 6 * 3600
local KEY_LENGTH = 32

--- A new link for a participant.
---@return string
function M.link(emulator, record, person)
  local key = random.text(KEY_LENGTH)
  emulator.store.links[key] = {
    record = record, person = person, expires = emulator.clock() + SECONDS,
  }
  return format("%s/contracts/%d/at/%s", (gsub(emulator.base_url, "/v1$", "")), record.id, key)
end

--- Contract, participant and party of a link, or of its path; nil and why not.
---@param link string
---@return table|nil record
---@return table|string person or why not
---@return table|nil party
function M.follow(emulator, link)
  local id, key = match(link, "/contracts/(%d+)/at/([A-Za-z0-9%-]+)")
  local found = key and emulator.store.links[key]
  if not found or format("%d", found.record.id) ~= id or found.record.gone then return nil, "There is no such link." end
  if found.expires <= emulator.clock() then return nil, "The link has expired." end
  local person, party = parties.person(found.record, found.person.id)
  if not person then return nil, "The participant was removed." end
  return found.record, person, party
end

--- Is this a path that a link leads to?
function M.is_visit(path)
  return match(path, "^/contracts/%d+/at/") ~= nil
end

local function escape(text)
  return (gsub(text, '[<>&"]', { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;" }))
end

local FORM = [[<form method="post" action="%s/sign"><button>Sign</button></form>
<form method="post" action="%s/decline"><button>Decline</button></form>]]

local function page(status, title, text)
  title = escape(title)
  return answer.raw(status, { ["content-type"] = "text/html; charset=utf-8", ["x-oneflow-sandbox"] = "assumed" },
    format('<!doctype html><meta charset="utf-8"><title>%s</title><h1>%s</h1>\n%s\n', title, title, text))
end

local function show(record, person, path)
  local text = format("<p>%s, the contract is %s.</p>", escape(person.name), record.state)
  local good, why = signing.may_sign(record, person)
  text = text .. "\n" .. (good and format(FORM, path, path) or "<p>" .. escape(why) .. "</p>")
  return page(200, record.name, text)
end

-- Records that the participant has viewed the contract.
local function note_visit(store, record, person, party)
  local now = store:now()
  if not person.first_visited_time then
    person.first_visited_time = now
    store:happen(record, "participant:first_visit", { party = party, participant = person })
  end
  person.last_visited_time, person.visits, person.delivery_status = now, person.visits + 1, "opened"
end

local ACTIONS = { sign = signing.sign, decline = signing.decline }

--- Answers a request to the path of a link: GET shows, POST to <link>/sign or <link>/decline does it.
function M.serve(emulator, request)
  local record, person, party = M.follow(emulator, request.path)
  if not record then return page(404, "Not here", "<p>" .. person .. "</p>") end
  local path, action = match(request.path, "^(/contracts/%d+/at/[A-Za-z0-9%-]+)/?(.*)$")
  if action == "" and request.method == "GET" then
    if record.state ~= "draft" then note_visit(emulator.store, record, person, party) end
    return show(record, person, path)
  end
  local act = ACTIONS[action]
  if not act or request.method ~= "POST" then return page(405, "Not so", "<p>GET the link, or POST to it.</p>") end
  local good, why = act(emulator.store, record, person, party)
  if not good then return page(409, record.name, "<p>" .. escape(why) .. "</p>") end
  return show(record, person, path)
end

return M

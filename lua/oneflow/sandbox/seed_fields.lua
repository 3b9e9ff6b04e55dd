-- The fields of a seed, in the form of the endpoint table; a contract of the seed is the body of `contract.create` with
-- additional fields for its past. `problems` checks a seed.
local api = require "oneflow.api"
local check = require "oneflow.sandbox.check"
local refuse_unknown = require "oneflow.api.field_types"
local M = {}

local pairs, ipairs, next = pairs, ipairs, next
local format = string.format

local function list(fields)
  return { type = "list", of = { type = "object", fields = fields } }
end

local function with(fields, more)
  local all = {}
  for name, field in pairs(fields) do all[name] = field end
  for name, field in pairs(more) do all[name] = field end
  return all
end

local id = { type = "id", required = true }
local name = { type = "string", required = true, min = 1, max = 130 }
local text = { type = "string" }
local time = { type = "time" }

local ids = { type = "list", of = { type = "id" } }
local flag = { type = "boolean" }

local contract = with(api.operations["contract.create"].body, {
  id = id,
  state = { type = "string", enum = api.operations["contract.list"].filters.states.enum },
  created_time = time, published_time = time, state_updated_time = time,
  tags = ids, lifecycle_settings = { type = "any_object" }, lifecycle_state = { type = "any_object" },
  files = list{
    id = { type = "id" }, name = name, extension = name, text = text,
    type = { type = "string", enum = { "attachment", "expanded_pdf" } },
  },
})

local data_field = {
  id = { type = "id" }, custom_id = name, name = name, description = text, placeholder = text, value = text,
  source = { type = "string", enum = { "user", "system" } }, active = flag,
}

local FIELDS = {
  accounts = {
    type = "list", min = 1, required = true,
    of = {
      type = "object",
      fields = {
        id = id, name = name, registration_number = text,
        country_code = { type = "string", min = 2, max = 2 },
        plan = { type = "string", enum = { "free", "business" } },
        extension = { type = "boolean" },
        created_time = time,
        workspaces = list{ id = id, name = name, description = text },
        templates = list{
          id = id, name = name, template_type_id = { type = "id" }, active = flag, tags = ids,
          workspaces = { type = "list", required = true, of = { type = "id" } },
          data_fields = list(data_field),
          can_receive_attachments = flag, can_receive_expanded_pdf = flag,
          product_groups = api.operations["product_groups.update"].body.product_groups,
          files = list{ id = id, name = name, extension = name, type = text, text = text },
          created_time = time, updated_time = time,
        },
        template_types = list{
          id = id, name = name, description = text, extension_type = text, active = flag,
          data_fields = list(data_field), created_time = time, updated_time = time,
        },
        folders = list{ id = id, name = name, workspace_id = id, parent_id = { type = "id" } },
        contacts = list(with(api.operations["contact.create"].body, {
          id = id, created_time = time, updated_time = time,
        })),
        webhooks = list(with(api.operations["webhook.create"].body, { id = id })),
        tags = list{ id = id, name = name },
        users = list{
          id = id, email = { type = "email", required = true, min = 1 }, name = name,
          title = text, phone_number = text,
          active = { type = "boolean" }, is_admin = { type = "boolean" },
          roles = list{
            workspace_id = id, role = { type = "string", required = true, enum = { "user", "viewer" } },
          },
        },
        contracts = list(contract),
      },
    },
  },
}

refuse_unknown(FIELDS, "sandbox", "seed")

-- The lists whose ids are unique over all accounts.
local NUMBERED = {
  "workspaces", "templates", "template_types", "folders", "contacts", "webhooks", "tags", "users", "contracts",
}

local function index(records)
  local found = {}
  for _, record in ipairs(records or {}) do found[record.id] = record end
  return found
end

local function must_exist(known, value, what, path, problems)
  if not known[value] then check.note(problems, path, format("No %s of this account has this id.", what)) end
end

-- Do the parents of a folder form a cycle?
local function is_inside_itself(folder, folders)
  local passed = {}
  while folder do
    if passed[folder] then return true end
    passed[folder] = true
    folder = folders[folder.parent_id or 0]
  end
  return false
end

local function check_references(account, path, problems)
  local workspaces, templates = index(account.workspaces), index(account.templates)
  local folders, tags, emails = index(account.folders), index(account.tags), {}
  for t, template in ipairs(account.templates or {}) do
    for w, workspace_id in ipairs(template.workspaces) do
      local at = format("%s.templates[%d].workspaces[%d]", path, t - 1, w - 1)
      must_exist(workspaces, workspace_id, "workspace", at, problems)
    end
    for i, tag_id in ipairs(template.tags or {}) do
      must_exist(tags, tag_id, "tag", format("%s.templates[%d].tags[%d]", path, t - 1, i - 1), problems)
    end
  end
  for f, folder in ipairs(account.folders or {}) do
    local at = format("%s.folders[%d]", path, f - 1)
    must_exist(workspaces, folder.workspace_id, "workspace", at .. ".workspace_id", problems)
    if folder.parent_id then must_exist(folders, folder.parent_id, "folder", at .. ".parent_id", problems) end
    if is_inside_itself(folder, folders) then check.note(problems, at .. ".parent_id", "It is inside itself.") end
  end
  for c, contact in ipairs(account.contacts or {}) do
    local at = format("%s.contacts[%d].workspace_id", path, c - 1)
    must_exist(workspaces, contact.workspace_id, "workspace", at, problems)
  end
  for u, user in ipairs(account.users or {}) do
    local at = format("%s.users[%d]", path, u - 1)
    if emails[user.email] then
      check.note(problems, at .. ".email", "Another user has this e-mail address.")
    end
    emails[user.email] = true
    for r, role in ipairs(user.roles or {}) do
      local place = format("%s.roles[%d].workspace_id", at, r - 1)
      must_exist(workspaces, role.workspace_id, "workspace", place, problems)
    end
  end
  for c, record in ipairs(account.contracts or {}) do
    local at = format("%s.contracts[%d]", path, c - 1)
    must_exist(workspaces, record.workspace_id, "workspace", at .. ".workspace_id", problems)
    must_exist(templates, record.template_id, "template", at .. ".template_id", problems)
    if record.folder_id then must_exist(folders, record.folder_id, "folder", at .. ".folder_id", problems) end
    for t, tag_id in ipairs(record.tags or {}) do
      must_exist(tags, tag_id, "tag", format("%s.tags[%d]", at, t - 1), problems)
    end
  end
end

local function check_ids(seed, problems)
  local seen = {}
  local function claim(kind, record_id, path)
    local key = kind .. record_id
    if seen[key] then check.note(problems, path .. ".id", "The same id as " .. seen[key] .. ".") end
    seen[key] = seen[key] or path
  end
  for a, account in ipairs(seed.accounts) do
    local path = format("accounts[%d]", a - 1)
    claim("account", account.id, path)
    for _, kind in ipairs(NUMBERED) do
      for i, record in ipairs(account[kind] or {}) do
        claim(kind, record.id, format("%s.%s[%d]", path, kind, i - 1))
      end
    end
  end
end

--- Checks a seed -> problems: path -> messages; nil if there are none.
---@param seed any
---@return table|nil
function M.problems(seed)
  local problems = check.object(seed, FIELDS, true)
  -- References are checked only if all fields are good, so the code above can rely on them.
  if not next(problems) then
    check_ids(seed, problems)
    for a, account in ipairs(seed.accounts) do
      check_references(account, format("accounts[%d]", a - 1), problems)
    end
  end
  if next(problems) then return problems end
end

return M

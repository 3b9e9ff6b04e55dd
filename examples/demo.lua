-- Demonstrates the acting user with a sandbox on this machine: each step prints the Lua code that it runs, and the
-- result below it. Exits with 0 if all results were as expected. `make demo` runs it; it needs no account and no
-- network.
local oneflow = require "oneflow"
local testing = require "oneflow.testing"

local WIDTH = 96

local box = testing.server()

-- The globals of the steps below: `print` indents and folds.
local scope = setmetatable({ oneflow = oneflow, box = box }, { __index = _G })

local function refused(kind, status)
  return function()
    local err = scope.err
    return type(err) == "table" and err.kind == kind and err.status == status and err.outcome == "refused"
  end
end

local function is_4711()
  return scope.contract.id == 4711 and scope.contract.state == "draft"
end

-- Title, the Lua code, and a condition that must hold afterwards; `message` is the error that the code raised.
local STEPS = {
  {
    "A client: it has the account's token, and no user yet",
    [[client = assert(oneflow.client{ token = box.token, base_url = box.base_url })]],
    function() return scope.client ~= nil end,
  },
  {
    "The contract, as Anna",
    [[contract = assert(client:user("anna@example.com"):contract(4711):get())
print(contract.id, contract.state, contract.name)]],
    is_4711,
  },
  {
    "The same as Sven, whose permissions do not reach it",
    [[contract, err = client:user("sven@example.com"):contract(4711):get()
print(err)]],
    refused("not_found", 404),
  },
  {
    "The same as the account's anonymous administrator, who sees all: only when said aloud",
    [[contract = assert(client:user(oneflow.ANONYMOUS_ADMIN):contract(4711):get())
print(contract.id, contract.state, contract.name)]],
    is_4711,
  },
  {
    "No acting user: a mistake in the script. It raises, and nothing is sent",
    [[contract = client:contract(4711):get()]],
    function(message) return type(message) == "string" and message:find("no acting user", 1, true) end,
  },
  {
    "A user who is not active any more",
    [[contract, err = client:contract(4711):get{ as = "inactive@example.com" }
print(err)]],
    refused("authentication", 401),
  },
  {
    "A token that is revoked",
    [[token = box:generate_token("reports")
reports = assert(oneflow.client{ token = token, base_url = box.base_url })
assert(reports:ping())
box:revoke_token("reports")
pong, err = reports:ping()
print(err)]],
    refused("authentication", 401),
  },
  {
    "A page of the contracts that Anna may see",
    [[page = assert(client:user("anna@example.com").contracts:list{ limit = 2, sort = "name" })
for i = 1, #page do print(page[i].id, page[i].state, page[i].name) end
print(#page, "of", page.count)]],
    function() return #scope.page == 2 and scope.page.count == 3 and scope.page[1].id == 4714 end,
  },
  {
    "What the server saw: which token, and who each call was made as. Step 5 is not there",
    [[journal = box:journal()
for _, call in ipairs(journal) do
  print(call.operation, call.token, call.user_email or "(no user named)", call.status)
end]],
    function() return #scope.journal == 7 and scope.journal[3].user_email == nil end,
  },
}

local function write(...) io.stdout:write(...) end

function scope.print(...)
  local line, lines = "", {}
  for i = 1, select("#", ...) do
    for word in string.gmatch(tostring((select(i, ...))), "%S+") do
      if #line + #word >= WIDTH then
        lines[#lines + 1], line = line, ""
      end
      line = line == "" and word or line .. " " .. word
    end
    line = line .. " "
  end
  lines[#lines + 1] = line
  write("     ", (string.gsub(table.concat(lines, "\n     "), " +$", "")), "\n")
end

-- Runs exactly the text that it prints; true if all results were as expected.
local function run(number, step)
  local title, text, good = step[1], step[2], step[3]
  write(string.format("\n%d. %s\n", number, title))
  for line in string.gmatch(text, "[^\n]+") do write("   > ", line, "\n") end
  scope.err = nil
  local ran, message = pcall(assert(load(text, "=script", "t", scope)))
  if not ran then scope.print(message) end
  local checked, came_out = pcall(good, not ran and message or nil)
  if checked and came_out then return true end
  write("     THIS IS NOT WHAT SHOULD HAVE COME OUT\n")
  return false
end

write("oneflow ", oneflow._VERSION, ", against a sandbox at ", box.base_url, "\n")
local failed = 0
for number, step in ipairs(STEPS) do
  if not run(number, step) then failed = failed + 1 end
end
box:stop()
if failed > 0 then
  write(string.format("\n%d of %d steps went wrong.\n", failed, #STEPS))
  os.exit(1, true)
end
write("\nEverything came out as it should.\n")

-- The command line, `oneflow`. Its sub-commands for a running sandbox come from oneflow.sandbox.controls.
local M = {}

local assert, ipairs, next, pairs, pcall = assert, ipairs, next, pairs, pcall
local require, tonumber, type = require, tonumber, type
local io, os = io, os
local concat = table.concat
local format, gmatch = string.format, string.gmatch
local sort = table.sort

local SANDBOX_HELP = [[
The service on your own machine: serves an emulation of the API on loopback until it is stopped
(SIGTERM, SIGINT, SIGHUP). When it is ready it prints one line of JSON: base_url, control_key, token, users,
contracts, accounts. The sub-commands change a sandbox that is running.]]

local SANDBOX_EXAMPLES = [[
Examples:
  oneflow sandbox --port 8080                  serve on http://127.0.0.1:8080/v1
  oneflow sandbox seed > my.json               the data of a fresh sandbox, to change and give back:
  oneflow sandbox --seed my.json

  export ONEFLOW_SANDBOX_URL=http://127.0.0.1:8080/v1 ONEFLOW_SANDBOX_KEY=...    (both from the line of JSON)
  oneflow sandbox token generate reports       prints the token, this once
  oneflow sandbox token revoke reports         for good
  oneflow sandbox extension off                now no token works
  oneflow sandbox user deactivate sven@example.com
  oneflow sandbox fault contract.publish 503 --times 2
  oneflow sandbox contracts add 250 --state draft
  oneflow sandbox sign --contract 4714 --participant pia@pilot.example
  oneflow sandbox expire 4714                  the signing period is over
  oneflow sandbox downloads redirect           files come from the sandbox's storage, by a signed address
  oneflow sandbox webhook add http://127.0.0.1:9000/hook --sign_key secret     is called from now on
  oneflow sandbox deliveries                   what it was sent, and how each try went
  oneflow sandbox journal                      what arrived, a line a request]]

-- Descriptions of the first words that several sub-commands share.
local GROUPS = {
  contracts = "Adds contracts.",
  downloads = "Chooses how files are downloaded: at once, or by a redirect.",
  extension = "Switches the account's API-token extension on or off.",
  file = "Adds files to contracts.",
  plan = "Puts an account on the free plan or on the business plan.",
  token = "Generates, lists and revokes API tokens.",
  user = "Makes users active or inactive, and gives them roles.",
  webhook = "Subscribes addresses to events, and shortens the waits of their deliveries.",
}

local function fail(text)
  io.stderr:write("oneflow: ", text, "\n")
  return 1
end

local function add_field(command, field)
  local element
  if field.required then
    element = command:argument(field.name, field.help)
  else
    element = command:option("--" .. field.name, field.help):argname("<" .. field.name .. ">")
  end
  local read = require("oneflow.values")[field.type].read
  if read then element:convert(read) end -- argparse shows the message
end

-- The command for these words under `parent`; creates the commands above it.
local function command_for(parent, words, known)
  local command, path = parent, ""
  for word in gmatch(words, "[^ \n]+") do
    path = path .. " " .. word
    known[path] = known[path] or command:command(word, GROUPS[word])
    command = known[path]
  end
  return command
end

local function add_controls(sandbox, chosen)
  local known = {}
  for _, control in ipairs(require "oneflow.sandbox.controls") do
    local commands = {}
    for words in pairs(control.commands) do commands[#commands + 1] = words end
    sort(commands, require("oneflow.base.ascii").before)
    for _, words in ipairs(commands) do
      local fixed = control.commands[words]
      local command = command_for(sandbox, words, known)
      command:description(control.help)
      command:option("--url", "Base URL of the sandbox (else ONEFLOW_SANDBOX_URL).")
      command:option("--key", "Its control key (else ONEFLOW_SANDBOX_KEY).")
      for _, field in ipairs(control.fields) do
        if fixed[field.name] == nil then add_field(command, field) end
      end
      command:action(function() chosen.control, chosen.fixed = control, fixed end)
    end
  end
end

-- The result of a control, for a shell: text unchanged, a list with one line per item.
local function show(value)
  local core = require "oneflow.core"
  if type(value) ~= "table" then
    io.stdout:write(value, "\n")
  elseif #value > 0 then
    for _, item in ipairs(value) do
      show(type(item) == "table" and core.encode(item) or format("%d", item))
    end
  elseif next(value) ~= nil then
    io.stdout:write((core.encode(value)), "\n")
  end
end

local function run_control(chosen, options)
  local url = options.url or os.getenv("ONEFLOW_SANDBOX_URL")
  local key = options.key or os.getenv("ONEFLOW_SANDBOX_KEY")
  if not url or not key then
    return fail("which sandbox? Give --url and --key, or set ONEFLOW_SANDBOX_URL and ONEFLOW_SANDBOX_KEY.")
  end
  local arguments = {}
  for name, value in pairs(chosen.fixed) do arguments[name] = value end
  for _, field in ipairs(chosen.control.fields) do
    if arguments[field.name] == nil then arguments[field.name] = options[field.name] end
  end
  local ok, run = pcall(require("oneflow.sandbox.remote").runner, url, key)
  if not ok then return fail(run) end
  local result, problem = run(chosen.control.name, arguments)
  if not result then return fail(problem) end
  if chosen.control.result then result = result[chosen.control.result] end
  show(result)
  return 0
end

local function read_seed(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read("*a")
  file:close()
  local seed, _, message = require("oneflow.core").decode(text)
  if type(seed) ~= "table" then return nil, format("%s is not JSON: %s", path, message or "not an object") end
  local problems = require("oneflow.sandbox.seed_fields").problems(seed)
  if not problems then return seed end
  local lines = require("oneflow.sandbox.check").lines(problems)
  return nil, format("%s is not a seed:\n  %s", path, concat(lines, "\n  "))
end

local function serve(options)
  local seed, problem
  if options.seed then
    seed, problem = read_seed(options.seed)
    if not seed then return fail(problem) end
  end
  return require("oneflow.sandbox.supervisor").serve({
    port = options.port, seed = seed, nginx = options.nginx, access_log = options.access_log,
    until_eof = options.until_eof,
  }, function(description)
    io.stdout:write((require("oneflow.core").encode(description)), "\n")
    io.stdout:flush()
  end, function(text) io.stderr:write(text) end)
end

local function print_seed()
  io.stdout:write((assert(require("oneflow.core").encode(require "oneflow.sandbox.seed"))), "\n")
  return 0
end

local function port(text)
  local value = tonumber(text)
  if value and value >= 0 and value <= 65535 and value % 1 == 0 then return value end
  return nil, "a port is a number from 0 to 65535: " .. text
end

local function parser_for(chosen)
  local parser = require("argparse")("oneflow", "A client for the contract API of Oneflow AB.")
  parser:flag("--version", "Prints the version."):action(function()
    io.stdout:write("oneflow ", require "oneflow.version", "\n")
    os.exit(0)
  end)
  parser:require_command(true)
  parser:epilog("Start with: oneflow sandbox --help")
  local sandbox = parser:command("sandbox", SANDBOX_HELP):epilog(SANDBOX_EXAMPLES)
  sandbox:require_command(false)
  sandbox:option("--port", "The port to listen on; 0 chooses a free one."):convert(port):default("0")
  sandbox:option("--seed", "A JSON file with the data to start from."):argname("<file>")
  sandbox:option("--nginx", "The nginx program."):argname("<path>")
  sandbox:option("--access-log", "Where nginx writes what arrived; of tokens their SHA-256."):argname("<file>")
  sandbox:flag("--until-eof", "Stop when standard input ends, too: for programs that start it.")
  sandbox:command("seed", "Prints the data of a fresh sandbox as JSON."):action(function()
    chosen.run = print_seed
  end)
  add_controls(sandbox, chosen)
  return parser
end

--- Runs a command line.
---@param arguments string[]
---@return integer exit status
function M.main(arguments)
  local found = pcall(require, "argparse")
  if not found then return fail("lua-argparse is missing. On Debian: apt-get install lua-argparse") end
  local chosen = {}
  local options = parser_for(chosen):parse(arguments)
  if chosen.control then return run_control(chosen, options) end
  return (chosen.run or serve)(options)
end

return M

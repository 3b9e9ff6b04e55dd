-- Options: one reader by lists, which copies; and what is said of defaults and ranges is what the lists say.
local core = require "oneflow.core"
local lists = require "oneflow.options.lists"
local options = require "oneflow.options.reader"
local oneflow = require "oneflow"

local function contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- The numbers that a text gives: "3; 1 to 1000", "32 MiB". In names, such as `utf8`, there are none.
local function numbers(text)
  local out = {}
  for number, unit in string.gmatch(" " .. text, "[^%w_](%d+) ?(%a*)") do
    out[#out + 1] = tonumber(number) * (unit == "MiB" and 2 ^ 20 or unit == "KiB" and 2 ^ 10 or 1)
  end
  return out
end

-- List -> where it is annotated, and the classes there.
local ANNOTATED = {
  client = { "client/init", "ClientOptions" }, hooks = { "client/init", "Hooks" },
  call = { "object/init", "Options" }, walk = { "object/init", "Options", "WalkOptions" },
  gather = { "gather/map", "GatherOptions" }, receiver = { "webhook/receiver", "ReceiverOptions" },
  download = { "object/files", "Download" },
}

--- Names -> what their annotations say.
local function fields_of(file, ...)
  local text, fields = contents("lua/oneflow/" .. file .. ".lua") .. "\n", {}
  for _, class in ipairs { ... } do
    local body = assert(string.match(text, "\n(%-%-%-@class oneflow%." .. class .. "[ :\n].-)\n[^-]"), class)
    for name, said in string.gmatch(body, "%-%-%-@field ([%w_]+)([^\n]*)") do fields[name] = said end
  end
  return fields
end

describe("options:", function()
  it("a table that is written to after it was given changes nothing, and nested ones neither", function()
    local retry, hooks = { attempts = 2 }, { on_request = print }
    local given = { token = "secret", retry = retry, hooks = hooks, drain = 0 }
    local read = options.read(lists.client, given)
    retry.attempts, hooks.on_request, hooks.on_response, given.drain = "many", error, error, 60
    assert.same({ attempts = 2 }, read.retry)
    assert.same({ on_request = print }, read.hooks)
    assert.equal(0, read.drain)
  end)

  it("a default counts where nothing is given; false and the ends of a range are given", function()
    local read = options.read(lists.client, { token = "secret", retry = false, concurrency = 1000, stall_timeout = 1 })
    assert.same({ false, 1000, 1 }, { read.retry, read.concurrency, read.stall_timeout })
    for name, option in pairs(lists.client.options) do
      local given = name == "token" or name == "retry" or name == "concurrency" or name == "stall_timeout"
      if not given then assert.equal(option.default, read[name]) end
    end
  end)

  it("names, types and ranges are refused by their whole path, at the caller's line", function()
    for message, given in pairs {
      ["oneflow.client: unknown option \"tiemout\"; did you mean \"timeout\"?"] = { tiemout = 1 },
      ["oneflow.client: unknown option \"user\"; a client has no default user"] = { user = "anna@example.com" },
      ["oneflow.client: unknown option [number]"] = { "secret" },
      ["oneflow.client: a table of options expected, got string"] = "secret",
      ["hooks has no field \"on_reqest\"; did you mean \"on_request\"?"] = { hooks = { on_reqest = print } },
      ["hooks.on_error: function expected, got boolean"] = { hooks = { on_error = true } },
      ["hooks: table expected, got function"] = { hooks = print },
      ["retry has no field \"count\"; known: attempts"] = { retry = { count = 3 } },
      ["retry.attempts: integer from 1 to 10 expected"] = { retry = { attempts = 11 } },
      ["retry: false or { attempts = n } expected, got boolean"] = { retry = true },
      ["drain: seconds from 0 to 60 expected"] = { drain = 61 },
      ["drain: number of seconds expected, got string"] = { drain = "1" },
      ["connect_timeout: more than 3600: seconds, not milliseconds"] = { connect_timeout = 5000 },
      ["max_body: integer from 1 to 1099511627776 expected"] = { max_body = 0.5 },
      ["environment: \"production\" or \"test\" expected"] = { environment = "staging" },
      ["app: \"name/version\" expected"] = { app = "mine" },
      ["token: string or function expected, got table"] = { token = {} },
      ["base_url: string expected, got number"] = { base_url = 1 },
    } do
      local good, raised = pcall(function() return (oneflow.client(given)) end)
      assert.is_false(good, message)
      assert.is_truthy(string.find(raised, "options_spec.lua:%d+: oneflow: "), raised)
      assert.is_truthy(string.find(raised, message, 1, true), raised)
    end
    local good, raised = pcall(function() return (oneflow.client()) end)
    assert.is_false(good)
    assert.is_truthy(string.find(raised, "a table of options expected, got nil", 1, true), raised)
  end)

  it("an engine has no defaults of its own: a number that is not given raises", function()
    for _, name in ipairs { "connect_timeout", "concurrency", "max_body", "stall_timeout", "drain" } do
      local given = { base_url = "http://127.0.0.1:1", token = "secret", user_agent = "spec" }
      for option, default in pairs(lists.client.defaults) do given[option] = default end
      assert(core.engine(given))
      for got, value in pairs { ["nil"] = false, string = "3" } do
        given[name] = value or nil
        local good, raised = pcall(core.engine, given)
        assert.is_false(good, name)
        assert.is_truthy(string.find(raised, name .. ": number expected, got " .. got, 1, true), raised)
      end
    end
  end)

  it("tables that a method has of its own are read in the same way", function()
    local client = assert(oneflow.client { token = "secret" })
    local contract = assert(client:user "anna@example.com"):contract(4711)
    for message, call in pairs {
      ["client:user: unknown option \"path\"; did you mean \"paths\"?"] = function()
        return (client:user("anna@example.com", { path = false }))
      end,
      ["paths: boolean expected, got string"] = function()
        return (client:user("anna@example.com", { paths = "no" }))
      end,
      ["client:user: { paths = } expected, got boolean"] = function()
        return (client:user("anna@example.com", false))
      end,
      ["request has no field \"headres\"; did you mean \"headers\"?"] = function()
        return (client:request("GET", "/ping", { headres = {} }))
      end,
      ["file.download has no field \"from\"; known: progress, sink, to"] = function()
        return (contract:file(1):download { from = "here" })
      end,
      ["\"timeout\" is an option: pass it in the table after this one"] = function()
        return (contract.files:create { content = "x", timeout = 3 })
      end,
      ["unknown option \"prefetsh\"; did you mean \"prefetch\"?"] = function()
        return (contract.parties:each({}, { prefetsh = true }))
      end,
    } do
      local good, raised = pcall(call)
      assert.is_false(good, message)
      assert.is_truthy(string.find(raised, "options_spec.lua:%d+: oneflow: "), raised)
      assert.is_truthy(string.find(raised, message, 1, true), raised)
    end
  end)

  it("every option is annotated, with its default and its range where one is said", function()
    for list_name, where in pairs(ANNOTATED) do
      local list, fields = lists[list_name].options, fields_of((table.unpack or unpack)(where))
      for name in pairs(fields) do assert.is_truthy(list[name], where[2] .. "." .. name .. " is no option") end
      for name, option in pairs(list) do
        local what = where[#where] .. "." .. name
        local said = numbers(string.match(assert(fields[name], what), "%(([^()]*%d[^()]*)%)") or "")
        local default = option.default
        if list_name == "call" or list_name == "walk" then -- what a call leaves out is its client's
          default = default or name ~= "retry" and (lists.client.options[name] or {}).default
        end
        if default then assert.equal(default, said[1], what) end
        if default and said[3] then assert.same({ option.from, option.to }, { said[2], said[3] }, what) end
      end
    end
  end)

  it("the documents say the defaults of a client's options", function()
    local seen = 0
    for _, path in ipairs { "README.md", "docs/objects.md", "docs/files.md", "docs/many.md", "docs/nginx.md",
                            "docs/c.md", "docs/cookbook.md" } do
      for name, said in string.gmatch(contents(path), "`([%l_]+)` (%b())") do
        local option = lists.client.options[name]
        local default = option and option.default and numbers(said)[1]
        if default then
          assert.equal(option.default, default, path .. ": `" .. name .. "` " .. said)
          seen = seen + 1
        end
      end
    end
    assert.is_true(seen >= 7, tostring(seen))
  end)
end)

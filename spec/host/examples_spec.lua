-- Examples and docs are true: every example runs unchanged, and so does every Lua block of the README and of docs/,
-- against a sandbox.
local core = require "oneflow.core"
local host = require "spec.support.host"
local markdown = require "spec.support.markdown"
local nginx = require "spec.support.nginx"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local testing = require "oneflow.testing"
local uv = require "luv"

local ANNA, SVEN, ADMIN = "anna@example.com", "sven@example.com", "admin@example.com"
local KEY = "a-sign-key-of-the-specs"

-- "operation user status" of each call
local function seen(box)
  local calls = {}
  for i, call in ipairs(box:journal()) do
    calls[i] = table.concat({ call.operation, call.user_email or "nobody", call.status }, " ")
  end
  return calls
end

local function count(list, item)
  local number = 0
  for _, each in ipairs(list) do
    if each == item then number = number + 1 end
  end
  return number
end

describe("examples/contract.lua:", function()
  local folder
  before_each(function() folder = host.folder() end)
  after_each(function()
    process.clean()
    host.remove(folder)
  end)

  local function run(path)
    local child = process.spawn { host.executable, path, env = { TMPDIR = folder } }
    return child:wait()
  end

  it("from the template to the signed PDF, each call as the right user, and all files removed", function()
    local code, signal, output, errors = run(host.root .. "/examples/contract.lua")
    assert.same({ 0, 0, "" }, { code, signal, errors }, output)
    local id = string.match(output, "\ncreated\t(%d+)\tdraft\t")
    assert.is_truthy(id, output)
    for _, line in ipairs {
      "start date\t2026-03-01", "uploaded\tterms\texpanded_pdf", "published\t" .. id .. "\tpending",
      "signed\t" .. id .. "\tsigned\tCarla Customer", "delivered\t/oneflow\t200",
    } do assert.is_truthy(string.find(output, "\n" .. line .. "\n", 1, true), line .. "\n" .. output) end
    assert.is_truthy(string.find(output, "\ndownloaded\t%d+ bytes\t%%PDF%-1%.%d\n"), output)
    local calls = {}
    for operation, user, status in string.gmatch(output, "\n\t(%S+)\t(%S+)\t(%d+)") do
      assert.equal("200", status)
      calls[#calls + 1] = operation .. " " .. user
    end
    -- Behind the access link three are the receiver's, in nginx, once, and only after a call that it verified; beside
    -- them is one of the script's. Which comes first is open.
    local beside = {}
    for i = 9, #calls do beside[#beside + 1], calls[i] = calls[i], nil end
    table.sort(beside)
    assert.same({
      "webhook.list " .. ADMIN, "webhook.create " .. ADMIN, "contract.create " .. ANNA, "data_fields.update " .. ANNA,
      "contract.get " .. ANNA, "file.create " .. ANNA, "contract.publish " .. ANNA, "participant.access_link " .. ANNA,
    }, calls)
    assert.same({
      "contract.get " .. ANNA, "contract.get " .. ANNA, "file.get " .. ANNA, "file.list " .. ANNA,
    }, beside)
    assert.equal("", host.shell("ls " .. folder))
  end)

  it("with a receiver that has another sign key the call is refused, and the example fails", function()
    host.shell("cp -r " .. host.root .. "/examples " .. folder .. "/examples")
    local path = folder .. "/examples/contract.lua"
    local text, changes = string.gsub(host.read(path), "ONEFLOW_SIGN_KEY = SIGN_KEY", "ONEFLOW_SIGN_KEY = 'another'")
    assert.equal(1, changes)
    host.write(path, text)
    local code, _, output, errors = run(path)
    assert.equal(1, code, errors)
    assert.is_truthy(string.find(output, "delivered\t/oneflow\t401", 1, true), output)
    assert.is_nil(string.find(output, "downloaded", 1, true))
    assert.is_truthy(string.find(errors, "signature", 1, true), errors)
    process.eventually("the end of nginx", function() return host.shell("ls " .. folder) == "examples\n" end)
  end)
end)

describe("examples/demo.lua:", function()
  it("everything came out as it should", function()
    finally(process.clean)
    local code, _, output, errors = process.spawn({ host.executable, host.root .. "/examples/demo.lua" }):wait()
    assert.same({ 0, "" }, { code, errors }, output)
  end)
end)

describe("code in the documents:", function()
  local box, folder, printed, files, former
  local clients = {} -- made by the blocks
  setup(function() box = testing.server() end)
  teardown(function() box:stop() end)
  before_each(function()
    box:reset()
    box:clear_journal()
    folder, printed, files, former = host.folder(), {}, {}, uv.cwd()
    for name, value in pairs { ONEFLOW_API_TOKEN = box.token, ONEFLOW_SIGN_KEY = KEY, SIGNED_CONTRACTS = folder,
      TOKEN_STORE = host.write(folder .. "/token", box.token .. "\n") } do uv.os_setenv(name, value) end
    assert(uv.chdir(folder))
  end)
  after_each(function()
    assert(uv.chdir(former))
    for _, name in ipairs { "ONEFLOW_API_TOKEN", "ONEFLOW_SIGN_KEY", "SIGNED_CONTRACTS", "TOKEN_STORE" } do
      uv.os_unsetenv(name)
    end
    for _, client in ipairs(clients) do client:close() end
    clients = {}
    process.clean()
    host.remove(folder)
  end)

  -- The library as the documents name it; its clients go to the sandbox, or to `base_url`.
  local function library(base_url)
    return setmetatable({ client = function(options)
      local copy = { base_url = base_url or box.base_url }
      for name, value in pairs(options) do copy[name] = value end
      local client, err = oneflow.client(copy)
      clients[#clients + 1] = client
      return client, err
    end }, { __index = oneflow })
  end

  -- Runs a block; `given` are its globals beside Lua's. What it prints is a line of `printed`.
  local function run(path, block, before, given, base_url, on_print)
    local text = string.rep("\n", block.line - 1 - select(2, string.gsub(before, "\n", ""))) .. before .. block.text
    local ours = library(base_url)
    local environment = setmetatable({
      require = function(name) return name == "oneflow" and ours or require(name) end,
      io = setmetatable({ write = function() end, stderr = { write = function() end } }, { __index = io }),
      print = function(...)
        local words = {}
        for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
        printed[#printed + 1] = table.concat(words, " ")
        if on_print then on_print(printed[#printed]) end
      end,
    }, { __index = function(_, name)
      local value = given[name]
      if value == nil then value = _G[name] end
      if value == nil then error("no global " .. tostring(name), 2) end
      return value
    end })
    local chunk
    if setfenv then -- LuaJIT
      chunk = setfenv(assert(loadstring(text, "@" .. path)), environment)
    else
      chunk = assert(load(text, "@" .. path, "t", environment))
    end
    return chunk()
  end

  local function has(line)
    for _, each in ipairs(printed) do
      if string.find(each, line, 1, true) then return each end
    end
    error("not printed: " .. line .. "\n" .. table.concat(printed, "\n"), 2)
  end

  -- What must have come of each section of the cookbook: `before` is done first, and may give another base URL.
  local COOKBOOK = {
    ["Cookbook"] = { after = function() assert.same({}, seen(box)) end },
    ["Many contracts at once"] = { after = function()
      local calls = seen(box)
      assert.same({ 2, 2 }, { #calls, count(calls, "contract.create " .. ANNA .. " 200") })
      has "Acme AB "
      has "Berg AB "
      has "Ceder AB contract.create as anna@example.com: validation, not_sent"
      assert.equal(3, #printed)
    end },
    ["The signed contracts of a month, on disk"] = {
      before = function()
        box:add_contracts(30, { state = "signed", workspace_id = 101, template_id = 201,
          published_from = "2025-10-01T00:00:00+00:00", published_to = "2025-10-02T00:00:00+00:00" })
      end,
      after = function()
        assert.same({ "4713.pdf", "token" }, files)
        assert.equal("%PDF-", string.sub(host.read(folder .. "/4713.pdf"), 1, 5))
        has "Yearly maintenance"
        assert.equal(1, #printed)
        assert.equal(1, count(seen(box), "file.get " .. ANNA .. " 200"))
      end,
    },
    ["Rename, extend, remind"] = { after = function()
      assert.same({ "contract.update " .. ANNA .. " 200", "reminder.create " .. ANNA .. " 200" }, seen(box))
      assert.equal(1, #printed)
      assert.is_truthy(string.find(printed[1], "^Pilot project, second try 20%d%d%-%d%d%-%d%d$"), printed[1])
    end },
    ["Products and money"] = { after = function()
      assert.same({ "contract.create " .. ANNA .. " 200" }, seen(box))
      assert.same({ "3400.05 SEK" }, printed)
    end },
    ["A webhook, whenever the program starts"] = { twice = true, after = function()
      assert.same({ "webhook.list " .. ADMIN .. " 200", "webhook.create " .. ADMIN .. " 200",
        "webhook.list " .. ADMIN .. " 200" }, seen(box))
      has " created"
      has " unchanged"
    end },
    ["A token that changes"] = {
      -- The first token was revoked; a second request gets the new one.
      before = function() host.write(folder .. "/token", "a-token-that-was-revoked-long-ago-000000\n") end,
      on_print = function(line)
        if string.find(line, "first", 1, true) then host.write(folder .. "/token", box.token .. "\n") end
      end,
      after = function()
        assert.same({ "asked for a token first", "asked for a token refused" }, printed)
        assert.same({ "ping nobody 401", "ping nobody 200" }, seen(box))
      end,
    },
    ["A user for each call"] = { after = function()
      assert.same({ "contract.list " .. ANNA .. " 200", "contract.list " .. SVEN .. " 200" }, seen(box))
      has "anna@example.com Service agreement"
      has "sven@example.com Office chairs"
      has "no acting user"
    end },
    ["When it is not known whether it was done"] = {
      -- A real gateway: the service does what it was asked, and the answer says 502.
      before = function()
        local origin = string.match(box.base_url, "^http://[^/]+")
        return nginx.start({ lua = true, server = "location / { proxy_pass " .. origin .. "; }\n"
          .. "location ^~ /relayed/ { internal; proxy_pass " .. origin .. "/; }\n"
          .. "location ~ /(create|publish)$ { content_by_lua_block { ngx.req.read_body() "
          .. "ngx.location.capture('/relayed' .. ngx.var.uri, { method = ngx.HTTP_POST, always_forward_body = true }) "
          .. "return ngx.exit(502) } }" }).url .. "/v1"
      end,
      after = function(part)
        local calls = seen(box)
        if part == 1 then
          assert.same({ "contract.publish " .. ANNA .. " 200", "contract.get " .. ANNA .. " 200" }, calls)
          assert.same({ "pending" }, printed)
        else
          assert.same({ "contract.create " .. ANNA .. " 200", "contract.list " .. ANNA .. " 200",
            "contract.get " .. ANNA .. " 200" }, calls)
          assert.same({ "Order 2026-0117" }, printed)
        end
      end,
    },
  }

  -- Those with code, in order; the first block is what each of the others begins with.
  local blocks = markdown.blocks "docs/cookbook.md"
  local beginning = blocks[1].text
  for i, block in ipairs(blocks) do
    local part = i > 1 and blocks[i - 1].heading == block.heading and 2 or 1
    it("docs/cookbook.md: " .. block.heading .. (part > 1 and ", part " .. part or ""), function()
      assert.equal("lua", block.language)
      local case = assert(COOKBOOK[block.heading], "what must come of this section?")
      local base_url = case.before and case.before()
      for _ = 1, case.twice and 2 or 1 do
        run("docs/cookbook.md", block, i > 1 and beginning or "", {}, base_url, case.on_print)
      end
      for name in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do files[#files + 1] = name end
      table.sort(files)
      case.after(part)
    end)
  end

  it("docs/cookbook.md: what was not done is not done again, but reported", function()
    local found = 0
    for _, block in ipairs(blocks) do
      if block.heading == "When it is not known whether it was done" then
        found = found + 1
        local operation = ({ "contract.publish", "contract.create" })[found]
        box:clear_journal()
        box:fault(operation, { status = 503, times = 1 })
        local good, err = pcall(run, "docs/cookbook.md", block, beginning, {})
        assert.is_false(good)
        assert.same({ operation, "unknown" }, { err.operation, err.outcome })
        assert.same({ operation .. " " .. ANNA .. " 503",
          (found == 1 and "contract.get " or "contract.list ") .. ANNA .. " 200" }, seen(box))
      end
    end
    assert.equal(2, found)
  end)

  it("docs/cookbook.md has every section that something must come of", function()
    local found = {}
    for _, block in ipairs(blocks) do found[block.heading] = true end
    for heading in pairs(COOKBOOK) do assert.is_true(found[heading], heading) end
  end)

  -- The others' blocks run with these globals. What each sends, and that all of it was granted, is looked at: a bad
  -- name raises, a bad value is not sent.
  local function shown()
    box:set_role(SVEN, 101, "user")
    host.write(folder .. "/terms.pdf", host.read(host.root .. "/examples/terms.pdf"))
    local client = box:client()
    clients[#clients + 1] = client
    local sven, anna = assert(client:user(SVEN)), assert(client:user(ANNA))
    local given = {
      oneflow = library(), client = client, sven = sven, anna = anna, admin = assert(client:user(ADMIN)),
      contract = assert(sven:contract(4711):get()), key = KEY, alert_a_person = function() end,
      text = "print(user.contracts:list().count)", out = { write = function() end },
    }
    local found, cqueues = pcall(require, "cqueues")
    if found then given.cqueues = cqueues end
    return given
  end

  -- By document, heading and number below it; the operations, in order of their names where they run at once.
  local SENDS = {
    ["README.md, oneflow 1"] = "contract.get contract.publish contract.list",
    ["README.md, Your token 1"] = "contract.get",
    ["README.md, Acting users 1"] = "contract.list",
    ["README.md, Objects 1"] = "contract.list contract.create contract.update contract.delete party.list "
      .. "participant.create data_field.update user.list account.get ping template.list",
    ["README.md, Objects 2"] = "contract.create",
    ["README.md, Files 1"] = "file.create file.list file.get",
    ["README.md, Errors and outcomes 1"] = "contract.publish",
    ["README.md, Many at once 1"] = "contract.get contract.get contract.get contract.get contract.list ping ping",
    ["README.md, A sandbox for your own scripts 1"] = "", -- it has one of its own
    ["docs/objects.md, Hooks 1"] = "",
    ["docs/objects.md, Times and money 1"] = "",
    ["docs/files.md, Files 1"] = "file.get file.get file.get file.create file.create",
    ["docs/many.md, Many at once 1"] = "contract.get",
    ["docs/webhooks.md, Webhooks 1"] = "webhook.list webhook.create",
  }

  local ran = {}
  for _, path in ipairs { "README.md", "docs/objects.md", "docs/files.md", "docs/many.md", "docs/webhooks.md",
    "docs/nginx.md", "docs/c.md" } do
    local heading, part
    for _, block in ipairs(markdown.blocks(path)) do
      if block.language == "lua" then
        part = block.heading == heading and part + 1 or 1
        heading = block.heading
        local name = string.format("%s, %s %d", path, string.match(heading, "^[^:]*"), part)
        ran[name] = true
        it(name, function()
          local given = shown()
          box:clear_journal()
          run(path, block, "", given)
          local operations = {}
          for i, call in ipairs(box:journal()) do
            assert.equal(200, call.status, call.operation)
            operations[i] = call.operation
          end
          if block.heading == "Many at once" then table.sort(operations) end
          assert.equal(SENDS[name], table.concat(operations, " "))
        end)
      end
    end
  end

  it("there are such blocks, and files, where the documents say so", function()
    for name in pairs(SENDS) do assert.is_true(ran[name], name) end
    local links = 0
    for _, path in ipairs { "README.md", "docs/cookbook.md", "docs/objects.md", "docs/files.md", "docs/many.md",
      "docs/webhooks.md", "docs/nginx.md", "docs/c.md", "examples/nginx/README.md" } do
      for _, name in ipairs(markdown.links(path)) do
        assert.is_truthy(uv.fs_stat(host.root .. "/" .. name), path .. " links to " .. name)
        links = links + 1
      end
    end
    local readme, makefile = host.read(host.root .. "/README.md"), host.read(host.root .. "/Makefile")
    for _, pattern in ipairs { "\n    make ([%l-]+)", "`make ([%l-]+)`" } do
      for target in string.gmatch(readme, pattern) do
        assert.is_truthy(string.find(makefile, "\n" .. target .. ":", 1, true), "make " .. target)
        links = links + 1
      end
    end
    assert.is_true(links > 30, tostring(links))
  end)

  it("README.md, Webhooks: the receiver in a real nginx", function()
    local text
    for _, block in ipairs(markdown.blocks "README.md") do
      if block.heading == "Webhooks" and block.language == "nginx" then text = block.text end
    end
    local main, http, server = string.match(text, "^(.-)\nhttp {\n(.-)  server {(.*)} } }\n}\n$")
    local count_of
    http, count_of = string.gsub(http, "init_by_lua_block {", "%0 function enqueue(id) ngx.shared.queue:set(id, 1) "
      .. "return true end")
    assert.equal(1, count_of)
    local web = nginx.start { lua = true, main = main, env = { ONEFLOW_SIGN_KEY = KEY, LUA_PATH = false,
      LUA_CPATH = false }, server = server .. "} }\nlocation /seen { content_by_lua_block { "
      .. "ngx.print(table.concat(ngx.shared.queue:get_keys(), ' ')) } }",
      http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; lua_package_cpath "
        .. "'%s/build/luajit/?.so;;'; lua_shared_dict queue 1m;\n", host.root, host.root, host.root) .. http }
    local function post(key)
      local body = assert(core.encode { callback_id = "a", contract = { id = 4711 },
        events = { { id = 1, type = "contract:sign" } }, signature = oneflow.webhook.sign("a", key) })
      host.write(folder .. "/body", body)
      return host.shell("curl -sS -o /dev/null -w '%{http_code}' --data-binary @" .. folder .. "/body " .. web.url
        .. "/oneflow")
    end
    assert.equal("401", post "another", web:error_log())
    assert.equal("", host.shell("curl -sS " .. web.url .. "/seen"))
    assert.equal("200", post(KEY), web:error_log())
    assert.equal("4711", host.shell("curl -sS " .. web.url .. "/seen"))
  end)
end)

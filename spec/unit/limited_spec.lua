-- What a script that is not trusted is given, and what is withheld from it.
local limited = require "oneflow.limited"
local oneflow = require "oneflow"
local operations = require "spec.support.operations"
local testing = require "oneflow.testing"

local EVA = "eva@example.com"

describe("limited scripts:", function()
  local client, eva, sent
  before_each(function()
    sent = {}
    client = assert(oneflow.client { token = ("k"):rep(40), base_url = "http://127.0.0.1:1/v1",
      transport = function(request)
        sent[#sent + 1] = request.path .. " as " .. tostring(request.headers["x-oneflow-user-email"])
        return 200, {}, string.format('{"id":%d,"count":2,"data":[{"id":%d}]}', operations.id_of(request.path), #sent)
      end })
    eva = assert(client:user(EVA))
  end)

  local function refused(given, ...)
    local good, message = pcall(limited.load, "return 1", "x.lua", given)
    assert.is_false(good)
    assert.is_truthy(string.find(message, "limited_spec.lua:%d+: oneflow: limited: "), message)
    for _, piece in ipairs { ... } do assert.is_truthy(string.find(message, piece, 1, true), message) end
  end

  it("are given no client, and nothing that a client reached, at any depth", function()
    local as = { as = EVA }
    local held = {
      client, client.contracts, client:contract(7), client:account(), client:contract(7).parties,
      client.contracts:each(nil, as), client.contracts:pages(nil, as), assert(client:contract(7):get(as)),
      assert(client.contracts:list(nil, as)), assert(client.contracts:list(nil, as))[1],
    }
    for _, object in ipairs(held) do
      local loop = { object = object }
      loop.loop = loop
      refused({ thing = object }, "limited: thing: ", 'give client:user("anna@example.com")')
      refused({ thing = { deep = { object } } }, "limited: thing.deep[...]: ")
      refused({ thing = { [object] = true } }, "limited: thing[...]: ")
      refused({ thing = loop }, "limited: thing.object: ")
      refused({ [object] = 1 }, "limited: [...]: ")
    end
  end)

  it("are given nothing else that leads to a client, and no module", function()
    local box = testing.sandbox {}
    refused({ box = box }, "a box has the token")
    refused({ make = oneflow.client }, "oneflow.client makes clients")
    refused({ tools = { sandbox = testing.sandbox } }, "tools.sandbox: oneflow.testing.sandbox makes clients")
    refused({ tools = { testing.server } }, "oneflow.testing.server starts a process")
    refused({ g = oneflow.gatherer() }, "oneflow gatherer runs what else the host put into it")
    refused({ hooks = oneflow.webhook.receiver { unsigned = true } }, "oneflow webhook receiver decides")
    refused({ oneflow = oneflow }, "oneflow: a script could change the module oneflow")
    refused({ lib = { s = string } }, "lib.s: a script could change the module string")
    refused({ env = _G }, "the module _G")
    refused(5, "a table of globals expected")
  end)

  it("are given a user and what was reached through one, by which no file is opened", function()
    local given = {
      user = eva, contracts = eva.contracts, contract = eva:contract(7), loaded = assert(eva:contract(7):get()),
      page = assert(eva.contracts:list { limit = 1 }), each = eva.contracts:each(), pages = eva.contracts:pages(),
    }
    local opened = {}
    local function try(what, item)
      for how, call in pairs {
        download = function() return item:file(1):download { to = "/tmp/never" } end,
        upload = function() return item.files:create { path = "/etc/hostname", upload_as = "attachment" } end,
      } do
        local good, message = pcall(call)
        if good then opened[#opened + 1] = what .. " " .. how end
        assert.is_truthy(good or string.find(message, "no file is opened through this user", 1, true), message)
      end
    end
    given.try, given.ipairs = try, ipairs
    local text = [[
      try("user", user:contract(1)) try("contract", contract) try("loaded", loaded)
      for _, c in ipairs(contracts:list()) do try("collection", c) end
      try("create", contracts:create { workspace_id = 1, template_id = 2 })
      for _, c in ipairs(page) do try("page", c) end
      for _, c in ipairs(page:next()) do try("next page", c) end
      try("each", each())
      local first = pages()
      try("pages", first[1])
      try("pages' next", first:next()[1]) ]]
    assert(limited.load(text, "x.lua", given))()
    assert.same({}, opened)
    assert.is_true(#sent > 5)
    for _, request in ipairs(sent) do assert.is_truthy(string.find(request, " as " .. EVA, 1, true), request) end
    -- the host's own are as they were
    assert.is_false((pcall(limited.load, "return 1", "x.lua", { t = { eva } })))
    assert.equal(7, given.contract.id)
  end)

  it("are given in tables what has no paths already", function()
    local shut = assert(client:user(EVA, { paths = false }))
    local shared = { user = shut, contract = shut:contract(7), each = shut.contracts:each(),
      page = assert(shut.contracts:list()), list = { shut.contracts } }
    local environment = limited.environment { shared = shared }
    assert.equal(shared, environment.shared)
    for _, object in ipairs { eva, eva.contracts, eva:contract(7), eva.contracts:each(), eva.contracts:pages(),
        assert(eva.contracts:list()) } do
      refused({ t = { x = object } }, "t.x: ", "opens files of this machine", "{ paths = false }")
    end
  end)

  it("have a base of their own: what loads code, or reaches out, is not in it", function()
    local environment = limited.environment()
    for name in pairs(environment) do
      assert.is_nil(({ load = 1, loadstring = 1, loadfile = 1, dofile = 1, require = 1, package = 1, io = 1, os = 1,
        debug = 1, getmetatable = 1, setmetatable = 1, rawset = 1, getfenv = 1, setfenv = 1, collectgarbage = 1,
        newproxy = 1, ffi = 1, jit = 1, ngx = 1 })[name], name)
    end
    assert.is_nil(environment.string.dump)
    assert.is_true(environment.string ~= string and environment.coroutine ~= coroutine)
  end)

  it("have of the libraries what Lua's manuals name, whatever a program adds to them", function()
    finally(function() string.run_program, table.all_of_it, coroutine._resume = nil, nil, nil end) -- luacheck: ignore
    string.run_program, table.all_of_it, coroutine._resume = os.exit, {}, coroutine.resume -- luacheck: ignore
    local environment = limited.environment()
    assert.is_nil(environment.string.run_program)
    assert.is_nil(environment.table.all_of_it)
    assert.is_nil(environment.coroutine._resume)
    for _, name in ipairs { "string", "table", "math", "coroutine" } do
      for key, value in pairs(environment[name]) do assert.equal(_G[name][key], value) end
    end
    for _, name in ipairs { "string.gsub", "table.concat", "math.floor", "coroutine.wrap", "coroutine.running" } do
      local library, key = string.match(name, "(%a+)%.(%a+)")
      assert.is_function(environment[library][key], name)
    end
  end)
end)

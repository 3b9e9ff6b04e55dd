-- oneflow.h: the library's modules from memory, and a client whose token a C function gives.
local host = require "spec.support.host"
local make = require "spec.support.make"
local process = require "spec.support.process"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local library

-- Runs fn(args) in a process where `package.path` leads nowhere and args.host has the functions of preload.c.
local function run(fn, args)
  args = args or {}
  args.library, args.fn, args.token = library, process.dump(fn), wire.TOKEN
  return process.start(function(job)
    local cjson = require "cjson"
    local text = string.gsub(job.fn, "..", function(hex) return string.char(tonumber(hex, 16)) end)
    for name in pairs(package.loaded) do if string.find(name, "^oneflow") then package.loaded[name] = nil end end
    package.path, package.cpath = "", ""
    package.preload.cjson = function() return cjson end
    job.host = assert(package.loadlib(job.library, "luaopen_preload"))()
    return (loadstring or load)(text)(job)
  end, args):result()
end

-- The names of all modules in Lua.
local function modules()
  local names = {}
  for path in string.gmatch(host.shell("cd '" .. host.root .. "/lua' && find oneflow -name '*.lua'"), "[^\n]+") do
    names[#names + 1] = string.gsub(string.gsub(string.gsub(path, "%.lua$", ""), "/init$", ""), "/", ".")
  end
  return names
end

local function is_absent(name)
  return name == "oneflow.testing" or name == "oneflow.annotations" or name == "oneflow.cli"
    or string.find(name .. ".", "oneflow.sandbox.", 1, true) == 1
end

describe("oneflow.h:", function()
  setup(function()
    make "static"
    library = host.folder() .. "/preload.so"
    host.shell(string.format("cc -std=c11 -O1 -Wall -Wextra -Werror -fPIC -shared %s -I'%s/csrc' -o '%s' "
      .. "'%s/spec/support/preload.c' '%s/liboneflow.a' -lcurl -lcrypto -lz -lpthread -lm", host.cflags(), host.root,
      library, host.root, host.build))
  end)
  after_each(wire.clean)

  it("the library's Lua files are loaded from memory, and its errors point at the caller", function()
    local names, absent = modules(), {}
    for i = #names, 1, -1 do
      if is_absent(names[i]) then absent[#absent + 1] = table.remove(names, i) end
    end
    assert.is_true(#names > 40)
    assert.is_true(#absent > 40)
    local result = run(function(job)
      job.host.preload()
      for _, name in ipairs(job.names) do
        if type(package.preload[name]) ~= "function" then return { missing = name } end
        if name ~= "oneflow.hosts.nginx" then require(name) end
      end
      for _, name in ipairs(job.absent) do
        if package.preload[name] then return { missing = "the absence of " .. name } end
      end
      local oneflow = require "oneflow"
      local client = oneflow.client { token = job.token, transport = function() return 200, {}, '{"id":4711}' end }
      local _, message = pcall(function() return client:contract(4711):get() end)
      return { id = client:contract(4711):get { as = "sven@example.com" }.id, message = message,
        version = oneflow._VERSION }
    end, { names = names, absent = absent })
    assert.is_nil(result.missing)
    assert.equal(4711, result.id)
    assert.equal(require("oneflow")._VERSION, result.version)
    assert.is_truthy(string.find(result.message, "no acting user", 1, true))
    assert.is_nil(string.find(result.message, "oneflow/", 1, true), result.message)
  end)

  it("the sandbox, the command line and the annotations are not in it, and require says where they are", function()
    local result = run(function(job)
      job.host.preload()
      job.host.preload()
      local messages = {}
      for i, name in ipairs(job.names) do messages[i] = select(2, pcall(require, name)) end
      package.path = job.path
      local box = require("oneflow.testing").sandbox()
      local sven = box:client():user(box.users[1].email)
      return { messages = messages, id = sven:contract(box.contracts[1]):get().id, expected = box.contracts[1] }
    end, {
      names = { "oneflow.testing", "oneflow.sandbox", "oneflow.sandbox.operations.contract", "oneflow.cli",
        "oneflow.annotations", "oneflow.nonsense", "testing" },
      path = host.root .. "/lua/?.lua;" .. host.root .. "/lua/?/init.lua",
    })
    for i = 1, 5 do
      local _, times = string.gsub(result.messages[i], "\n\t'oneflow%.[a-z_.]+' is not in oneflow's static library", "")
      assert.equal(1, times, result.messages[i])
      assert.is_truthy(string.find(result.messages[i], "`make install`", 1, true), result.messages[i])
    end
    for i = 6, 7 do assert.is_nil(string.find(result.messages[i], "static", 1, true), result.messages[i]) end
    assert.equal(result.expected, result.id)
  end)

  it("where require has no list of searchers, the library is loaded all the same", function()
    local result = run(function(job)
      package.searchers, package.loaders = nil, nil
      job.host.preload()
      return { added = package.searchers or package.loaders or false, there = type(package.preload.oneflow) }
    end)
    assert.is_false(result.added)
    assert.equal("function", result.there)
  end)

  it("without the library `package` it says so", function()
    local result = run(function(job)
      local kept = package
      _G.package = nil
      local _, message = pcall(job.host.preload)
      _G.package = kept
      return { message = message }
    end)
    assert.is_truthy(string.find(result.message, "`package` is not open", 1, true), result.message)
  end)

  it("oneflow_client: wrong use raises, wrong values give the error object, the options stay as they were", function()
    local result = run(function(job)
      job.host.preload()
      local messages = {}
      for i, options in ipairs { { token = "x" }, { token_env = "X" }, { nonsense = 1 }, 1, "x" } do
        local good, message = pcall(job.host.client, options)
        messages[i] = good and "did not raise" or message
      end
      messages[6] = select(2, pcall(job.host.without_callback, {}))
      local options = { base_url = "ftp://example.com" }
      local made, err = job.host.client(options)
      local names = {}
      for name in pairs(options) do names[#names + 1] = name end
      return { messages = messages, made = made, err = tostring(err), names = names, asked = job.host.reasons() }
    end)
    for i, part in ipairs { "the token comes from the callback", "one of token", "unknown option", "a table of options",
                            "a table of options", "a callback expected" } do
      assert.is_truthy(string.find(result.messages[i], part, 1, true), result.messages[i])
    end
    assert.is_false(result.made)
    assert.is_truthy(string.find(result.err, "base_url", 1, true), result.err)
    assert.same({ "base_url" }, result.names)
    assert.equal("", result.asked, "making a client asks nobody")
  end)

  it("the callback is asked first, and again after a 401, once for each token that is refused", function()
    local target = server.start(function(s, args)
      s.serve(function(c)
        for request in function() return c:request() end do
          if request.headers["x-oneflow-api-token"] == args.good then c:good(request)
          else c:reply(401, { "content-type: application/json" }, '{"title":"no ' ..
            request.headers["x-oneflow-api-token"] .. '"}') end
        end
      end)
    end, { good = wire.TOKEN .. "-new" })
    local result = run(function(job)
      job.host.preload()
      local out = { asked = {}, texts = {} }
      local made, client = job.host.client { base_url = job.url, timeout = 10 }
      local function call(token)
        job.host.give(token)
        local contract, err = client:contract(4711):get { as = "sven@example.com" }
        out.texts[#out.texts + 1] = contract and contract.name or tostring(err)
        out.asked[#out.asked + 1] = job.host.reasons()
      end
      call ""                                  -- none
      call(("x"):rep(256))                     -- one byte too many
      call(("x"):rep(500))                     -- more than there is room for
      call(job.token .. "-old")                -- refused; the same again is no reason to try again
      call(job.token .. "-old")
      call(job.token .. "-new")                -- refused, asked, repeated
      call(job.token .. "-never asked for")
      client:close()
      out.made = made
      return out
    end, { url = target.url })
    assert.is_true(result.made)
    assert.same({ "first ", "first ", "first ", "first refused ", "refused ", "refused ", "" }, result.asked)
    for i, part in ipairs { "was not given by the host", "longer than 255", "longer than 255", "no ***", "no ***",
                            "Contract 4711", "Contract 4711" } do
      assert.is_truthy(string.find(result.texts[i], part, 1, true), result.texts[i])
      assert.is_nil(string.find(result.texts[i], "canary", 1, true))
    end
    assert.equal(5, #target:journal())
    target:stop()
  end)

  it("what carries the callback has no fields, no metatable, and is taken for nothing else", function()
    local result = run(function(job)
      job.host.preload()
      local core = require "oneflow.core"
      local engine, caught, given = core.engine, nil, nil
      core.engine = function(options)
        caught, given = options.token_source, options
        return engine(options)
      end
      job.host.client { base_url = "http://127.0.0.1:1" }
      core.engine = engine
      local oneflow = require "oneflow"
      local file = io.tmpfile()
      return {
        type = type(caught), meta = tostring(getmetatable(caught)), field = pcall(function() return caught.context end),
        write = pcall(function() caught.ask = 1 end), text = string.match(tostring(caught), "^%a+"),
        file = pcall(oneflow.client, { token = file }), light = pcall(oneflow.client, { token = oneflow.null }),
        engine = pcall(engine(given).ask_token, file, "first"),
      }
    end)
    assert.equal("userdata", result.type)
    assert.equal("false", result.meta)
    for _, name in ipairs { "field", "write", "file", "light", "engine" } do assert.is_false(result[name], name) end
    assert.is_truthy(string.find(result.text, "^%a+$"))
  end)
end)

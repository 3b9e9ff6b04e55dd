-- examples/nginx as a person starts it: whom its pages show what, and what they say when a call fails.
local host = require "spec.support.host"
local process = require "spec.support.process"
local server = require "spec.support.server"
local testing = require "oneflow.testing"
local wire = require "spec.support.wire"

describe("examples/nginx:", function()
  local folder, site, box

  before_each(function() folder = host.folder() end)
  after_each(function()
    if site then site:kill() end
    if box then box:stop() end
    site, box = nil, nil
    process.clean()
    host.remove(folder)
  end)

  -- Starts the site, and waits until it says where it is.
  local function start(environment)
    environment.TMPDIR = folder
    site = process.spawn { host.executable, host.root .. "/examples/nginx/run", env = environment }
    local line = site:line()
    local url = string.match(line or "", "http://127%.0%.0%.1:%d+")
    assert.is_truthy(url, "no site: " .. tostring(line) .. site.errors)
    return url
  end

  local function start_for(base_url, token)
    local path = host.write(folder .. "/token", token)
    host.shell("chmod 600 " .. path)
    return start { ONEFLOW_BASE_URL = base_url, ONEFLOW_TOKEN_FILE = path }
  end

  -- -> status, answer with its headers
  local function curl(...)
    local child = process.spawn { "/usr/bin/curl", "-sSi", ... }
    local code, _, answer, errors = child:wait()
    assert.equal(0, code, errors)
    return tonumber(string.match(answer, "^HTTP/1.1 (%d+) ")), answer
  end

  local function holds(text, answer) assert.is_truthy(string.find(answer, text, 1, true), answer .. site.errors) end

  local function publish(url, user, id)
    return curl("-u", user .. ":" .. user, "-H", "Origin: " .. url, "-X", "POST",
      url .. "/contracts/" .. id .. "/publish")
  end

  it("runs by itself in one command, and removes its files", function()
    local url = start { ONEFLOW_BASE_URL = false, ONEFLOW_TOKEN_FILE = false }
    assert.equal(200, (curl("-u", "anna:anna", url .. "/contracts/4711")))
    assert.equal(200, (curl(url .. "/ready")))
    site:kill "sigint"
    local code, signal, _, errors = site:wait()
    assert.same({ 0, 0, "" }, { code, signal, errors })
    assert.equal("", host.shell("ls " .. folder))
    assert.is_false(pcall(curl, url .. "/health"))
  end)

  it("does not start without a token, and says why", function()
    site = process.spawn { host.executable, host.root .. "/examples/nginx/run",
      env = { TMPDIR = folder, ONEFLOW_BASE_URL = "http://127.0.0.1:1/v1", ONEFLOW_TOKEN_FILE = folder .. "/none" } }
    local code, signal, output, errors = site:wait()
    assert.same({ 1, 0, "" }, { code, signal, output })
    assert.is_truthy(string.find(errors, "init_by_lua error: client: validation, not_sent; token_file: ", 1, true),
      errors)
    assert.equal("", host.shell("ls " .. folder))
  end)

  it("killed, it is gone soon all the same", function()
    local url = start { ONEFLOW_BASE_URL = false, ONEFLOW_TOKEN_FILE = false }
    site:kill "sigkill"
    site:wait()
    process.eventually("the end of what it started", function()
      return host.shell("ls " .. folder) == "" and not pcall(curl, url .. "/health")
    end)
  end)

  it("shows a contract to users who may see it, and to nobody without a sign-in", function()
    box = testing.server {}
    local url = start_for(box.base_url, box.token)
    for _, path in ipairs { "/", "/contracts", "/contracts/4711", "/nothing" } do
      assert.equal(401, (curl(url .. path)))
      assert.equal(401, (curl("-u", "anna:wrong", url .. path)))
      assert.equal(401, (curl("-u", "nobody:anna", url .. path)))
      assert.equal(401, (curl("-u", ":", url .. path)))
      assert.equal(403, (curl("-u", "guest:guest", url .. path)))
    end
    assert.equal(401, (curl("-X", "POST", "-H", "Origin: " .. url, url .. "/contracts/4711/publish")))
    assert.same({}, box:journal())

    local status, answer = curl("-u", "anna:anna", url .. "/contracts/4711")
    assert.equal(200, status)
    holds("<h1>Service agreement - Example Customer AB</h1>", answer)
    holds("Contract 4711 is <strong>draft</strong>", answer)
    holds("cache-control: no-store", answer)
    status, answer = curl("-u", "sven:sven", url .. "/contracts/4711")
    assert.equal(404, status)
    holds("or you may not see it", answer)
    assert.is_nil(string.find(answer, "Service agreement", 1, true))
    for _, call in ipairs(box:journal()) do
      assert.is_truthy(call.user_email == "anna@example.com" or call.user_email == "sven@example.com")
    end

    status, answer = curl("-u", "anna:anna", url .. "/contracts")
    assert.equal(200, status)
    holds('<a href="/contracts/4714">Pilot project</a> (pending)', answer)
    assert.is_nil(string.find(answer, "Office chairs", 1, true))
    status, answer = curl("-u", "sven:sven", url .. "/contracts")
    assert.equal(200, status)
    holds("Office chairs", answer)
    assert.is_nil(string.find(answer, "Pilot project", 1, true))
  end)

  it("shows names as text, whatever is in them", function()
    local seed = require "oneflow.sandbox.seed"
    local contract = seed.accounts[1].contracts[1]
    local name = contract.name
    contract.name = "<script>alert('x')</script> & \"{id}\""
    box = testing.server { seed = seed }
    contract.name = name
    local url = start_for(box.base_url, box.token)
    for _, path in ipairs { "/contracts", "/contracts/4711" } do
      local status, answer = curl("-u", "anna:anna", url .. path)
      assert.equal(200, status)
      holds("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;{id}&quot;", answer)
      assert.is_nil(string.find(answer, "<script", 1, true))
    end
  end)

  it("publishes once, from its own form only", function()
    box = testing.server {}
    local url = start_for(box.base_url, box.token)
    local address = url .. "/contracts/4711/publish"
    assert.equal(403, (curl("-u", "anna:anna", "-X", "POST", address)))
    assert.equal(403, (curl("-u", "anna:anna", "-X", "POST", "-H", "Origin: https://elsewhere.example", address)))
    assert.equal(405, (curl("-u", "anna:anna", "-H", "Origin: " .. url, address)))
    assert.same({}, box:journal())

    local status, answer = publish(url, "anna", 4711)
    assert.equal(303, status)
    holds("Location: /contracts/4711", answer)
    status, answer = curl("-u", "anna:anna", url .. "/contracts/4711")
    assert.equal(200, status)
    holds("<strong>pending</strong>", answer)
    assert.is_nil(string.find(answer, "<form", 1, true))
    status, answer = publish(url, "anna", 4711)
    assert.equal(409, status)
    holds("Nothing was done.", answer)
    assert.equal(404, (publish(url, "sven", 4711)))
  end)

  it("answers each kind of failure with its own page", function()
    box = testing.server {}
    local url = start_for(box.base_url, box.token)
    for _, case in ipairs {
      { { status = 403 }, 403, "You may not do this" },
      { { status = 429, headers = { ["retry-after"] = "70" } }, 503, "retry-after: 70" },
      { { status = 500 }, 502, "cannot be used" },
      { { status = 302, headers = { location = "https://elsewhere.example/" } }, 502, "cannot be used" },
      { { status = 200, body = "<html>" }, 502, "cannot be used" },
    } do
      case[1].times = 10
      box:fault("contract.list", case[1])
      box:fault("contract.get", case[1])
      for _, path in ipairs { "/contracts", "/contracts/4711" } do
        local status, answer = curl("-u", "anna:anna", url .. path)
        assert.equal(case[2], status, answer)
        holds(case[3], answer)
      end
      box:reset()
      assert.equal(200, (curl("-u", "anna:anna", url .. "/contracts/4711")))
    end
    local status, answer = curl("-u", "anna:anna", url .. "/contracts/99999999999999999999")
    assert.equal(400, status)
    holds("contract id: ", answer)

    -- The token concerns only the site: the log has the error, the visitor does not see it.
    box:set_extension(false)
    status, answer = curl("-u", "anna:anna", url .. "/contracts/4711")
    assert.equal(502, status)
    holds("cannot be used", answer)
    assert.is_nil(string.find(answer, "token", 1, true))
    assert.equal(503, (curl(url .. "/ready")))
    process.wait_until(function()
      return string.find(site.errors, "contract.get as anna@example.com: authentication (401), refused", 1, true)
    end, "the line in the log")
    assert.is_nil(string.find(site.errors, box.token, 1, true))
    assert.is_nil(string.find(site.errors, "unknown reason", 1, true))
  end)

  it("says when it is not known whether a contract was published; answers others while a call waits", function()
    local target = server.start(function(s)
      s.serve(function(c)
        if not c:request() then return end
        s.note "call"
        s.await "end" -- without an answer
      end)
    end)
    local url = start_for(target.url, wire.TOKEN)
    local visitor = process.spawn { "/usr/bin/curl", "-sSi", "-u", "anna:anna", "-H", "Origin: " .. url, "-X", "POST",
      url .. "/contracts/4711/publish" }
    target:wait "call"
    for _ = 1, 20 do assert.equal(200, (curl(url .. "/health"))) end -- by either worker
    assert.is_nil(visitor.code)
    target:tell "end"
    local _, _, answer = visitor:wait()
    holds("HTTP/1.1 502 ", answer)
    holds("It may have been done all the same. Look at the contract before you try again.", answer)
    holds('href="/contracts/4711"', answer)
    assert.equal(1, #target:journal())
  end)

  it("a visitor who leaves while a contract is published: the log has its result", function()
    local target = server.start(function(s)
      s.serve(function(c)
        local request = c:request()
        s.note "call"
        s.await "answer"
        c:good(request)
      end)
    end)
    local url = start_for(target.url, wire.TOKEN)
    local visitor = process.spawn { "/usr/bin/curl", "-sS", "-u", "anna:anna", "-H", "Origin: " .. url, "-X", "POST",
      url .. "/contracts/4711/publish" }
    target:wait "call"
    visitor:kill "sigkill"
    -- nginx has seen it: its end of the connection is closed, too
    local open = string.format(": %%x+:%04X %%x+:%%x+ 0[18] ", tonumber(string.match(url, "%d+$")))
    process.eventually("the abort", function() return not string.find(host.read "/proc/net/tcp", open) end)
    target:tell "answer"
    process.wait_until(function()
      return string.find(site.errors, "contract.publish /contracts/4711/publish as anna@example.com: the visitor left; "
        .. "done, status 200", 1, true)
    end, "the line in the log")
  end)
end)

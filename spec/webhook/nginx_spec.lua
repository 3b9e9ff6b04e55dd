-- The receiver in a real nginx: what a callback's outcome answers, among workers, and when a worker is killed.
local core = require "oneflow.core"
local host = require "spec.support.host"
local nginx = require "spec.support.nginx"
local oneflow = require "oneflow"
local process = require "spec.support.process"
local uv = require "luv"

local KEY = "a-sign-key-of-the-specs"

-- For conditions in nginx, for which this process gets no event: polls.
local function wait_until(done, what)
  local late = core.monotonic() + 20
  while not done() do
    if core.monotonic() > late then error("nothing came: " .. what, 2) end
  end
end

local function start(options)
  options.lua = true
  options.http = string.format("lua_package_path '%s/lua/?.lua;%s/lua/?/init.lua;;'; "
    .. "lua_package_cpath '%s/build/luajit/?.so;;'; lua_shared_dict hooks 1m; lua_shared_dict seen 1m;\n"
    .. "init_by_lua_block { webhook = require('oneflow').webhook\n"
    .. "hooks = assert(webhook.receiver { sign_key = os.getenv 'SIGN_KEY', store = webhook.shared 'hooks', %s })\n"
    .. "seen = ngx.shared.seen }\n", host.root, host.root, host.root, options.receiver or "")
  options.env = { LUA_PATH = false, LUA_CPATH = false }
  options.main = "env SIGN_KEY=" .. KEY .. "; " .. (options.main or "")
  options.server = (options.server or "") .. [[
    location /seen { content_by_lua_block {
      for _, value in ipairs { "handed", "done", "pid" } do ngx.say(value, " ", seen:get(value) or 0) end
    } }
    location /let { content_by_lua_block { seen:set("let", true) } }
  ]]
  return nginx.start(options)
end

local function body(callback_id, more)
  local fields = {
    callback_id = callback_id, contract = { id = 4711 }, events = { { id = 1, type = "contract:sign" } },
    signature = oneflow.webhook.sign(callback_id, KEY), padding = more,
  }
  return (assert(core.encode(fields)))
end

describe("webhooks in nginx:", function()
  after_each(process.clean)

  local function post_later(web, text, path, ...)
    local file = host.write(host.folder() .. "/body", text)
    return process.spawn { "curl", "-sS", "-o", "-", "-w", "\\n%{http_code}", "--data-binary", "@" .. file,
      "-H", "Expect:", web.url .. (path or "/hook"), ... }
  end

  -- -> status, text
  local function post(web, text, path)
    local code, _, output, errors = post_later(web, text, path):wait()
    assert.equal(0, code, errors .. web:error_log())
    local answer, status = string.match(output, "^(.*)\n(%d+)$")
    return tonumber(status), answer
  end

  local function seen(web, name)
    return tonumber(string.match(host.shell("curl -sS " .. web.url .. "/seen"), name .. " (%d+)"))
  end

  local HOOK = [[location /hook { content_by_lua_block { hooks:serve(function(delivery)
    seen:incr("handed", 1, 0)
    local id = delivery.callback_id
    if id:find "^fail" and not seen:get("let") then return nil, "not yet" end
    if id:find "^raise" and not seen:get("let") then error "broken" end
    seen:incr("done", 1, 0)
    return true
  end) } }]]

  it("answers by the callback's outcome, and hands nothing on twice, whichever worker is asked", function()
    local web = start { server = HOOK, workers = 4 }
    assert.same({ 200, "handled\n" }, { post(web, body "a") })
    for _ = 1, 12 do assert.same({ 200, "handled before\n" }, { post(web, body "a") }) end
    assert.equal(1, seen(web, "handed"))
    for _, id in ipairs { "fail", "raise" } do
      assert.same({ 500, "not handled\n" }, { post(web, body(id)) })
      assert.equal(500, (post(web, body(id))))
    end
    assert.same({ 5, 1 }, { seen(web, "handed"), seen(web, "done") })
    host.shell("curl -sS " .. web.url .. "/let")
    assert.equal(200, (post(web, body "fail")))
    assert.equal(200, (post(web, body "raise")))
    assert.same({ 7, 3 }, { seen(web, "handed"), seen(web, "done") })
    local log = web:error_log()
    assert.is_truthy(string.find(log, "[error]", 1, true))
    assert.is_truthy(string.find(log, "oneflow delivery fail of contract 4711: the callback: not yet", 1, true), log)
    assert.is_truthy(string.find(log, "broken", 1, true))
    assert.is_nil(string.find(log, KEY, 1, true), "the sign key is in the log")
  end)

  it("refuses what is not genuine, other methods, and long bodies, also without a length", function()
    local web = start { server = "client_max_body_size 8m; client_body_buffer_size 8k;" .. HOOK }
    local genuine = body "a"
    assert.equal(401, (post(web, (string.gsub(genuine, '("signature":")(%x)', function(before, digit)
      return before .. (digit == "0" and "1" or "0")
    end)))))
    assert.equal(400, (post(web, "{")))
    local status, text = post(web, '{"agreement_id":4711,"events":[{"type":2}]}')
    assert.equal(400, status)
    assert.is_truthy(string.find(text, "legacy format", 1, true), text)
    assert.equal(400, (post(web, "")))
    assert.equal(413, (post(web, body("a", string.rep("x", 2 * 1000 * 1000)))))
    local child = post_later(web, body("a", string.rep("x", 2 * 1000 * 1000)), nil, "-H", "Transfer-Encoding: chunked")
    local _, _, output = child:wait()
    assert.is_truthy(string.find(output, "\n413$"), output)
    local answer = host.shell("curl -sSi " .. web.url .. "/hook")
    assert.is_truthy(string.find(answer, "^HTTP/1.1 405"), answer)
    assert.is_truthy(string.find(string.lower(answer), "\nallow: post"), answer)
    assert.equal(0, seen(web, "handed"))
    -- A body that nginx puts into a file is read whole.
    assert.equal(200, (post(web, body("a", string.rep("x", 500 * 1000)))))
    assert.equal(1, seen(web, "handed"))
  end)

  -- The callback waits until /let was asked for; a worker that runs it has written its pid.
  local WAITING = [[location /hook { content_by_lua_block { hooks:serve(function(delivery)
    seen:incr("handed", 1, 0)
    seen:set("pid", ngx.worker.pid())
    while not seen:get("let") do ngx.sleep(0.01) end
    seen:incr("done", 1, 0)
    return true
  end) } }]]

  local function wait_for(web, name)
    local value
    wait_until(function()
      value = seen(web, name)
      return value > 0
    end, name)
    return value
  end

  it("one still running is answered 503, and its duplicate 200 once it is through", function()
    local web = start { server = WAITING, workers = 2 }
    local first = post_later(web, body "a")
    wait_for(web, "handed")
    for _ = 1, 4 do assert.same({ 503, "being handled\n" }, { post(web, body "a") }) end
    host.shell("curl -sS " .. web.url .. "/let")
    local _, _, output = first:wait()
    assert.equal("handled\n\n200", output)
    assert.equal(200, (post(web, body "a")))
    assert.same({ 1, 1 }, { seen(web, "handed"), seen(web, "done") })
  end)

  it("a worker killed in mid-callback: the claim ends, and the redelivery is handed on", function()
    local web = start { server = WAITING, receiver = "lease = 2" }
    local first = post_later(web, body "a")
    local pid = wait_for(web, "pid")
    assert.equal(503, (post(web, body "a")))
    uv.kill(pid, "sigkill")
    local code = first:wait()
    assert.not_equal(0, code, "the first call got no answer")
    host.shell("curl -sS --retry 20 --retry-connrefused --retry-delay 0 " .. web.url .. "/let")
    assert.same({ 1, 0 }, { seen(web, "handed"), seen(web, "done") })
    -- As the service does, but faster: until it is told 200.
    local statuses = {}
    wait_until(function()
      local status = post(web, body "a")
      statuses[status] = true
      return status == 200
    end, "the end of the claim")
    assert.same({ [503] = true, [200] = true }, statuses)
    assert.same({ 2, 1 }, { seen(web, "handed"), seen(web, "done") })
    assert.not_equal(pid, seen(web, "pid"))
    assert.equal(200, (post(web, body "a")))
    assert.same({ 2, 1 }, { seen(web, "handed"), seen(web, "done") })
  end)

  it("defer answers 200 while the callback still runs, and a failure goes to the log", function()
    local web = start { receiver = "defer = true",
      server = (string.gsub(WAITING, "return true", "return nil, 'too late'")) }
    assert.same({ 200, "taken\n" }, { post(web, body "a") })
    assert.same({ 1, 0 }, { wait_for(web, "handed"), seen(web, "done") })
    assert.equal(503, (post(web, body "a")))
    host.shell("curl -sS " .. web.url .. "/let")
    local function logged() return select(2, string.gsub(web:error_log(), "too late", "")) end
    wait_until(function() return logged() == 1 end, "a line in the log")
    assert.equal(200, (post(web, body "a"))) -- given up, so handed on when it is told again
    wait_until(function() return logged() == 2 end, "a line in the log")
    assert.equal(2, seen(web, "handed"))
  end)

  it("names what is missing in nginx.conf: the dictionary, the store", function()
    local web = start { server = [[location /missing { content_by_lua_block {
      ngx.say(select(2, pcall(webhook.shared, "nothing")))
      ngx.say(select(2, pcall(webhook.receiver, { sign_key = "x" })))
      ngx.say(webhook.receiver { sign_key = "x", store = webhook.memory() } and "fine")
    } }]] }
    local answer = host.shell("curl -sS " .. web.url .. "/missing")
    assert.is_truthy(string.find(answer, "lua_shared_dict nothing 1m;", 1, true), answer)
    assert.is_truthy(string.find(answer, 'a store expected, such as webhook.shared "oneflow_webhooks"', 1, true),
      answer)
    assert.is_truthy(string.find(answer, "\nfine\n", 1, true), answer)
  end)

  it("a full dictionary forgets the oldest ids, and hands every new one on", function()
    local web = start { server = [[location /fill { content_by_lua_block {
      local store, failed, size = webhook.shared "hooks", 0, 20000
      local function id(i) return "3d0d3a52-6f0e-4b7e-8f57-" .. i end
      for i = 1, size do
        local status, claim = store:claim(id(i), 60)
        if status ~= "claimed" or not store:record(id(i), claim, 3600) then failed = failed + 1 end
      end
      local kept = 0
      while kept < size and store:claim(id(size - kept), 60) == "done" do kept = kept + 1 end
      ngx.say(failed, " ", kept)
    } }]] }
    local failed, kept = string.match(host.shell("curl -sS " .. web.url .. "/fill"), "^(%d+) (%d+)\n$")
    assert.equal("0", failed, web:error_log())
    assert.is_true(tonumber(kept) >= 4000 and tonumber(kept) < 20000, kept)
  end)
end)

-- Statuses: each is a typed error with the service's words, or a success; none is invented.
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local KINDS = {
  [400] = "validation", [401] = "authentication", [402] = "payment", [403] = "permission",
    [404] = "not_found",
  [409] = "conflict", [410] = "http", [418] = "http", [422] = "validation", [429] = "rate_limit",
}

local function reply(c, _, args)
  c:reply(args.status, { "content-type: " .. args.type }, args.body)
end

describe("statuses:", function()
  after_each(wire.clean)

  for status, kind in pairs(KINDS) do
    it("case 26: " .. status .. " with the service's JSON is " .. kind .. ", refused", function()
      local body = string.format('{"status":%d,"title":"A title","detail":"What is wrong",'
        .. '"type":"https://x/%d0000",'
        .. '"error_code":%d0042,"parameter_problems":{"name":["Too long"]},"request_id":"req-1"}', status,
          status, status)
      wire.each_method(reply, { args = { status = status, type = "application/json", body = body } },
        wire.fails(kind, "refused", function(err)
          assert.equal(status, err.status)
          assert.equal("A title", err.title)
          assert.equal("What is wrong", err.detail)
          assert.equal(status * 10000 + 42, tonumber(err.code))
          assert.equal("req-1", err.request_id)
          assert.equal("name", err.problems[1].path)
          assert.is_truthy(string.find(tostring(err), tostring(status), 1, true), tostring(err))
        end))
    end)

    it("case 26: " .. status .. " with HTML, an empty body, false or strange JSON is the same error",
      function()
      local answers = {
        { status, "text/html", "<html><body><h1>Sorry</h1></body></html>" },
        { status, "application/octet-stream", "\1\2\3" },
      }
      for _, body in ipairs {
        "", "{", "[]", "null", '"text"', "12",
        '{"title":{"a":1},"detail":["x"],"error_code":"abc","parameter_problems":"odd","request_id":7}',
        '{"title":null,"detail":null,"error_code":null,"parameter_problems":null}',
        '{"parameter_problems":{"a":{"b":{"c":["deep"]}},"d":1,"e":null,"f":[null,{}]}}',
        '{"title":"two\\nlines\\u0000\\u001b[31m","detail":"a\\r\\nb"}',
      } do
        answers[#answers + 1] = { status, "application/json", body }
      end
      wire.each_answer(answers, wire.fails(kind, "refused", function(err)
        assert.equal(status, err.status)
      end))
    end)
  end

  it("case 26: an error body of 10 MB: typed, refused, the detail capped", function()
    for _, status in ipairs { 401, 403, 404, 409, 422 } do
      local json = status % 2 == 0
      wire.each_method(function(c, _, args)
        local text = string.rep("0123456789", 1024 * 1024)
        local body = args.json and '{"title":"' .. text .. '","detail":"' .. text .. '"}' or text
        c:reply(args.status, { "content-type: " .. (args.json and "application/json" or "text/plain") },
          body)
      end, { args = { status = status, json = json }, client = { attempt_timeout = 5, timeout = 5 } },
      wire.fails(KINDS[status], "refused", function(err)
        assert.equal(status, err.status)
        assert.is_true(#(err.detail or "") < 5000, "the detail has " .. #(err.detail or ""))
        assert.is_true(#(err.title or "") < 5000, "the title has " .. #(err.title or ""))
      end))
    end
  end)

  it("case 26: a 404 says that it may be missing or that there is no access", function()
    wire.each_method(reply, { args = { status = 404, type = "application/json", body = "" } },
      wire.fails("not_found", "refused", function(err)
        local text = tostring(err)
        assert.is_truthy(string.find(text, "missing", 1, true) and string.find(text, "access", 1, true), text)
      end))
  end)

  it("a 5xx, and a 408, is a server error and unknown", function()
    local answers = {}
    for _, status in ipairs { 408, 500, 501, 502, 503, 504, 505, 599 } do
      for _, body in ipairs { '{"title":"Down"}', "<html>", "" } do
        answers[#answers + 1] = { status, "application/json", body }
      end
    end
    wire.each_answer(answers, wire.fails("server", "unknown", function(err, _, i)
      assert.equal(answers[i][1], err.status)
    end))
  end)

  it("case 27: a status out of range is a server error and unknown", function()
    for _, status in ipairs { 600, 999 } do
      wire.each_method(reply, { args = { status = status, type = "application/json", body = '{"id":4711}' } },
        wire.fails("server", "unknown", function(err) assert.equal(status, err.status) end))
    end
  end)

  it("case 27: 100 only, and 101: unknown", function()
    wire.each_method(function(c)
      c:write("HTTP/1.1 100 Continue\r\n\r\n")
      c:fin()
      return false
    end, {}, wire.fails("connection", "unknown"))
    wire.each_method(function(c)
      c:write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
      c:fin()
      return false
    end, {}, function(value, err, method)
      assert.is_nil(value, method)
      assert.equal("unknown", err.outcome)
    end)
  end)

  -- A 204 or 205 means success without content, so a read gets no contract.
  it("case 27: 204 with a body, 205: an empty success or a typed error, never data", function()
    for _, status in ipairs { 204, 205 } do
      for _, body in ipairs { "", '{"id":4711,"name":"wrong"}' } do
        for _, method in ipairs(wire.METHODS) do
          local target = wire.faulty(function(c, _, args)
            c:write(string.format("HTTP/1.1 %d X\r\n", args.status) .. "content-type: application/json\r\n"
              .. (#args.body > 0 and "content-length: " .. #args.body .. "\r\n" or "") .. "\r\n" .. args.body)
            -- what is left of the body of a 204 must not be read as an answer
            if args.status == 204 or args.body ~= "" then return end
            c:fin() -- without a length a 205 goes to the end of the connection
            return false
          end, { args = { status = status, body = body } })
          local client = wire.client(target)
          local value, err = wire.call(client, method)
          if value then
            assert.equal(status, value.meta.status)
            assert.is_false((pcall(function() return value.name end)) and value.name == "wrong")
          else
            assert.equal("decode", err.kind, tostring(err))
            assert.equal("unknown", err.outcome)
            assert.equal(status, err.status)
          end
          wire.good_call(client)
          target:stop()
        end
      end
    end
  end)

  it("case 27: 204 and 205 are a success for a delete and a ping", function()
    for _, status in ipairs { 204, 205, 200 } do
      local target = wire.faulty(function(c, _, args)
        c:write(string.format("HTTP/1.1 %d X\r\n", args.status) .. (args.status == 204 and ""
          or "content-length: 0\r\n") .. "\r\n")
      end, { args = { status = status } })
      local client = wire.client(target)
      local ok, err = client:contract(4711):delete { as = wire.SVEN }
      if status == 200 then
        assert.is_true(ok or err.kind == "decode")
      else
        assert.equal(true, ok, tostring(err))
      end
      wire.good_call(client)
      target:stop()
    end
  end)

  it("case 28: 200 with text/html (a login page, a captive portal) is decode, and names the content type",
    function()
    local answers = {
      { 200, "text/html", "<html><title>Sign in</title></html>" }, { 200, "text/html; charset=utf-8", "Sign in" },
      { 200, "TEXT/HTML", "" }, { 200, "text/plain", "hello" }, { 200, "image/png", "\137PNG" },
    }
    wire.each_answer(answers, wire.fails("decode", "unknown", function(err, _, i)
      assert.equal(200, err.status)
      local kind = string.match(string.lower(answers[i][2]), "^[^;]+")
      assert.is_truthy(string.find(string.lower(tostring(err)), kind, 1, true), tostring(err))
    end))
  end)

  it("case 28: a login page is no success of a delete or a ping either, nor is `{}` a list", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          if string.find(request.target, "/contracts?", 1, true)
            or string.find(request.target, "/contracts$") then
            c:reply(200, { "content-type: application/json" }, "{}")
          else
            c:reply(200, { "content-type: text/html" }, "<html><title>Sign in</title></html>")
          end
        end
      end)
    end)
    local sven = assert(wire.client(target):user(wire.SVEN))
    for name, call in pairs {
      delete = function() return sven:contract(4711):delete() end,
      ping = function() return sven:ping() end,
      account = function() return sven:account():get() end,
      list = function() return sven.contracts:list {} end,
      users = function() return sven.users:list() end,
    } do
      local value, err = call()
      assert.is_nil(value, name)
      wire.check_error(err)
      assert.equal("decode", err.kind)
      assert.equal("unknown", err.outcome)
      if name ~= "list" then assert.is_truthy(string.find(tostring(err), "text/html", 1, true),
        tostring(err)) end
    end
  end)

  it("case 28: application/json in any spelling, and problem+json, is JSON", function()
    for _, kind in ipairs { "application/json; charset=utf-8", "Application/JSON",
      "application/problem+json" } do
      wire.each_method(reply, { args = { status = 200, type = kind,
        body = '{"id":4711,"_private":{"name":"N"}}' } },
        function(value, err)
        assert.is_truthy(value, kind .. ": " .. tostring(err))
        assert.equal("N", value.name)
      end)
    end
  end)
end)

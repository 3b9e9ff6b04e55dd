-- A server that echoes the token: it never comes out of the library.
local oneflow = require "oneflow"
local wire = require "spec.support.wire"

local function shown(err)
  local texts = { tostring(err), tostring(err.title), tostring(err.detail), tostring(err.request_id),
    tostring(err.code) }
  for _, problem in ipairs(err.problems or {}) do
    texts[#texts + 1] = tostring(problem.path)
    for _, message in ipairs(problem.messages or {}) do texts[#texts + 1] = tostring(message) end
  end
  return table.concat(texts, "\n")
end

describe("canary:", function()
  after_each(wire.clean)

  it("case 47: a token echoed in error body, title, problems and headers is shown as ***", function()
    for _, status in ipairs { 400, 401, 403, 404, 409, 418, 422, 429, 500, 503, 600 } do
      wire.each_method(function(c, request, args)
        local token = request.headers["x-oneflow-api-token"]
        c:reply(args.status, { "content-type: application/json", "x-request-id: " .. token, "retry-after: "
          .. token, "www-authenticate: " .. token },
          string.format('{"title":"bad %s","detail":"the token %s, and %s%s","error_code":"%s",'
            .. '"request_id":"%s",'
            .. '"parameter_problems":{"%s":["is %s"],"a":{"%s":{"%s":["%s"]}}},"type":"%s"}',
            token, token, token, token, token, token, token, token, token, token, token, token))
      end, { args = { status = status } }, function(value, err)
        assert.is_nil(value)
        assert.is_truthy(string.find(shown(err), "***", 1, true), shown(err))
      end)
    end
  end)

  it("case 47: the same in a reason phrase, a Location, a content type, an encoding and text", function()
    for _, answer in ipairs {
      { status = "401 %s", headers = { "content-type: text/plain" }, body = "%s" },
      { status = "500 %s", headers = { "content-type: text/html" }, body = "<html>%s</html>" },
      { status = "302 Found", headers = { "location: http://%s.example/" }, body = "%s" },
      { status = "302 Found", headers = { "location: http://%s@host.example/%s?%s" }, body = "" },
      { status = "200 OK", headers = { "content-type: text/%s" }, body = "%s" },
      { status = "200 OK", headers = { "content-type: application/json", "content-encoding: %s" },
      body = "%s" },
      { status = "200 OK", headers = { "content-type: application/json" }, body = "%s" },
      { status = "200 OK", headers = { "content-type: application/json" }, body = '{"id":1,"%s":%s' },
      { status = "200 OK", headers = { "content-type: application/json" }, body = '["%s"]' },
      { status = "403 No", headers = { "content-type: application/json" },
      body = '{"title":"\\u0063anary%t","detail":"%s\\u0020%s"}' },
      { status = "422 No", headers = { "content-type: application/json" }, body = '{"detail":"%l"}' },
      { status = "422 No", headers = { "content-type: text/plain" }, body = "%l" },
      { status = "%s", headers = {}, body = "" },
    } do
      for pad = 0, answer.body == "" and 0 or 7, 7 do
        wire.each_method(function(c, request, args)
          local token = request.headers["x-oneflow-api-token"]
          local values = {
            s = token, t = string.sub(token, 7), l = string.rep("-", args.pad)
              .. string.rep(token .. " ", 2000),
          }
          local function fill(text) return (string.gsub(text, "%%(%a)", values)) end
          local body = fill(args.body)
          local lines = { "HTTP/1.1 " .. fill(args.status) }
          for _, line in ipairs(args.headers) do lines[#lines + 1] = fill(line) end
          lines[#lines + 1] = "content-length: " .. #body
          c:write(table.concat(lines, "\r\n") .. "\r\n\r\n", body)
          c:fin()
          return false
        end, { args = { status = answer.status, headers = answer.headers, body = answer.body, pad = pad } },
          function(value, err)
          assert.is_nil(value)
          shown(err)
        end)
      end
    end
  end)

  it("case 47: echoed as the request id of a success it is masked for hooks and in meta", function()
    wire.each_method(function(c, request)
      local token = request.headers["x-oneflow-api-token"]
      c:reply(200, { "content-type: application/json", "x-request-id: a\27 " .. token },
        '{"id":4711}')
    end, {}, function(value, err) -- the hooks of wire.client look for it, too
      assert.is_truthy(value, tostring(err))
      assert.equal("a  ***", value.meta.request_id)
    end)
  end)

  it("case 47: after a new token both the old and the new one are masked", function()
    local target = wire.faulty(function(c, request)
      c:reply(401, { "content-type: application/json" }, '{"title":"refused '
        .. request.headers["x-oneflow-api-token"] .. '"}')
    end)
    local old = wire.TOKEN .. "-old"
    local client = assert(oneflow.client {
      base_url = target.url, token = function(why) return why == "refused" and wire.TOKEN .. "-new"
        or old end,
      hooks = wire.HOOKS,
    })
    wire.good_call(client)
    local journal = target:journal()
    assert.equal(2, #journal)
    assert.equal(old, journal[1].headers["x-oneflow-api-token"])
    assert.equal(wire.TOKEN .. "-new", journal[2].headers["x-oneflow-api-token"])
    target:stop()

    target = require("spec.support.server").start(function(s, args)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(401, { "content-type: application/json" }, '{"title":"refused ' .. args.old .. ' and '
            .. args.new .. '"}')
        end
      end)
    end, { old = old, new = wire.TOKEN .. "-new" })
    client = assert(oneflow.client {
      base_url = target.url, token = function(why) return why == "refused" and wire.TOKEN .. "-new"
        or old end,
    })
    for _, method in ipairs(wire.METHODS) do
      local value, err = wire.call(client, method)
      assert.is_nil(value)
      assert.equal("authentication", err.kind)
      assert.is_truthy(string.find(tostring(err), "***", 1, true), tostring(err))
    end
  end)

  it("case 47: an error that is made after a hook closed the client shows the token no more than any other", function()
    for _, answer in ipairs { { 401, "application/json", "}" }, { 200, "text/" .. wire.TOKEN, "" } } do
      for _, method in ipairs(wire.METHODS) do
        local target = wire.faulty(function(c, request, args)
          c:reply(args[1], { "content-type: " .. args[2] },
            '{"title":"' .. request.headers["x-oneflow-api-token"] .. '"' .. args[3])
        end, { args = answer })
        local client
        client = wire.client(target, { hooks = { on_response = function() client:close() end } })
        local value, err = wire.call(client, method) -- which looks for the token in the error
        assert.is_nil(value)
        assert.equal(answer[1], err.status)
        assert.equal(answer[1] == 200 and "unknown" or "refused", err.outcome)
        target:stop()
      end
    end
  end)

  it("case 47: client, user, handle, page and error show nothing in tostring, pairs or their metatables",
    function()
    local target = wire.faulty(function(c, request) c:good(request) end)
    local client = wire.client(target)
    local sven = assert(client:user(wire.SVEN))
    local contract = assert(sven:contract(4711):get())
    local page = assert(sven.contracts:list {})
    for name, object in pairs { client = client, user = sven, contract = contract, page = page,
      contracts = sven.contracts, meta = contract.meta } do
      wire.no_canary(tostring(object), name)
      wire.no_canary(getmetatable(object), "metatable of " .. name)
      if type(object) == "table" then wire.no_canary(object, name) end
    end
    assert.is_false(pcall(function() return client.token end) and client.token ~= nil)
    assert.is_false(pcall(function() return sven.client end) and sven.client ~= nil)
  end)
end)

-- Answers whose header lines are odd: a typed error or the right answer, no crash, and the next call is good.
local host = require "spec.support.host"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

describe("odd answers:", function()
  after_each(wire.clean)

  -- In a process of its own: three calls, one after the other. -> how each ended, and how many easy handles
  -- were made after the first of them
  local function three(args)
    local failing = args.library and assert(package.loadlib(args.library, "luaopen_failing_curl"))()
    local oneflow = require "oneflow"
    local client = assert(oneflow.client { base_url = args.url, token = args.token, timeout = 5, retry = false })
    local sven = client:user "sven@example.com"
    local function call() return sven:request(args.method, "/contracts/4711", { body = args.body }) end
    local gatherer = args.threaded and oneflow.gatherer {}
    local ends, handles = {}, {}
    for i = 1, 3 do
      local value, err
      if gatherer then
        gatherer:add(call, function(...) value, err = ... end)
        gatherer:wait()
      else
        value, err = call()
      end
      ends[i] = value and "contract " .. value.id or err.kind .. ", " .. err.outcome
      handles[i] = failing and failing.handles()
    end
    client:close()
    return { ends = ends, more = failing and handles[3] - handles[1] }
  end

  for _, threaded in ipairs { false, true } do
    for _, method in ipairs(wire.METHODS) do
      it(string.format("case 54: the second answer of a connection begins with a folded header line: %s, %s", method,
        threaded and "I/O thread" or "inline"), function()
        for _, blank in ipairs { " ", "\t" } do
          local target = wire.faulty(function(c, _, args)
            c:write("HTTP/1.1 200 OK\r\n" .. args.blank .. "x-more: y\r\ncontent-type: application/json\r\n"
              .. 'content-length: 11\r\n\r\n{"id":4711}')
            c:until_closed()
            return false
          end, { warm = true, args = { blank = blank } })
          local result = process.start(three, { url = target.url, token = wire.TOKEN, method = method,
            threaded = threaded, body = method == "POST" and { a = 1 } or nil }):result()
          assert.same({ "contract 4711", "connection, unknown", "contract 4711" }, result.ends)
          assert.equal(3, #target:journal())
          target:stop()
        end
      end)
    end
  end

  -- Below 7.83 libcurl keeps no header lines, from 8.1.2 on no pointer to those of the answer before.
  for version, more in pairs { ["074600"] = 0, ["075300"] = 2, ["075801"] = 2, ["080101"] = 2, ["080102"] = 0 } do
    it("case 54: libcurl " .. version .. ": an easy handle takes a second answer only where that is safe", function()
      local target, library = wire.healthy(), host.failing "curl"
      local result = process.start(three, { url = target.url, token = wire.TOKEN, method = "GET", library = library },
        { env = { LD_PRELOAD = library, CURL_VERSION_NUM = version } }):result()
      assert.same({ "contract 4711", "contract 4711", "contract 4711" }, result.ends)
      assert.equal(more, result.more)
      local _, accepted = target:journal()
      assert.equal(1, accepted, "connections")
    end)
  end

  local LENGTH, BODY = "content-length: 11\r\n", '{"id":4711}'
  -- What comes between the status line's version and the body -> an error, or the contract
  local heads = {
    ["a header line that goes on in the next one"] = { "1.1 200 OK\r\nx-a: b\r\n\tc\r\n" .. LENGTH, good = true },
    ["one that goes on with a blank alone"] = { "1.1 200 OK\r\nx-a: b\r\n \r\n" .. LENGTH, good = true },
    ["a first line that goes on after an interim answer"] = {
      "1.1 103 Early Hints\r\nx-a: b\r\n\r\nHTTP/1.1 200 OK\r\n c\r\n" .. LENGTH },
    ["interim answers whose header lines do not end"] = {
      string.rep("1.1 103 Early Hints\r\nx-a: b\r\nHTTP/", 20) .. "1.1 200 OK\r\n" .. LENGTH },
    ["a length in hexadecimal"] = { "1.1 200 OK\r\ncontent-length: 0xb\r\n" },
    ["a length that begins as a number"] = { "1.1 200 OK\r\ncontent-length: 11b\r\n" },
    ["a length with a sign"] = { "1.1 200 OK\r\ncontent-length: +11\r\n" },
    ["an empty length"] = { "1.1 200 OK\r\ncontent-length:\r\n" },
    ["a length of 21 digits"] = { "1.1 200 OK\r\ncontent-length: 100000000000000000011\r\n" },
    ["a length that goes on in the next line"] = { "1.1 200 OK\r\ncontent-length: 1\r\n 1\r\n" },
    ["a list of lengths"] = { "1.1 200 OK\r\ncontent-length: 11, 11\r\n" },
    ["two lengths, the longer first"] = { "1.1 200 OK\r\n" .. LENGTH .. "content-length: 2\r\n" },
    ["two lengths, the shorter first"] = { "1.1 200 OK\r\nCONTENT-LENGTH: 2\r\n" .. LENGTH },
    ["the same length twice"] = { "1.1 200 OK\r\n" .. LENGTH .. LENGTH, good = true },
    ["HTTP/2 in clear"] = { "2 200\r\n" .. LENGTH },
    ["HTTP/1.0"] = { "1.0 200 OK\r\n" .. LENGTH, good = true },
    ["HTTP/1.7"] = { "1.7 200 OK\r\n" .. LENGTH },
    ["words in the place of the version"] = { "is spoken here\r\n" .. LENGTH },
    ["control bytes before the version"] = { "\1\1.1 200 OK\r\n" .. LENGTH },
    ["letters after the status"] = { "1.1 200an OK\r\n" .. LENGTH },
    ["a status of four digits"] = { "1.1 2000 OK\r\n" .. LENGTH },
    ["a status without words"] = { "1.1 200\r\n" .. LENGTH, good = true },
    ["a line that begins with a carriage return"] = { "1.1 200 OK\r\n" .. LENGTH .. "\rx-a: b\r\n" },
    ["a line of two carriage returns"] = { "1.1 200 OK\r\n" .. LENGTH .. "\r\r\n" },
    ["a line that ends with two carriage returns"] = { "1.1 200 OK\r\n" .. LENGTH .. "x-a: b\r\r\n" },
    ["a first line that ends with two carriage returns"] = { "1.1 200 OK\r\r\n" .. LENGTH },
    ["a transfer encoding that nobody asked for"] = {
      "1.1 200 OK\r\ntransfer-encoding: gzip\r\n" .. LENGTH, kind = "decode" },
    ["chunked twice"] = { "1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n", kind = "decode" },
    ["a header line without a colon"] = { "1.1 200 OK\r\nx-a\r\n" .. LENGTH },
  }
  for name, head in pairs(heads) do
    local kind = head.kind or "connection"
    it("case 54: " .. name .. ": " .. (head.good and "the right answer" or kind .. ", unknown"), function()
      local check = wire.fails(kind, "unknown", function(err)
        if kind == "connection" then assert.is_nil(err.status) end
      end)
      wire.each_method(function(c, _, args)
        c:write("HTTP/" .. args.head .. "content-type: application/json\r\n\r\n" .. args.body)
      end, { args = { head = head[1], body = BODY } }, not head.good and check or function(value, err)
        assert.is_truthy(value, tostring(err))
        assert.equal(4711, value.id)
      end)
    end)
  end

  it("case 54: interim answers without end are limit, in bounded memory", function()
    for _, method in ipairs(wire.METHODS) do
      local target = wire.faulty(function(c)
        local hints = string.rep("HTTP/1.1 103 Early Hints\r\nx-a: " .. string.rep("b", 200) .. "\r\n\r\n", 100)
        while c:write(hints) do end
        return false
      end)
      local client = wire.client(target, { timeout = 20, attempt_timeout = 20 })
      local growth, value, err = wire.growth(function() return wire.call(client, method) end)
      wire.fails("limit", "unknown")(value, err, method)
      assert.is_true(growth < 5e6, string.format("%s grew by %.1f MB", method, growth / 1e6))
      wire.good_call(client)
      client:close()
      target:stop()
    end
  end)

  it("a location that goes on in the next line is not followed in part", function()
    local other = wire.healthy()
    local target = wire.faulty(function(c, _, args)
      c:write("HTTP/1.1 302 Found\r\nlocation: " .. args.url .. "/a\r\n ?signature=1\r\ncontent-length: 0\r\n\r\n")
    end, { args = { url = other.url } })
    local client = wire.client(target)
    local value, err = client:user(wire.SVEN):contract(4711):file(1):download()
    assert.is_nil(value)
    assert.same({ "redirect", "refused" }, { err.kind, err.outcome })
    assert.equal(0, #other:journal())
    wire.good_call(client)
  end)
end)

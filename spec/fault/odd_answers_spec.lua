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
end)

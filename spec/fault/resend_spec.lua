-- libcurl itself repeats a request when a reused connection dies without an answer. The core's guard forbids
-- it.
local host = require "spec.support.host"
local make = require "spec.support.make"
local process = require "spec.support.process"
local wire = require "spec.support.wire"

local function check(value, err, method)
  wire.fails("connection", "unknown")(value, err, method)
  assert.is_nil(err.status)
end

describe("resend:", function()
  after_each(wire.clean)

  it("case 8: request read whole on a reused connection, then FIN: once, unknown", function()
    wire.each_method(function(c) c:fin() return false end, { warm = true }, check)
  end)

  it("case 8: request read whole on a reused connection, then RST: once, unknown", function()
    wire.each_method(function(c) c:rst() return false end, { warm = true }, check)
  end)

  it("case 8: the same on a new connection", function()
    wire.each_method(function(c) c:fin() return false end, {}, check)
    wire.each_method(function(c) c:rst() return false end, {}, check)
  end)

  -- A GET, then a POST that the server reads whole and answers with a FIN, in a process with the given core.
  local function arrivals(cpath)
    local target = wire.faulty(function(c) c:fin() return false end, { warm = true })
    local result = process.start(function(args)
      package.cpath = args.cpath .. package.cpath
      local oneflow = require "oneflow"
      local client = assert(oneflow.client { base_url = args.url, token = args.token, timeout = 2,
        attempt_timeout = 2 })
      local sven = assert(client:user(args.user))
      assert(sven:contract(4711):get())
      local contract, err = sven:contract(4711):publish { subject = "s", message = "m" }
      return { published = contract and true or false, kind = err and err.kind, outcome = err
        and err.outcome }
    end, { cpath = cpath, url = target.url, token = wire.TOKEN, user = wire.SVEN }):result()
    local posts = 0
    for _, request in ipairs((target:journal())) do
      if request.method == "POST" then posts = posts + 1 end
    end
    target:stop()
    return posts, result
  end

  it("the guard makes the difference: one arrival with it, two or more without it", function()
    local folder = host.folder()
    make("build", "BUILD='" .. folder .. "' CPPFLAGS=-DONEFLOW_WITHOUT_GUARD")
    local guarded, with = arrivals("")
    local unguarded, without = arrivals(folder .. "/" .. host.lua .. "/?.so;")
    print(string.format("\n  POST on a connection that dies after the request was read:\n"
      .. "  guard in:  %d arrival(s), the caller sees outcome = %s\n"
      .. "  guard out: %d arrival(s), the caller sees %s", guarded, tostring(with.outcome), unguarded,
      without.published and "success" or "outcome = " .. tostring(without.outcome)))
    assert.equal(1, guarded)
    assert.is_false(with.published)
    assert.equal("unknown", with.outcome)
    assert.is_true(unguarded >= 2)
  end)
end)

-- How long an idle connection may serve: the subject is time itself, so this waits for it, once.
local uv = require "luv"
local wire = require "spec.support.wire"

local IDLE_MS = 6200 -- libcurl counts whole seconds

describe("idle connections:", function()
  after_each(wire.clean)

  it("after more than 5 s a GET uses its own again, a POST a new one #timing", function()
    local for_get, for_post = wire.healthy(), wire.healthy()
    local reader, writer = wire.client(for_get), wire.client(for_post)
    wire.good_call(reader)
    wire.good_call(writer)
    local over = false
    local timer = uv.new_timer()
    timer:start(IDLE_MS, 0, function() over = true end)
    while not over do uv.run "once" end
    timer:close()
    assert(wire.call(reader, "GET"))
    assert(wire.call(writer, "POST"))
    local _, connections = for_get:journal()
    assert.equal(1, connections)
    local arrivals
    arrivals, connections = for_post:journal()
    assert.equal(2, connections)
    assert.equal(2, #arrivals)
    reader:close()
    writer:close()
  end)
end)

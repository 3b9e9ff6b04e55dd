-- cqueues polls a gatherer: calls finish while its other coroutines go on.
local cqueues = require "cqueues"
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

describe("cqueues:", function()
  after_each(wire.clean)

  it("a loop with a timer of its own, a gatherer and a condition: nothing waits for anything else", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for request in function() return c:request() end do
          s.await "go on"
          c:good(request)
        end
      end)
    end)
    local client = wire.client(target, { timeout = 10, attempt_timeout = 10 })
    local sven = assert(client:user(wire.SVEN))
    local gatherer = oneflow.gatherer { concurrency = 30 }
    local loop = cqueues.new()
    local ids, failures, ticks, over = {}, 0, 0, false
    for _ = 1, 30 do
      gatherer:add(function()
        local contract = assert(sven:contract(4711):get())
        return contract:publish {}
      end, function(contract)
        if contract then ids[#ids + 1] = contract.id else failures = failures + 1 end
      end)
    end
    loop:wrap(function()
      repeat cqueues.poll(gatherer) until gatherer:poll(0)
      over = true
    end)
    loop:wrap(function()
      repeat
        cqueues.sleep(0.002)
        ticks = ticks + 1
        -- Had anything blocked the loop until its calls are done, this would never be said.
        if ticks == 10 then target:tell "go on" end
      until over
    end)
    local done = 0
    loop:wrap(function() -- and calls that are added while it runs
      for _ = 1, 10 do
        cqueues.sleep(0.003)
        gatherer:add(function() return sven:contract(4711):get() end, function() done = done + 1 end)
      end
    end)
    assert(loop:loop())
    assert.equal(30, #ids)
    assert.equal(0, failures)
    assert.is_true(ticks >= 10)
    assert.is_true(over)
    gatherer:wait()
    assert.equal(10, done)
    assert.equal(70, #target:journal())
    client:close()
  end)
end)

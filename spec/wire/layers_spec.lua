-- The layers of a call: adding one takes a file and an entry in the list; what passes through them.
local attempts = require "oneflow.call.attempt"
local layers = require "oneflow.call.layers"
local wire = require "spec.support.wire"

-- As the comments of oneflow.call.request and oneflow.call.attempt have them.
local REQUEST = "answer attempt_timeout body client form headers operation path query repeatable sink timeout user "
  .. "waiter"
local ATTEMPT = "fresh number started timeout"
local OUTCOME = " body bytes connection connects content_type failure location queued request_id retry_after sent "
  .. "status "

local function keys(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

describe("layers of a call:", function()
  after_each(wire.clean)

  -- The clients made in `use` have the layer, as the one right above the hooks.
  local function with(layer, use)
    table.insert(layers.list, #layers.list, { name = "of this spec", layer = layer })
    local good, result = pcall(use)
    table.remove(layers.list, #layers.list - 1)
    return assert(good and result, result)
  end

  local function busy_once()
    return wire.faulty(function(c)
      c:reply(503, { "content-type: application/json" }, '{"title":"busy"}')
    end)
  end

  it("another one is a function and an entry in the list: a second attempt of what may be repeated", function()
    local seen = {}
    local function again(next)
      return function(request, attempt)
        local outcome = next(request, attempt)
        seen[#seen + 1] = outcome.status
        if outcome.status ~= 503 or not request.repeatable then return outcome end
        outcome = next(request, attempts.new(request, attempt.number + 1, attempt.started))
        seen[#seen + 1] = outcome.status
        return outcome
      end
    end
    for _, method in ipairs(wire.METHODS) do
      local target = busy_once()
      local client = with(again, function() return wire.client(target) end)
      seen = {}
      local value, err = wire.call(client, method)
      if method == "GET" then
        assert.is_truthy(value, tostring(err))
        assert.equal(2, value.meta.attempts)
        assert.same({ 503, 200 }, seen)
      else
        assert.is_nil(value)
        assert.equal(503, err.status)
        assert.equal("unknown", err.outcome)
        assert.same({ 503 }, seen)
      end
      assert.equal(#seen, #target:journal())
      client:close()
      target:stop()
    end
  end)

  it("a client that was made before has no part in it", function()
    local target, ran = wire.healthy(), false
    local before = wire.client(target)
    with(function(next)
      ran = true
      return next
    end, function()
      assert.is_truthy(wire.call(before, "GET"))
      assert.is_false(ran)
      return true
    end)
  end)

  it("a client without a layer's feature does not have the layer", function()
    local function inner() end
    local function made(state)
      local names = {}
      for _, entry in ipairs(layers.list) do
        if entry.layer(inner, state) ~= inner then names[#names + 1] = entry.name end
      end
      return table.concat(names, " ")
    end
    assert.equal("storage", made {})
    assert.equal("storage", made { hooks = { on_error = print } })
    assert.equal("storage hooks", made { hooks = { on_request = print } })
    assert.equal("storage token", made { token_file = "/nowhere" })
    assert.equal("storage token hooks", made { token_function = print, hooks = { on_response = print } })
  end)

  it("request, attempt and outcome have the fields that are written down, and no others", function()
    local target, count = wire.healthy(), 0
    local function look(next)
      return function(request, attempt)
        assert.equal(REQUEST, table.concat(keys(request), " "))
        assert.equal(ATTEMPT, table.concat(keys(attempt), " "))
        local outcome = next(request, attempt)
        for _, name in ipairs(keys(outcome)) do
          assert.is_truthy(string.find(OUTCOME, " " .. name .. " ", 1, true), name)
        end
        count = count + 1
        return outcome
      end
    end
    local client = with(look, function() return wire.client(target) end)
    for _, method in ipairs(wire.METHODS) do assert.is_truthy(wire.call(client, method)) end
    assert.equal(#wire.METHODS, count)
  end)
end)

-- A stack that is nearly full: a call either does not begin, or comes to its end. (LuaJIT is not asked for room, see
-- csrc/core.c.)
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local unpack = table.unpack or unpack
local running_jit = rawget(_G, "jit") ~= nil

local SLOTS_MAX = 1000000 -- LUAI_MAXSTACK

local function start_echo()
  return server.start(function(s)
    s.serve(function(c)
      for request in function() return c:request() end do
        local id = string.match(request.target, "/contracts/(%d+)")
        if id == "404" then
          c:reply(404, { "content-type: application/json" }, '{"detail":"There is none"}')
        else
          c:reply(200, { "content-type: application/json" }, '{"id":' .. (id or "1") .. "}")
        end
      end
    end)
  end)
end

local filler = {}

local function above(fn, ...) -- not a tail call, which would drop what is below
  local value = fn((...))
  return value
end

-- Calls a function above so many slots, in a coroutine of its own: a stack that overflowed once is larger.
local function try(slots, fn)
  return coroutine.wrap(function() return pcall(above, fn, unpack(filler, 1, slots)) end)()
end

describe("the stack:", function()
  after_each(wire.clean)

  local calls = {
    ["a publish"] = function(sven) return (sven:contract(1):publish { subject = "s", message = "m" }) end,
    ["a read"] = function(sven) return (sven:contract(1):get()) end,
    ["what is not there"] = function(sven)
      local value, err = sven:contract(404):get()
      return value == nil and err.detail == "There is none"
    end,
  }

  for name, call in pairs(calls) do
    it("case 60: " .. name .. " does not begin where there is no room for it, and ends where it began", function()
      if running_jit then return end
      local begun, told, problems = 0, 0, 0
      local client = wire.client(start_echo(), { hooks = {
        on_request = function() begun = begun + 1 end,
        on_response = function() told = told + 1 end,
        on_error = function() problems = problems + 1 end,
      } })
      local sven = assert(client:user(wire.SVEN))
      local function run() return call(sven) end
      assert(run())
      local fits, full = SLOTS_MAX - 1000, SLOTS_MAX
      while full - fits > 1 do
        local slots = math.floor((fits + full) / 2)
        if try(slots, run) then fits = slots else full = slots end
      end
      assert.is_true(fits > SLOTS_MAX - 1000)
      for slots = fits - 2, fits + 130, 8 do
        begun, told = 0, 0
        local good, value = try(slots, run)
        if good then
          assert(value, "without a result")
          assert.equal(1, told)
        else
          assert.matches("stack overflow", value)
          assert.equal(0, begun, "it began, and then: " .. tostring(value))
        end
        assert.equal(0, problems)
      end
      client:close()
    end)
  end
end)

-- Numbers and lists on their way in and out, with the system's lua-cjson.
local oneflow = require "oneflow"
local server = require "spec.support.server"
local wire = require "spec.support.wire"

local integers = math.type ~= nil

describe("numbers and lists:", function()
  after_each(wire.clean)

  it("decoded ids are integers where Lua has them", function()
    local target = server.start(function(s)
      s.serve(function(c)
        for _ in function() return c:request() end do
          c:reply(200, { "content-type: application/json" },
            '{"id":4711,"_private":{"workspace_id":1e2,"value":{"amount":"10.00"}},"big":9007199254740992,"half":0.5}')
        end
      end)
    end)
    local contract, err = wire.client(target):contract(4711):get { as = wire.SVEN }
    assert.is_truthy(contract, tostring(err))
    assert.equal("/contracts/4711", "/contracts/" .. contract.data.id)
    assert.equal("100", tostring(contract.workspace_id))
    assert.equal(0.5, contract.data.half)
    if integers then
      for _, value in ipairs { contract.id, contract.data.id, contract.workspace_id, contract.data.big } do
        assert.equal("integer", math.type(value))
      end
      assert.equal("float", math.type(contract.data.half))
    end
  end)

  it("an empty list arrives as [], and large integers arrive exactly", function()
    local target = wire.healthy()
    local sven = assert(wire.client(target):user(wire.SVEN))
    assert(sven:contract(4711):update { tags = {}, sign_order = {} })
    assert(sven:contract(4711):update { tags = oneflow.array {}, sign_order = oneflow.null })
    assert(sven.contracts:create { workspace_id = 1234567890123456, template_id = "1234567890123457", parties = {} })
    assert(sven:request("POST", "/x", { body = { list = oneflow.array {}, object = {} } }))
    local bodies = {}
    for i, request in ipairs((target:journal())) do bodies[i] = request.body end
    assert.is_truthy(string.find(bodies[1], '"tags":[]', 1, true), bodies[1])
    assert.is_truthy(string.find(bodies[1], '"sign_order":[]', 1, true), bodies[1])
    assert.is_truthy(string.find(bodies[2], '"tags":[]', 1, true), bodies[2])
    assert.is_truthy(string.find(bodies[2], '"sign_order":null', 1, true), bodies[2])
    assert.is_truthy(string.find(bodies[3], '"workspace_id":1234567890123456[,}]'), bodies[3])
    assert.is_truthy(string.find(bodies[3], '"template_id":1234567890123457[,}]'), bodies[3])
    assert.is_truthy(string.find(bodies[3], '"parties":[]', 1, true), bodies[3])
    assert.is_truthy(string.find(bodies[4], '"list":[]', 1, true), bodies[4])
    assert.is_truthy(string.find(bodies[4], '"object":{}', 1, true), bodies[4])
  end)
end)

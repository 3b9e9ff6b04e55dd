-- Empty lists stay lists: from the service's text through the decoder, copies and oneflow.encode.
local core = require "oneflow.core"
local oneflow = require "oneflow"
local testing = require "oneflow.testing"

-- In how many places a text has empty lists, empty objects.
local function empties(text)
  local lists = select(2, string.gsub(text, "%[%s*%]", ""))
  return { lists, (select(2, string.gsub(text, "{%s*}", ""))) }
end

describe("empty lists:", function()
  it("are lists again when they are encoded, wherever they are, and empty objects objects", function()
    for _, text in ipairs {
      "[]", "{}", "[ \n ]", "[[]]", "[{}]", "[[],{},[[],{}]]", '{"a":[]}', '{"a":{}}', '{"a":[],"b":{},"c":[1,[],2]}',
      '{"\\u0061":[ ],"x\\ty":{"z":[]}}', '[1,[],3.5,{"a":[],"b":5,"c":[]}]', '{"a":{"b":{"c":{"d":[]}}},"e":7}',
      '[[[[[[]]]]]]', '{"":[]}', '[null,[],true,[],"x",[]]',
    } do
      local value = core.decode(text)
      assert.same(empties(text), empties(core.encode(value)), text)
      assert.same(empties(text), empties(core.encode(core.copy(value))), text)
      assert.same(empties(text), empties(assert(oneflow.encode(value))), text)
    end
  end)

  it("a list that is filled, and an object beside it, are written as they are", function()
    local value = core.decode '{"tags":[],"more":{}}'
    value.tags[1], value.more.x = "a", 1
    assert.same({ tags = { "a" }, more = { x = 1 } }, core.decode(core.encode(value)))
    assert.equal('{"b":[]}', core.encode { b = oneflow.array {} })
  end)

  it("under a name that is there twice, the last one counts", function()
    assert.equal('{"a":[]}', core.encode(core.decode '{"a":{"x":1},"a":[]}'))
    assert.equal('{"a":{"x":1}}', core.encode(core.decode '{"a":[],"a":{"x":1}}'))
    assert.equal('{"a":5}', core.encode(core.decode '{"a":[],"a":5}'))
  end)

  it("a thousand of them, and 126 levels of them", function()
    local many = "[" .. string.rep('{"id":1,"tags":[],"links":[]},', 999) .. "[]]"
    assert.same({ 1999, 0 }, empties(core.encode(core.decode(many))))
    local deep = string.rep('{"a":[', 63) .. "[]" .. string.rep("]}", 63)
    assert.equal(deep, core.encode(core.decode(deep)))
  end)

  it("of what is read, oneflow.encode writes what the service sent", function()
    local anna = testing.sandbox {}:client():user "anna@example.com"
    local text = assert(anna:contract(4711):get { decode = false })
    local data = assert(anna:contract(4711):get()).data
    local encoded = assert(oneflow.encode(data))
    assert.same(empties(text), empties(encoded))
    assert.is_true(empties(encoded)[1] >= 3)
    assert.same(data, core.decode(encoded))
    assert.is_truthy(string.find(encoded, '"tags":[]', 1, true))
  end)

  it("oneflow.encode says what cannot be written, and raises for what is no data", function()
    assert.equal("null", oneflow.encode(oneflow.null))
    assert.equal("1234567890123456", oneflow.encode(1234567890123456))
    local text, err = oneflow.encode { list = { 1, 0 / 0 }, name = "\255" }
    assert.is_nil(text)
    assert.same({ "validation", "not_sent", "value.list[2]", "value.name" },
      { err.kind, err.outcome, err.problems[1].path, err.problems[2].path })
    local good, message = pcall(oneflow.encode, { f = print })
    assert.is_false(good)
    assert.is_truthy(string.find(message, "f: function cannot be sent", 1, true), message)
  end)
end)

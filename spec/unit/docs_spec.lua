-- The generated docs are up to date, and everything that users may call is annotated.
local words = require "docs.words"

local function contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe("docs:", function()
  it("the reference and the annotations are those of the endpoint table: else run `make docs`", function()
    local count = 0
    for path, text in pairs(assert(loadfile "docs/make.lua")("compare")) do
      assert.is_true(text == contents(path), path .. " is not what `make docs` writes")
      count = count + 1
    end
    assert.equal(2, count)
  end)

  it("the reference describes every operation", function()
    local text = contents "docs/reference.md"
    for name, operation in pairs(require("oneflow.api").operations) do
      assert.is_truthy(string.find(text, "\n### " .. name .. "\n", 1, true), name)
      assert.is_truthy(string.find(text, operation.summary, 1, true), name)
    end
  end)

  it("every method of every item and collection is annotated with its arguments and what comes back", function()
    local classes, class, comment = {}, nil, {}
    local annotations = contents "lua/oneflow/annotations.lua" .. contents "lua/oneflow/webhook/subscriptions.lua"
    for line in string.gmatch(annotations, "([^\n]*)\n") do
      class = string.match(line, "^%-%-%-@class ([%w.]+)") or class
      local field = string.match(line, "^%-%-%-@field (%S+)")
      local method, arguments = string.match(line, "^function [%l_]+:([%l_]+)%((.-)%) end$")
      if string.find(line, "^%-%-%-") then
        comment[#comment + 1] = line
      else
        if method then
          local text = table.concat(comment, "\n")
          for argument in string.gmatch(arguments, "[%l_]+") do
            assert.is_truthy(string.find(text, "---@param " .. argument .. "[ ?]"), class .. ":" .. method)
          end
          assert.is_truthy(string.find(text, "---@return ", 1, true), class .. ":" .. method)
        end
        comment = {}
      end
      if class then
        classes[class] = classes[class] or {}
        if field or method then classes[class][field or method] = true end
      end
    end
    local count = 0
    local function annotated(class_name, members)
      for name in pairs(members) do
        if name ~= "at" then -- belongs to oneflow.Item
          assert.is_truthy(classes[class_name] and classes[class_name][name], class_name .. " lacks " .. name)
          count = count + 1
        end
      end
    end
    local function class_of(path)
      if path == "user" then return "oneflow.UserRecord" end -- oneflow.User acts
      return "oneflow." .. string.gsub("_" .. path, "[._]+(%l)", string.upper)
    end
    local tree = require "oneflow.object.tree"
    for name, collection in pairs(tree.root.collections) do
      annotated(class_of("client." .. name), collection.methods)
    end
    annotated("oneflow.User", tree.root.collections)
    annotated("oneflow.User", tree.root.items)
    words.each_place(function(kind, path)
      annotated(class_of(path), kind.methods)
      annotated(class_of(path), kind.items)
      annotated(class_of(path), kind.collections)
      annotated(class_of(path), kind.resource.accessors or {})
      for name, collection in pairs(kind.collections) do
        annotated(class_of(path .. "." .. name), collection.methods)
      end
    end)
    assert.is_true(count > 200, tostring(count))
  end)

  it("every function of the modules that a user requires is annotated", function()
    local seen = 0
    for _, module in ipairs { "init", "build", "testing", "webhook", "time", "money" } do
      local file = io.open("lua/oneflow/" .. module .. ".lua")
      local comment = {}
      for line in (file and file:lines() or function() return nil end) do
        local name, arguments = string.match(line, "^function [MB][%l]*[.:]([%l_%d]+)%((.-)%)")
        if string.find(line, "^%-%-%-") then
          comment[#comment + 1] = line
        else
          if name then
            local text = table.concat(comment, "\n")
            assert.is_truthy(string.find(text, "^%-%-%- ?%u"), module .. "." .. name .. " says what it does")
            for argument in string.gmatch(arguments, "[%w_]+") do
              assert.is_truthy(string.find(text, "---@param " .. argument .. "[ ?]"), module .. "." .. name)
            end
            seen = seen + 1
          end
          comment = {}
        end
      end
      if file then file:close() end
    end
    assert.is_true(seen >= 15, tostring(seen))
  end)
end)

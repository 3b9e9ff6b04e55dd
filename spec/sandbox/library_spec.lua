-- The library and the sandbox together: every operation through the objects, in-process and over a socket.
-- That no operation of the table is left out is seen in spec/wire/operations_spec.lua.
local good_calls = require "spec.support.good_calls"
local testing = require "oneflow.testing"
local wire_lines = require "spec.support.wire_lines"

for _, kind in ipairs{ "sandbox", "server" } do
  describe("the library against testing." .. kind, function()
    local box
    setup(function() box = testing[kind]() end)
    teardown(function() box:stop() end)

    it("every operation does what it says, at the method and path that are written by hand", function()
      local client, lines, expected, linked = box:client(), wire_lines.read(), {}, 0
      assert.same({}, good_calls.each(function(name, user, ids, call)
        local line = lines[name]
        local path = wire_lines.path(line, ids)
        expected[#expected + 1] = { name, line.method, "/v1" .. path, user, "start", 200 }
        local value, err = call(assert(client:user(user)))
        local links = string.find(name, "%.get$") and type(value) == "userdata" and value:at "_links"
        if links and links.self then
          linked = linked + 1
          assert.equal(box.base_url .. path, links.self.href)
        end
        return value, err
      end))
      assert.is_true(linked > 6, tostring(linked))
      local arrived = {}
      for i, entry in ipairs(box:journal()) do
        arrived[i] = {
          entry.operation, entry.method, entry.path, entry.user_email, entry.token, entry.status,
        }
      end
      assert.same(expected, arrived)
      client:close()
    end)

    it("each visits every one of many, while drafts are published", function()
      box:reset()
      box:add_contracts(350, { created_from = "2025-01-01T00:00:00+00:00", created_to = "2025-03-01T00:00:00+00:00" })
      local client = box:client()
      local anna, seen, count = assert(client:user "anna@example.com"), {}, 0
      for draft in anna.contracts:each{ filter = { states = { "draft" } } } do
        assert.is_nil(seen[draft.id])
        seen[draft.id], count = true, count + 1
        if count % 7 == 0 then assert(draft:publish{}) end
      end
      assert.equal(351, count)
      client:close()
    end)

    it("problems of a body come back by their paths, though the library did not look", function()
      local client = box:client()
      local _, err = assert(client:user "anna@example.com").contracts:create({
        workspace_id = 101, template_id = 201, name = string.rep("x", 131), parties = { { type = "company" } },
      }, { unchecked = true })
      assert.same({ "validation", "refused", 400 }, { err.kind, err.outcome, err.status })
      local found = {}
      for _, each in ipairs(err.problems) do found[each.path] = each.messages[1] end
      for _, path in ipairs{ "name", "parties[0].name", "parties[0].participants" } do
        assert.is_string(found[path], path)
      end
      client:close()
    end)
  end)
end

-- Every operation of the endpoint table once, as raw requests, in-process and through nginx.
local api = require "oneflow.api"
local core = require "oneflow.core"
local process = require "spec.support.process"
local requests = require "spec.sandbox.requests"
local testing = require "oneflow.testing"

local ADMIN, ANNA = "admin@example.com", "anna@example.com"

local PERSON = '{"name":"Bo","email":"bo@buyer.example","delivery_channel":"email"}'
local BOUNDARY = "a-boundary"
local UPLOAD = table.concat({
  "--" .. BOUNDARY, 'Content-Disposition: form-data; name="upload_as"', "", "attachment",
  "--" .. BOUNDARY, 'Content-Disposition: form-data; name="file"; filename="list.txt"', "Content-Type: text/plain", "",
  "some bytes", "--" .. BOUNDARY .. "--", "",
}, "\r\n")

-- method, path, body, user; `{name}` in a path stands for what an earlier step found: `keep` names it.
local STEPS = {
  { "GET", "/" }, { "GET", "/ping" }, { "GET", "/accounts/me" }, { "GET", "/users" }, { "GET", "/users/302" },
  { "GET", "/logs" }, { "GET", "/error_codes/4040000" },

  { "GET", "/contacts?workspace_id=101" }, { "POST", "/contacts", '{"workspace_id":101,"name":"C"}', keep = "contact" },
  { "GET", "/contacts/{contact}" }, { "PUT", "/contacts/{contact}", '{"title":"T"}' },
  { "DELETE", "/contacts/{contact}" },

  { "GET", "/contracts" },
  { "POST", "/contracts/create", '{"workspace_id":101,"template_id":201,"name":"N"}', ANNA, keep = "contract" },
  { "GET", "/contracts/{contract}" }, { "PUT", "/contracts/{contract}", '{"_private":{"name":"M"}}', ANNA },
  { "POST", "/contracts/4711/copy", '{"workspace_id":101}', ANNA, keep = "copy" },
  { "POST", "/contracts/{copy}/move", '{"workspace_id":102}', ADMIN },
  { "POST", "/contracts/{copy}/mark_as_signed", nil, ADMIN },

  { "GET", "/contracts/{contract}/parties" },
  { "POST", "/contracts/{contract}/parties",
    '{"type":"company","name":"Buyer AB","participants":[' .. PERSON .. "]}", ANNA, keep = "party" },
  { "GET", "/contracts/{contract}/parties/{party}" },
  { "PUT", "/contracts/{contract}/parties/{party}", '{"name":"Buyer Ltd"}', ANNA },
  { "POST", "/contracts/{contract}/parties/{party}/participants",
    '{"name":"Di","email":"di@buyer.example","delivery_channel":"email"}', ANNA, keep = "participant" },
  { "PUT", "/contracts/{contract}/parties/{party}/participants/{participant}", '{"title":"CFO"}', ANNA },
  { "POST", "/contracts/{contract}/participants/{participant}/access_link", "{}" },
  { "DELETE", "/contracts/{contract}/parties/{party}/participants/{participant}", nil, ANNA },
  { "DELETE", "/contracts/{contract}/parties/{party}", nil, ANNA },

  { "GET", "/contracts/4711/data_fields" },
  { "PUT", "/contracts/4711/data_fields", '{"data_fields":[{"id":261,"value":"2026-04-01"}]}', ANNA },
  { "PUT", "/contracts/4711/data_fields/c::org-nr", '{"value":"1"}', ANNA },

  { "GET", "/contracts/{contract}/product_groups", keep = "group", from = "data" },
  { "PUT", "/contracts/{contract}/product_groups", '{"product_groups":[{"products":[{"name":"A"}]}]}', ANNA },
  { "GET", "/contracts/{contract}/product_groups/{group}" },
  { "PUT", "/contracts/{contract}/product_groups/{group}", '{"products":[{"name":"B"}]}', ANNA },
  { "POST", "/contracts/{contract}/product_groups/{group}/products", '{"name":"C"}', ANNA, keep = "product" },
  { "PUT", "/contracts/{contract}/product_groups/{group}/products/{product}", '{"name":"D"}', ANNA },
  { "PUT", "/contracts/{contract}/products/{product}", '{"name":"E"}', ANNA },
  { "GET", "/contracts/{contract}/products" }, { "GET", "/contracts/{contract}/products/{product}" },
  { "DELETE", "/contracts/{contract}/products/{product}", nil, ANNA },

  { "GET", "/contracts/{contract}/comments" }, { "POST", "/contracts/{contract}/comments", '{"body":"Hi"}', ANNA },
  { "GET", "/contracts/4714/reminders" },
  { "POST", "/contracts/4714/reminders",
    '{"date_time":"2099-01-01T08:00:00+00:00","subject":"S","message":"M","reminder_recipients":[302]}', ANNA },
  { "GET", "/contracts/{contract}/events", keep = "event", from = "data" },
  { "GET", "/contracts/{contract}/events/{event}" },
  { "POST", "/contracts/{contract}/files", UPLOAD, ANNA, type = "multipart/form-data; boundary=" .. BOUNDARY },
  { "GET", "/contracts/{contract}/files" }, { "GET", "/contracts/{contract}/files/1" },

  { "GET", "/folders" }, { "POST", "/folders", '{"name":"F","workspace_id":101}', keep = "folder" },
  { "PUT", "/folders/{folder}", '{"name":"G"}' }, { "DELETE", "/folders/{folder}" },
  { "GET", "/templates", nil, ANNA }, { "GET", "/templates/201" }, { "GET", "/templates/201/files/291" },
  { "GET", "/template_types" }, { "POST", "/template_types", '{"name":"T"}', keep = "type" },
  { "GET", "/template_types/{type}" }, { "PUT", "/template_types/{type}", '{"description":"D"}' },
  { "PUT", "/template_types/{type}/data_fields", '{"data_fields":[{"custom_id":"a","name":"A"}]}', ADMIN },
  { "GET", "/helpers/template_types/{type}/data_fields" }, { "DELETE", "/template_types/{type}" },
  { "GET", "/helpers/contract_create_data", nil, ANNA },
  { "GET", "/workspaces" }, { "GET", "/workspaces/101" },
  { "GET", "/tags" }, { "POST", "/tags", '{"name":"New"}', keep = "tag" }, { "GET", "/tags/{tag}" },
  { "PUT", "/tags/{tag}", '{"name":"Newer"}' }, { "DELETE", "/tags/{tag}" },
  { "GET", "/webhooks" }, { "POST", "/webhooks", '{"callback_url":"https://example.com/"}', keep = "webhook" },
  { "GET", "/webhooks/{webhook}" }, { "PUT", "/webhooks/{webhook}", '{"callback_url":"https://example.com/x"}' },
  { "DELETE", "/webhooks/{webhook}" },

  { "POST", "/contracts/4711/publish", nil, ANNA }, { "POST", "/contracts/4711/decline", nil, ANNA },
  { "DELETE", "/contracts/{contract}", nil, ANNA },
}

local PLACES = {
  { "in-process", testing.sandbox, requests.in_process },
  { "through nginx", testing.server, requests.over_http },
}

for _, place in ipairs(PLACES) do
  describe("every operation " .. place[1], function()
    local box
    setup(function() box = place[2]() end)
    teardown(function()
      box:stop()
      process.clean()
    end)

    it("is answered with 200, and each of the table is among them", function()
      local call, found = place[3](box), {}
      for _, step in ipairs(STEPS) do
        local path, query = string.match(string.gsub(step[2], "{(%l+)}", found), "^([^?]*)%??(.*)$")
        local status, body = call(step[1], path, {
          body = step[3], user = step[4], query = query ~= "" and query or nil, content_type = step.type,
        })
        assert.equal(200, status, step[1] .. " " .. path .. ": " .. core.encode(body))
        if step.keep then
          found[step.keep] = string.format("%d", step.from and body[step.from][1].id or body.id)
        end
      end
      local answered, missing = {}, {}
      for _, entry in ipairs(box:journal()) do answered[entry.operation] = true end
      for name in pairs(api.operations) do
        if not answered[name] then missing[#missing + 1] = name end
      end
      assert.same({}, missing)
    end)
  end)
end

-- The contents of a new sandbox: data only, in the form that `oneflow sandbox serve --seed FILE.json` accepts, too
-- (`oneflow sandbox seed` prints it as JSON to start from). Its fields: see seed_fields.lua.
local SALES, PURCHASING, OTHER = 101, 102, 103

local function signatory(name, email)
  return { name = name, email = email, delivery_channel = "email", signatory = true,
           sign_method = "standard_esign", title = "CEO", phone_number = "+46700000001" }
end

local function customer(name, number, person, email)
  return { type = "company", name = name, country_code = "SE", identification_number = number,
           participants = { signatory(person, email) } }
end

local my_party = {
  name = "Example Company AB", country_code = "SE", identification_number = "556000-0000",
  participants = {
    { name = "Anna Example", email = "anna@example.com", delivery_channel = "email",
      signatory = true, organizer = true, sign_method = "standard_esign", title = "Sales manager" },
  },
}

return {
  accounts = {
    {
      id = 11, name = "Example Company AB", country_code = "SE", registration_number = "556000-0000",
      plan = "business", extension = true,
      workspaces = {
        { id = SALES, name = "Sales" },
        { id = PURCHASING, name = "Purchasing" },
      },
      templates = {
        {
          id = 201, name = "Service agreement", template_type_id = 251, workspaces = { SALES },
          can_receive_attachments = true, can_receive_expanded_pdf = true, product_groups = { { id = 292 } },
          files = { { id = 291, name = "Terms", extension = "pdf", type = "pdf" } },
        },
        { id = 202, name = "Purchase order", template_type_id = 252, workspaces = { PURCHASING } },
      },
      template_types = {
        {
          id = 251, name = "Agreements", description = "What an agreement is made of",
          data_fields = {
            { id = 261, custom_id = "start_date", name = "Start date" },
            { id = 262, custom_id = "org-nr", name = "Org. number", placeholder = "556000-0000" },
          },
        },
        { id = 252, name = "Orders", extension_type = "hubspot",
          data_fields = { { id = 263, custom_id = "cost_centre", name = "Cost centre" } } },
      },
      folders = {
        { id = 281, name = "Customers", workspace_id = SALES },
        { id = 282, name = "Renewals", workspace_id = SALES, parent_id = 281 },
        { id = 283, name = "Orders", workspace_id = PURCHASING },
      },
      contacts = {
        { id = 284, workspace_id = SALES, name = "Cecilia Customer", email = "cecilia@customer.example",
          company_name = "Example Customer AB", country_code = "SE" },
      },
      tags = { { id = 271, name = "Renewal" }, { id = 272, name = "Pilot" } },
      users = {
        { id = 301, email = "admin@example.com", name = "Alma Admin", title = "Administrator",
          is_admin = true },
        { id = 302, email = "anna@example.com", name = "Anna Example", title = "Sales manager",
          roles = { { workspace_id = SALES, role = "user" } } },
        { id = 303, email = "sven@example.com", name = "Sven Example", title = "Buyer",
          roles = { { workspace_id = PURCHASING, role = "user" } } },
        { id = 304, email = "viewer@example.com", name = "Vera Viewer", title = "Auditor",
          roles = { { workspace_id = SALES, role = "viewer" },
                    { workspace_id = PURCHASING, role = "viewer" } } },
        { id = 305, email = "inactive@example.com", name = "Ivar Inactive", active = false,
          roles = { { workspace_id = SALES, role = "user" } } },
      },
      contracts = {
        {
          id = 4711, name = "Service agreement - Example Customer AB",
          workspace_id = SALES, template_id = 201,
          state = "draft", created_time = "2026-02-03T08:00:00+00:00",
          value = { amount = "2400.00", currency = "SEK" },
          data_fields = {
            { custom_id = "start_date", value = "2026-03-01" },
            { custom_id = "org-nr", value = "556000-0001" },
          },
          parties = {
            customer("Example Customer AB", "556000-0001", "Cecilia Customer", "cecilia@customer.example"),
            { type = "individual", country_code = "NO",
              participant = {
                name = "Per Example", email = "per@customer.example", delivery_channel = "email",
              } },
          },
          product_groups = {
            { products = { { name = "Inspection", price_1 = { amount = { amount = "1200.00" } },
                             quantity = { type = "quantity", amount = 2 } } } },
          },
        },
        {
          id = 4712, name = "Office chairs", workspace_id = PURCHASING, template_id = 202,
          state = "draft", created_time = "2026-02-04T09:30:00+00:00",
          data_fields = { { custom_id = "cost_centre", value = "4100" } },
          parties = {
            customer("Chair Supplier AB", "556000-0003", "Stig Supplier", "stig@supplier.example"),
          },
        },
        {
          id = 4713, name = "Yearly maintenance", workspace_id = SALES, template_id = 201,
          state = "signed", created_time = "2025-11-01T08:00:00+00:00",
          published_time = "2025-11-02T08:00:00+00:00", state_updated_time = "2025-11-09T14:20:00+00:00",
          value = { amount = "18000.00", currency = "SEK" }, tags = { 271 }, my_party = my_party,
          data_fields = { { custom_id = "org-nr", value = "556000-0004" } },
          parties = {
            customer("Maintained AB", "556000-0004", "Maja Maintained", "maja@maintained.example"),
          },
        },
        {
          id = 4714, name = "Pilot project", workspace_id = SALES, template_id = 201,
          state = "pending", created_time = "2026-01-10T08:00:00+00:00",
          published_time = "2026-01-12T10:00:00+00:00", tags = { 272 }, my_party = my_party,
          parties = { customer("Pilot Customer AB", "556000-0005", "Pia Pilot", "pia@pilot.example") },
        },
      },
    },
    {
      id = 12, name = "Other Company AB", country_code = "SE", registration_number = "556000-0009",
      plan = "free", extension = true,
      workspaces = { { id = OTHER, name = "Everything" } },
      templates = { { id = 203, name = "Agreement", template_type_id = 253, workspaces = { OTHER } } },
      users = {
        { id = 306, email = "other@example.net", name = "Olle Other", is_admin = true, title = "Owner" },
      },
      contracts = {
        {
          id = 5711, name = "The other company's contract", workspace_id = OTHER, template_id = 203,
          state = "draft", created_time = "2026-02-05T08:00:00+00:00",
          parties = { customer("Third AB", "556000-0010", "Tor Third", "tor@third.example") },
        },
      },
    },
  },
}

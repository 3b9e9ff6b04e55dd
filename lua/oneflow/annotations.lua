---@meta oneflow.annotations
-- Written by `make docs` from the endpoint table (oneflow.api): change the table, not this file. For editors; never
-- loaded.


---@class oneflow.CommentCreateBody
---@field body string  string, at least 1 characters
---@field parent_id (integer|string)?  id, or null
---@field private boolean?
---@field recipients any[]?  list of any value

---@class oneflow.CommentListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.ContactCreateBody
---@field company_name string?  string, or null
---@field company_registration_number string?  string, or null
---@field country_code string?  country code, SE, or null
---@field date_of_birth string?  date, 2026-12-31, or null
---@field email string?  e-mail address, or null
---@field name string?
---@field notes string?  string, or null
---@field phone_number string?  phone number, +46700000001, or null
---@field title string?  string, or null
---@field workspace_id integer|string

---@class oneflow.ContactListQuery
---@field workspace_id integer|string
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.ContactUpdateBody
---@field company_name string?  string, or null
---@field company_registration_number string?  string, or null
---@field country_code string?  country code, SE, or null
---@field date_of_birth string?  date, 2026-12-31, or null
---@field email string?  e-mail address, or null
---@field name string?
---@field notes string?  string, or null
---@field phone_number string?  phone number, +46700000001, or null
---@field title string?  string, or null
---@field workspace_id (integer|string)?

---@class oneflow.ContractCopyBody
---@field folder_id (integer|string)?
---@field name string?  string, at most 130 characters
---@field workspace_id integer|string

---@class oneflow.ContractCreateBodyDataFields
---@field custom_id string
---@field value string  string, at most 1024 characters, or null

---@class oneflow.CustomIdFields
---@field custom_id string?  string, or null

---@class oneflow.PermissionsFields
---@field ["contract:update"] boolean?

---@class oneflow.MyParticipantFields
---@field _options table?  object
---@field _permissions oneflow.PermissionsFields?
---@field _private_ownerside oneflow.CustomIdFields?
---@field delivery_channel ("email"|"sms"|"same_device"|"none"|"email_and_sms"|string)?
---@field email string?  e-mail address
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, 1 to 100 characters
---@field organizer boolean?
---@field phone_number string?  phone number, +46700000001, or null
---@field sign_method ("standard_esign"|"sms"|"swedish_bankid"|"norwegian_bankid"|"danish_nemid"|"finnish_bankid"|"handwritten_signature"|"eid_sign"|string)?
---@field signatory boolean?
---@field title string?  string, at most 100 characters
---@field two_step_authentication_method ("none"|"email"|"sms"|string)?

---@class oneflow.MyPartyFields
---@field _private_ownerside oneflow.CustomIdFields?
---@field country_code string?  country code, SE
---@field creator_inherit_settings_from_template boolean?
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, at most 100 characters
---@field participants oneflow.MyParticipantFields[]?  list of my_participant

---phone_number needed when sign_method is sms.
---phone_number needed when two_step_authentication_method is sms.
---email needed when two_step_authentication_method is email.
---phone_number needed when delivery_channel is sms or email_and_sms.
---email needed when delivery_channel is email or email_and_sms.
---sign_method perhaps needed when signatory is true.
---@class oneflow.ParticipantFields
---@field _options table?  object
---@field _permissions oneflow.PermissionsFields?
---@field _private_ownerside oneflow.CustomIdFields?
---@field delivery_channel "email"|"sms"|"same_device"|"none"|"email_and_sms"|string
---@field email string?  e-mail address
---@field identification_number string?  string, at most 25 characters
---@field name string  string, 1 to 100 characters
---@field organizer boolean?
---@field phone_number string?  phone number, +46700000001, or null
---@field sign_method ("standard_esign"|"sms"|"swedish_bankid"|"norwegian_bankid"|"danish_nemid"|"finnish_bankid"|"handwritten_signature"|"eid_sign"|string)?
---@field signatory boolean?
---@field title string?  string, at most 100 characters
---@field two_step_authentication_method ("none"|"email"|"sms"|string)?

---no participants when type is individual.
---no participant when type is company.
---participant needed when type is individual.
---name, participants needed when type is company.
---@class oneflow.PartyFields
---@field _private_ownerside oneflow.CustomIdFields?
---@field country_code string?  country code, SE
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, 1 to 100 characters
---@field participant oneflow.ParticipantFields?
---@field participants oneflow.ParticipantFields[]?  list of participant, at least 1 items
---@field type "company"|"individual"

---@class oneflow.ProductGroupConfigurationColumns
---@field enabled boolean?
---@field key "name"|"description"|"price_1"|"price_2"|"count"|string
---@field label string?

---@class oneflow.ProductGroupConfigurationName
---@field enabled boolean?
---@field label string?

---@class oneflow.ProductGroupConfigurationPriceAffixes
---@field postfix string?
---@field prefix string?

---@class oneflow.ProductGroupConfiguration
---@field columns oneflow.ProductGroupConfigurationColumns[]?  list of object
---@field counterpart_edit boolean?
---@field hide_price_summation boolean?
---@field name oneflow.ProductGroupConfigurationName?
---@field price_affixes oneflow.ProductGroupConfigurationPriceAffixes?
---@field price_precision integer?  integer, 0 to 4
---@field quantity_precision integer?  integer, 0 to 4
---@field tax_1 table?  object

---@class oneflow.PriceAmount
---@field amount string  decimal string, "500.10"

---@class oneflow.PriceBaseAmount
---@field amount string  decimal string, "500.10"

---@class oneflow.PriceDiscountAmount
---@field amount string  decimal string, "500.10"

---at most one of discount_amount, discount_percent.
---@class oneflow.PriceFields
---@field amount oneflow.PriceAmount?
---@field base_amount oneflow.PriceBaseAmount?
---@field discount_amount oneflow.PriceDiscountAmount?  or null
---@field discount_percent (integer|string)?  integer or decimal string, or null

---amount one of 0, 1 when type is multiple_choice or single_choice.
---@class oneflow.QuantityFields
---@field amount (integer|string)?  integer or decimal string
---@field type ("quantity"|"multiple_choice"|"single_choice")?

---@class oneflow.ProductFields
---@field _private_ownerside oneflow.CustomIdFields?
---@field counterparty_lock boolean?
---@field description string?
---@field id (integer|string)?
---@field name string?
---@field price_1 oneflow.PriceFields?
---@field price_2 oneflow.PriceFields?
---@field quantity oneflow.QuantityFields?

---@class oneflow.ProductGroupFields
---@field configuration oneflow.ProductGroupConfiguration?
---@field id (integer|string)?
---@field products oneflow.ProductFields[]?  list of product, at most 150 items

---@class oneflow.TagFields
---@field id (integer|string)?
---@field name string?

---@class oneflow.MoneyFields
---@field amount string  decimal string, "500.10"
---@field currency string  string, 3 to 3 characters

---@class oneflow.ContractCreateBody
---@field data_fields oneflow.ContractCreateBodyDataFields[]?  list of object
---@field folder_id (integer|string)?
---@field my_party oneflow.MyPartyFields?
---@field name string?  string, at most 130 characters
---@field parties oneflow.PartyFields[]?  list of party, at most 40 items
---@field product_groups oneflow.ProductGroupFields[]?  list of product_group
---@field tags oneflow.TagFields[]?  list of tag
---@field template_id integer|string
---@field value oneflow.MoneyFields?  or null
---@field workspace_id integer|string

---@class oneflow.ContractListFilter
---@field created_time ({ from: (string|integer)?, to: (string|integer)? })?  { from =, to = }, times or seconds since 1970, at most 60 characters; its name is inferred: the service may not accept it
---@field data_field_match table<string, string>?  { custom_id = value }, at most 600 characters
---@field name string?
---@field published_time ({ from: (string|integer)?, to: (string|integer)? })?  { from =, to = }, times or seconds since 1970, at most 60 characters
---@field query string?
---@field states (("draft"|"pending"|"overdue"|"signed"|"declined"|string)[])?

---@class oneflow.ContractListQuery
---@field filter oneflow.ContractListFilter?  all of them must match
---@field sort (string|string[])?  name, state, state_updated_time, published_time; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.ContractMoveBody
---@field folder_id (integer|string)?  id, or null
---@field workspace_id integer|string

---@class oneflow.ContractPublishBody
---@field message string?
---@field subject string?

---expire_date needed when type is fixed_date.
---expire_days_after_publish needed when type is days_after_publish.
---@class oneflow.ContractUpdateBodyPrivateSigningPeriodExpiration
---@field expire_date string?  date, 2026-12-31
---@field expire_days_after_publish integer?  integer, at least 1
---@field type "never"|"days_after_publish"|"fixed_date"

---@class oneflow.ContractUpdateBodyPrivate
---@field name string?  string, at most 130 characters
---@field signing_period_expiration oneflow.ContractUpdateBodyPrivateSigningPeriodExpiration?
---@field value oneflow.MoneyFields?  or null

---@class oneflow.ContractUpdateBodySignOrder
---@field order integer  integer, at least 1
---@field participant_id integer|string

---@class oneflow.ContractUpdateBody
---@field _private oneflow.ContractUpdateBodyPrivate?
---@field sign_order oneflow.ContractUpdateBodySignOrder[]?  list of object, or null
---@field tags oneflow.TagFields[]?  list of tag

---@class oneflow.DataFieldListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.DataFieldUpdateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field id (integer|string)?
---@field value string?  string, at most 1024 characters, or null

---at least one of id, _private_ownerside.custom_id.
---@class oneflow.DataFieldsUpdateBodyDataFields
---@field _private_ownerside oneflow.CustomIdFields?
---@field id (integer|string)?
---@field value string?  string, at most 1024 characters, or null

---@class oneflow.DataFieldsUpdateBody
---@field data_fields oneflow.DataFieldsUpdateBodyDataFields[]  list of object

---@class oneflow.EventListQuery
---@field sort (string|string[])?  created_time, id, type; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.FileListQuery
---@field sort (string|string[])?  name, type, id, extension; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.FolderCreateBody
---@field name string  string, at least 1 characters
---@field parent_id (integer|string)?  id, or null
---@field workspace_id integer|string

---@class oneflow.FolderListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.FolderUpdateBody
---@field name string?  string, at least 1 characters
---@field parent_id (integer|string)?  id, or null

---@class oneflow.HelperContractCreateDataQuery
---@field extension_type string?
---@field template_type_id (integer|string)?

---@class oneflow.LogListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---phone_number needed when sign_method is sms.
---phone_number needed when two_step_authentication_method is sms.
---email needed when two_step_authentication_method is email.
---phone_number needed when delivery_channel is sms or email_and_sms.
---email needed when delivery_channel is email or email_and_sms.
---sign_method perhaps needed when signatory is true.
---@class oneflow.ParticipantCreateBody
---@field _options table?  object
---@field _permissions oneflow.PermissionsFields?
---@field _private_ownerside oneflow.CustomIdFields?
---@field delivery_channel "email"|"sms"|"same_device"|"none"|"email_and_sms"|string
---@field email string?  e-mail address
---@field identification_number string?  string, at most 25 characters
---@field name string  string, 1 to 100 characters
---@field organizer boolean?
---@field phone_number string?  phone number, +46700000001, or null
---@field sign_method ("standard_esign"|"sms"|"swedish_bankid"|"norwegian_bankid"|"danish_nemid"|"finnish_bankid"|"handwritten_signature"|"eid_sign"|string)?
---@field signatory boolean?
---@field title string?  string, at most 100 characters
---@field two_step_authentication_method ("none"|"email"|"sms"|string)?

---@class oneflow.ParticipantUpdateBody
---@field _options table?  object
---@field _permissions oneflow.PermissionsFields?
---@field _private_ownerside oneflow.CustomIdFields?
---@field delivery_channel ("email"|"sms"|"same_device"|"none"|"email_and_sms"|string)?
---@field email string?  e-mail address
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, 1 to 100 characters
---@field phone_number string?  phone number, +46700000001, or null
---@field sign_method ("standard_esign"|"sms"|"swedish_bankid"|"norwegian_bankid"|"danish_nemid"|"finnish_bankid"|"handwritten_signature"|"eid_sign"|string)?
---@field signatory boolean?
---@field title string?  string, at most 100 characters
---@field two_step_authentication_method ("none"|"email"|"sms"|string)?

---no participants when type is individual.
---no participant when type is company.
---participant needed when type is individual.
---name, participants needed when type is company.
---@class oneflow.PartyCreateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field country_code string?  country code, SE
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, 1 to 100 characters
---@field participant oneflow.ParticipantFields?
---@field participants oneflow.ParticipantFields[]?  list of participant, at least 1 items
---@field type "company"|"individual"

---@class oneflow.PartyListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.PartyUpdateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field country_code string?  country code, SE
---@field identification_number string?  string, at most 25 characters
---@field name string?  string, 1 to 100 characters

---@class oneflow.ProductCreateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field counterparty_lock boolean?
---@field description string?
---@field name string?
---@field price_1 oneflow.PriceFields?
---@field price_2 oneflow.PriceFields?
---@field quantity oneflow.QuantityFields?

---@class oneflow.ProductListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.ProductUpdateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field counterparty_lock boolean?
---@field description string?
---@field name string?
---@field price_1 oneflow.PriceFields?
---@field price_2 oneflow.PriceFields?
---@field quantity oneflow.QuantityFields?

---@class oneflow.ProductGroupListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.ProductGroupProductUpdateBody
---@field _private_ownerside oneflow.CustomIdFields?
---@field counterparty_lock boolean?
---@field description string?
---@field name string?
---@field price_1 oneflow.PriceFields?
---@field price_2 oneflow.PriceFields?
---@field quantity oneflow.QuantityFields?

---@class oneflow.ProductGroupUpdateBody
---@field configuration oneflow.ProductGroupConfiguration?
---@field products oneflow.ProductFields[]?  list of product, at most 150 items

---@class oneflow.ProductGroupsUpdateBody
---@field product_groups oneflow.ProductGroupFields[]?  list of product_group

---@class oneflow.ReminderCreateBody
---@field date_time string|integer  time, 2026-06-30T07:15:23+00:00 or seconds since 1970
---@field message string  string, 1 to 5000 characters
---@field reminder_recipients any[]  list of any value, at least 1 items
---@field subject string  string, 1 to 150 characters

---@class oneflow.ReminderListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.TagCreateBody
---@field name string  string, at least 1 characters

---@class oneflow.TagListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.TagUpdateBody
---@field name string  string, at least 1 characters

---@class oneflow.TemplateListFilter
---@field active (boolean|"any")?  true, false or "any"
---@field workspace_ids ((integer|string)[])?  list of id

---@class oneflow.TemplateListQuery
---@field extension_type string?
---@field template_type_id (integer|string)?
---@field filter oneflow.TemplateListFilter?  all of them must match
---@field sort (string|string[])?  name; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.TemplateTypeCreateBody
---@field description string?
---@field name string  string, at least 1 characters

---@class oneflow.TemplateTypeListQuery
---@field sort (string|string[])?  name; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.TemplateTypeUpdateBody
---@field description string?
---@field name string?  string, at least 1 characters

---@class oneflow.TemplateTypeDataFieldListQuery

---@class oneflow.TemplateTypeDataFieldsReplaceBodyDataFields
---@field custom_id string  string, at least 1 characters
---@field description string?
---@field name string  string, at least 1 characters
---@field placeholder string?
---@field value string?  string, at most 1024 characters, or null

---@class oneflow.TemplateTypeDataFieldsReplaceBody
---@field data_fields oneflow.TemplateTypeDataFieldsReplaceBodyDataFields[]  list of object

---@class oneflow.UserListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.WebhookCreateBodyFiltersFilterRules
---@field type "EVENT_TYPE"|"WORKSPACE"
---@field values (string|integer)[]  list of name or id, 1 to 50 items

---@class oneflow.WebhookCreateBodyFilters
---@field filter_rules oneflow.WebhookCreateBodyFiltersFilterRules[]  list of object, 1 to 2 items

---@class oneflow.WebhookCreateBody
---@field callback_url string  https address, 1 to 1000 characters
---@field configuration table?  object, or null
---@field filters oneflow.WebhookCreateBodyFilters[]?  list of object
---@field integration_process_id (integer|string)?  id, or null
---@field sign_key string?  string, or null
---@field template_group_id (integer|string)?  id, or null

---@class oneflow.WebhookListQuery
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900

---@class oneflow.WebhookUpdateBody
---@field callback_url string  https address, 1 to 1000 characters
---@field configuration table?  object, or null
---@field filters oneflow.WebhookCreateBodyFilters[]?  list of object
---@field integration_process_id (integer|string)?  id, or null
---@field sign_key string?  string, or null
---@field template_group_id (integer|string)?  id, or null

---@class oneflow.WorkspaceListFilter
---@field id ((integer|string)[])?  list of id
---@field name string?

---@class oneflow.WorkspaceListQuery
---@field filter oneflow.WorkspaceListFilter?  all of them must match
---@field sort (string|string[])?  name; with - descending
---@field limit integer?  1 to 100 (100)
---@field offset integer?  0 to 19900
do
---@class oneflow.ClientContacts: oneflow.Collection
local contacts = {}

---Adds a contact to a workspace.
---POST /contacts. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.ContactCreateBody?
---@param opts oneflow.Options?
---@return oneflow.Contact? contact, oneflow.Error? err
function contacts:create(body, opts) end

---The contacts of a workspace.
---GET /contacts. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.ContactListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Contact[])? page, oneflow.Error? err
function contacts:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.ContactListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Contact?
function contacts:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.ContactListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Contact[])?
function contacts:pages(query, opts) end

end

do
---@class oneflow.ClientContracts: oneflow.Collection
local contracts = {}

---Creates a draft from a template. There is no idempotency key: sent twice, it creates two contracts.
---POST /contracts/create. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/create-a-contract
---@param body oneflow.ContractCreateBody?
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contracts:create(body, opts) end

---The contracts that the acting user may see; each item is partial.
---GET /contracts. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.ContractListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Contract[])? page, oneflow.Error? err
function contracts:list(query, opts) end

---Visits each item once; raises the error. If sorted by name, state, state_updated_time, published_time, which can change, items that others moved meanwhile come last. More than 20 000 are read in slices of published_time or created_time, unless a sort is given.
---@param query oneflow.ContractListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Contract?
function contracts:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.ContractListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Contract[])?
function contracts:pages(query, opts) end

end

do
---@class oneflow.ClientFolders: oneflow.Collection
local folders = {}

---Creates a folder in a workspace, or in another folder.
---POST /folders. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.FolderCreateBody?
---@param opts oneflow.Options?
---@return oneflow.Folder? folder, oneflow.Error? err
function folders:create(body, opts) end

---The folders.
---GET /folders. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param query oneflow.FolderListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Folder[])? page, oneflow.Error? err
function folders:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.FolderListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Folder?
function folders:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.FolderListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Folder[])?
function folders:pages(query, opts) end

end

do
---@class oneflow.ClientHelpers: oneflow.Collection
local helpers = {}

---The workspaces in which the acting user may create contracts, each with its templates.
---GET /helpers/contract_create_data. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.HelperContractCreateDataQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Workspace[])? page, oneflow.Error? err
function helpers:contract_create_data(query, opts) end

end

do
---@class oneflow.ClientLogs: oneflow.Collection
local logs = {}

---The log entries.
---GET /logs. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param query oneflow.LogListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Log[])? page, oneflow.Error? err
function logs:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.LogListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Log?
function logs:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.LogListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Log[])?
function logs:pages(query, opts) end

end

do
---@class oneflow.ClientTags: oneflow.Collection
local tags = {}

---Creates a tag.
---POST /tags. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.TagCreateBody?
---@param opts oneflow.Options?
---@return oneflow.Tag? tag, oneflow.Error? err
function tags:create(body, opts) end

---The tags.
---GET /tags. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.TagListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Tag[])? page, oneflow.Error? err
function tags:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.TagListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Tag?
function tags:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.TagListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Tag[])?
function tags:pages(query, opts) end

end

do
---@class oneflow.ClientTemplateTypes: oneflow.Collection
local template_types = {}

---Creates a template type without data fields.
---POST /template_types. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param body oneflow.TemplateTypeCreateBody?
---@param opts oneflow.Options?
---@return oneflow.TemplateType? template_type, oneflow.Error? err
function template_types:create(body, opts) end

---The template types.
---GET /template_types. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param query oneflow.TemplateTypeListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.TemplateType[])? page, oneflow.Error? err
function template_types:list(query, opts) end

---Visits each item once; raises the error. If sorted by name, which can change, items that others moved meanwhile come last.
---@param query oneflow.TemplateTypeListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.TemplateType?
function template_types:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.TemplateTypeListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.TemplateType[])?
function template_types:pages(query, opts) end

end

do
---@class oneflow.ClientTemplates: oneflow.Collection
local templates = {}

---The templates that the acting user may use; without filter.active only active ones.
---GET /templates. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.TemplateListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Template[])? page, oneflow.Error? err
function templates:list(query, opts) end

---Visits each item once; raises the error. If sorted by name, which can change, items that others moved meanwhile come last.
---@param query oneflow.TemplateListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Template?
function templates:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.TemplateListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Template[])?
function templates:pages(query, opts) end

end

do
---@class oneflow.ClientUsers: oneflow.Collection
local users = {}

---Reads a user record by id. The records of the list link to it.
---GET /users/{user}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param id oneflow.Id
---@param opts oneflow.Options?
---@return oneflow.UserRecord? user, oneflow.Error? err
function users:get(id, opts) end

---The users of the account.
---GET /users. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.UserListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.UserRecord[])? page, oneflow.Error? err
function users:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.UserListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.UserRecord?
function users:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.UserListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.UserRecord[])?
function users:pages(query, opts) end

end

do
---@class oneflow.ClientWebhooks: oneflow.Collection
local webhooks = {}

---Creates a webhook for an address.
---POST /webhooks. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/working-with-webhooks
---@param body oneflow.WebhookCreateBody?
---@param opts oneflow.Options?
---@return oneflow.Webhook? webhook, oneflow.Error? err
function webhooks:create(body, opts) end

---The webhooks, with their sign keys.
---GET /webhooks. Acting user: a user, or the anonymous administrator.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/docs/working-with-webhooks
---@param query oneflow.WebhookListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Webhook[])? page, oneflow.Error? err
function webhooks:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.WebhookListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Webhook?
function webhooks:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.WebhookListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Webhook[])?
function webhooks:pages(query, opts) end

end

do
---@class oneflow.ClientWorkspaces: oneflow.Collection
local workspaces = {}

---The workspaces that the acting user may see.
---GET /workspaces. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.WorkspaceListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.Workspace[])? page, oneflow.Error? err
function workspaces:list(query, opts) end

---Visits each item once; raises the error. If sorted by name, which can change, items that others moved meanwhile come last.
---@param query oneflow.WorkspaceListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.Workspace?
function workspaces:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.WorkspaceListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.Workspace[])?
function workspaces:pages(query, opts) end

end

do
---@class oneflow.Account: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
local account = {}

---The account; token_info names the integration that created the token.
---GET /accounts/me. Acting user: not needed; sent through a user.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.Account? account, oneflow.Error? err
function account:get(opts) end

end

do
---@class oneflow.Contact: oneflow.Item
---@field email any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
local contact = {}

---Deletes a contact.
---DELETE /contacts/{contact}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function contact:delete(opts) end

---Reads a contact.
---GET /contacts/{contact}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.Contact? contact, oneflow.Error? err
function contact:get(opts) end

---Changes the given fields.
---PUT /contacts/{contact}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.ContactUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.Contact? contact, oneflow.Error? err
function contact:update(body, opts) end

end

do
---@class oneflow.ContractComments: oneflow.Collection
local comments = {}

---Writes a comment; with parent_id as a reply to a top-level comment.
---POST /contracts/{contract}/comments. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.CommentCreateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractComment? comment, oneflow.Error? err
function comments:create(body, opts) end

---The comments.
---GET /contracts/{contract}/comments. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.CommentListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractComment[])? page, oneflow.Error? err
function comments:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.CommentListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractComment?
function comments:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.CommentListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractComment[])?
function comments:pages(query, opts) end

end

do
---@class oneflow.ContractDataFields: oneflow.Collection
local data_fields = {}

---The data fields with their values.
---GET /contracts/{contract}/data_fields. Acting user: a user, or the anonymous administrator.
---Not confirmed: known from other people's code.
---@param query oneflow.DataFieldListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractDataField[])? page, oneflow.Error? err
function data_fields:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.DataFieldListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractDataField?
function data_fields:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.DataFieldListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractDataField[])?
function data_fields:pages(query, opts) end

---Changes several at once. For a system field the service answers 200 and changes nothing.
---PUT /contracts/{contract}/data_fields. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/create-a-contract-with-data-fields
---@param body oneflow.DataFieldsUpdateBody?
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function data_fields:update(body, opts) end

end

do
---@class oneflow.ContractEvents: oneflow.Collection
local events = {}

---The events.
---GET /contracts/{contract}/events. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.EventListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractEvent[])? page, oneflow.Error? err
function events:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.EventListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractEvent?
function events:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.EventListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractEvent[])?
function events:pages(query, opts) end

end

do
---@class oneflow.ContractFiles: oneflow.Collection
local files = {}

---Adds an attachment, or the PDF of the template's PDF section; the template must have room for it. The file is given as path, or as content and name; progress gets the byte counts.
---POST /contracts/{contract}/files. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.Upload?
---@param opts oneflow.Options?
---@return oneflow.ContractFile? file, oneflow.Error? err
function files:create(body, opts) end

---The files. May be empty right after creation: the PDF is created later.
---GET /contracts/{contract}/files. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.FileListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractFile[])? page, oneflow.Error? err
function files:list(query, opts) end

---Visits each item once; raises the error. If sorted by name, type, extension, which can change, items that others moved meanwhile come last.
---@param query oneflow.FileListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractFile?
function files:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.FileListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractFile[])?
function files:pages(query, opts) end

end

do
---@class oneflow.ContractParties: oneflow.Collection
local parties = {}

---Adds a counterparty: a company with at least one participant, or an individual.
---POST /contracts/{contract}/parties. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/create-a-contract-with-counterparties
---@param body oneflow.PartyCreateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractParty? party, oneflow.Error? err
function parties:create(body, opts) end

---The parties, including the owner side.
---GET /contracts/{contract}/parties. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.PartyListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractParty[])? page, oneflow.Error? err
function parties:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.PartyListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractParty?
function parties:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.PartyListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractParty[])?
function parties:pages(query, opts) end

end

do
---@class oneflow.ContractProductGroups: oneflow.Collection
local product_groups = {}

---The product groups.
---GET /contracts/{contract}/product_groups. Acting user: a user, or the anonymous administrator.
---Confirmed by the certified connector of Oneflow AB; read https://developer.oneflow.com/docs/product-group
---@param query oneflow.ProductGroupListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractProductGroup[])? page, oneflow.Error? err
function product_groups:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.ProductGroupListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractProductGroup?
function product_groups:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.ProductGroupListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractProductGroup[])?
function product_groups:pages(query, opts) end

---Changes several groups, their configuration and products.
---PUT /contracts/{contract}/product_groups. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/product-group
---@param body oneflow.ProductGroupsUpdateBody?
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function product_groups:update(body, opts) end

end

do
---@class oneflow.ContractProducts: oneflow.Collection
local products = {}

---The products of all groups.
---GET /contracts/{contract}/products. Acting user: a user, or the anonymous administrator.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param query oneflow.ProductListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractProduct[])? page, oneflow.Error? err
function products:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.ProductListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractProduct?
function products:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.ProductListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractProduct[])?
function products:pages(query, opts) end

end

do
---@class oneflow.ContractReminders: oneflow.Collection
local reminders = {}

---Reminds users of the owner side who participate, at a future time.
---POST /contracts/{contract}/reminders. Acting user: a user; the anonymous administrator is refused.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.ReminderCreateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractReminder? reminder, oneflow.Error? err
function reminders:create(body, opts) end

---The reminders.
---GET /contracts/{contract}/reminders. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param query oneflow.ReminderListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.ContractReminder[])? page, oneflow.Error? err
function reminders:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.ReminderListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.ContractReminder?
function reminders:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.ReminderListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.ContractReminder[])?
function reminders:pages(query, opts) end

end

do
---@class oneflow.Contract: oneflow.Item
---@field created_time any  raises when not loaded, or when a list left it out
---@field lifecycle_state any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field published_time any  raises when not loaded, or when a list left it out
---@field state any  raises when not loaded, or when a list left it out
---@field template_id any  raises when not loaded, or when a list left it out
---@field value any  raises when not loaded, or when a list left it out
---@field workspace_id any  raises when not loaded, or when a list left it out
---@field comments oneflow.ContractComments
---@field data_fields oneflow.ContractDataFields
---@field events oneflow.ContractEvents
---@field files oneflow.ContractFiles
---@field parties oneflow.ContractParties
---@field product_groups oneflow.ContractProductGroups
---@field products oneflow.ContractProducts
---@field reminders oneflow.ContractReminders
---@field data_field fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractDataField  no I/O
---@field event fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractEvent  no I/O
---@field file fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractFile  no I/O
---@field participant fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractParticipant  no I/O
---@field party fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractParty  no I/O
---@field product fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractProduct  no I/O
---@field product_group fun(self: oneflow.Contract, id: oneflow.Id): oneflow.ContractProductGroup  no I/O
local contract = {}

---Copies the contract; returns the copy.
---POST /contracts/{contract}/copy. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param body oneflow.ContractCopyBody?
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:copy(body, opts) end

---Declines the contract.
---POST /contracts/{contract}/decline. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:decline(opts) end

---Deletes the contract permanently. The service also answers 200 if it does not exist.
---DELETE /contracts/{contract}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function contract:delete(opts) end

---Reads a contract, with all fields.
---GET /contracts/{contract}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:get(opts) end

---Marks the contract as signed. Seen in one client, which is unfinished.
---POST /contracts/{contract}/mark_as_signed. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred.
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:mark_as_signed(opts) end

---Moves the contract to another workspace or folder.
---POST /contracts/{contract}/move. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param body oneflow.ContractMoveBody?
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:move(body, opts) end

---Publishes a draft: sends the invitations. Not on the free plan.
---POST /contracts/{contract}/publish. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.ContractPublishBody?
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:publish(body, opts) end

---Changes the given fields. tags replaces all tags, sign_order names every participant.
---PUT /contracts/{contract}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.ContractUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.Contract? contract, oneflow.Error? err
function contract:update(body, opts) end

---The people of all parties, companies and individuals, that match the criteria; each has its party's id. None: {}.
---@param criteria { email: string?, custom_id: string?, signatory: boolean? }?  all must fit
---@return oneflow.Item[]
function contract:find_participants(criteria) end

---The values of the data fields by custom id; a field that holds null is left out.
---@return table<string, string>
function contract:data_field_values() end

---Requests the contract's files and returns those of a type.
---@param wanted string  "contract", "verification", "attachment", "expanded_pdf", or another type of the service
---@param opts oneflow.Options?
---@return oneflow.Item[]? files, oneflow.Error? err
function contract:files_of(wanted, opts) end

end

do
---@class oneflow.ContractComment: oneflow.Item
local comment = {}

end

do
---@class oneflow.ContractDataField: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field value any  raises when not loaded, or when a list left it out
local data_field = {}

---Changes the value: omitted it stays, "" or null clears it. Ids in the body must match the path.
---PUT /contracts/{contract}/data_fields/{data_field}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/create-a-contract-with-data-fields
---@param body oneflow.DataFieldUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractDataField? data_field, oneflow.Error? err
function data_field:update(body, opts) end

end

do
---@class oneflow.ContractEvent: oneflow.Item
---@field type any  raises when not loaded, or when a list left it out
local event = {}

---Reads an event, with the person who caused it.
---GET /contracts/{contract}/events/{event}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.ContractEvent? event, oneflow.Error? err
function event:get(opts) end

end

do
---@class oneflow.ContractFile: oneflow.Item
---@field extension any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field type any  raises when not loaded, or when a list left it out
local file = {}

---The file's record. For its bytes: download { to = path }, { sink = function }, or as a string.
---GET /contracts/{contract}/files/{file}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.ContractFile? file, oneflow.Error? err
function file:get(opts) end

---Downloads the file: to disk, to a function, or as a string.
---The file's record. For its bytes: download { to = path }, { sink = function }, or as a string.
---GET /contracts/{contract}/files/{file}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param where oneflow.Download?
---@param opts oneflow.Options?
---@return (string|boolean)? value, table|oneflow.Error meta_or_error
function file:download(where, opts) end

end

do
---@class oneflow.ContractParticipant: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field email any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field sign_state any  raises when not loaded, or when a list left it out
---@field signatory any  raises when not loaded, or when a list left it out
---@field signed_at any  raises when not loaded, or when a list left it out
local participant = {}

---Creates { access_link = url }, valid for 6 hours; for people of the counterparty.
---POST /contracts/{contract}/participants/{participant}/access_link. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/participant
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function participant:access_link(opts) end

end

do
---@class oneflow.ContractPartyParticipants: oneflow.Collection
local participants = {}

---Adds a person to a party; to the owner side through the party whose my_party is true.
---POST /contracts/{contract}/parties/{party}/participants. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/add-a-new-participant-to-a-party
---@param body oneflow.ParticipantCreateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractPartyParticipant? participant, oneflow.Error? err
function participants:create(body, opts) end

end

do
---@class oneflow.ContractParty: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field participants oneflow.ContractPartyParticipants
---@field participant fun(self: oneflow.ContractParty, id: oneflow.Id): oneflow.ContractPartyParticipant  no I/O
local party = {}

---Removes a party. The service also answers 200 if the party does not exist.
---DELETE /contracts/{contract}/parties/{party}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function party:delete(opts) end

---Reads a party.
---GET /contracts/{contract}/parties/{party}. Acting user: a user, or the anonymous administrator.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.ContractParty? party, oneflow.Error? err
function party:get(opts) end

---Changes the given fields; only companies have name and number.
---PUT /contracts/{contract}/parties/{party}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param body oneflow.PartyUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractParty? party, oneflow.Error? err
function party:update(body, opts) end

---The people of the party that match the criteria. None: {}.
---@param criteria { email: string?, custom_id: string?, signatory: boolean? }?  all must fit
---@return oneflow.Item[]
function party:find_participants(criteria) end

end

do
---@class oneflow.ContractPartyParticipant: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field email any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field sign_state any  raises when not loaded, or when a list left it out
---@field signatory any  raises when not loaded, or when a list left it out
---@field signed_at any  raises when not loaded, or when a list left it out
local participant = {}

---Creates { access_link = url }, valid for 6 hours; for people of the counterparty.
---POST /contracts/{contract}/participants/{participant}/access_link. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/participant
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function participant:access_link(opts) end

---Removes a person.
---DELETE /contracts/{contract}/parties/{party}/participants/{participant}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred.
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function participant:delete(opts) end

---Changes the given fields. The e-mail address of the owner side's people cannot change.
---PUT /contracts/{contract}/parties/{party}/participants/{participant}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/participant
---@param body oneflow.ParticipantUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractPartyParticipant? participant, oneflow.Error? err
function participant:update(body, opts) end

end

do
---@class oneflow.ContractProduct: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
local product = {}

---Deletes a product.
---DELETE /contracts/{contract}/products/{product}. Acting user: a user; the anonymous administrator is refused.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function product:delete(opts) end

---Reads a product.
---GET /contracts/{contract}/products/{product}. Acting user: a user, or the anonymous administrator.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param opts oneflow.Options?
---@return oneflow.ContractProduct? product, oneflow.Error? err
function product:get(opts) end

---Changes a product of a group.
---PUT /contracts/{contract}/product_groups/{product_group}/products/{product}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/product-group
---@param body oneflow.ProductGroupProductUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractProduct? product, oneflow.Error? err
function product:update(body, opts) end

end

do
---@class oneflow.ContractProductGroupProducts: oneflow.Collection
local products = {}

---Adds a product to a group.
---POST /contracts/{contract}/product_groups/{product_group}/products. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/product-group
---@param body oneflow.ProductCreateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractProductGroupProduct? product, oneflow.Error? err
function products:create(body, opts) end

end

do
---@class oneflow.ContractProductGroup: oneflow.Item
---@field products oneflow.ContractProductGroupProducts
---@field product fun(self: oneflow.ContractProductGroup, id: oneflow.Id): oneflow.ContractProductGroupProduct  no I/O
local product_group = {}

---Reads a group.
---GET /contracts/{contract}/product_groups/{product_group}. Acting user: a user, or the anonymous administrator.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param opts oneflow.Options?
---@return oneflow.ContractProductGroup? product_group, oneflow.Error? err
function product_group:get(opts) end

---Changes the configuration; creates, deletes, changes and reorders products.
---PUT /contracts/{contract}/product_groups/{product_group}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/product-group
---@param body oneflow.ProductGroupUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractProductGroup? product_group, oneflow.Error? err
function product_group:update(body, opts) end

end

do
---@class oneflow.ContractProductGroupProduct: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
local product = {}

---Deletes a product.
---DELETE /contracts/{contract}/products/{product}. Acting user: a user; the anonymous administrator is refused.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function product:delete(opts) end

---Reads a product.
---GET /contracts/{contract}/products/{product}. Acting user: a user, or the anonymous administrator.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/product-group
---@param opts oneflow.Options?
---@return oneflow.ContractProductGroupProduct? product, oneflow.Error? err
function product:get(opts) end

---Changes a product of a group.
---PUT /contracts/{contract}/product_groups/{product_group}/products/{product}. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/product-group
---@param body oneflow.ProductGroupProductUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.ContractProductGroupProduct? product, oneflow.Error? err
function product:update(body, opts) end

end

do
---@class oneflow.ContractReminder: oneflow.Item
local reminder = {}

end

do
---@class oneflow.ErrorCode: oneflow.Item
local error_code = {}

---The meaning of an error code.
---GET /error_codes/{error_code}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.ErrorCode? error_code, oneflow.Error? err
function error_code:get(opts) end

end

do
---@class oneflow.Folder: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
local folder = {}

---Deletes a folder.
---DELETE /folders/{folder}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function folder:delete(opts) end

---Renames or moves a folder.
---PUT /folders/{folder}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param body oneflow.FolderUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.Folder? folder, oneflow.Error? err
function folder:update(body, opts) end

end

do
---@class oneflow.Log: oneflow.Item
local log = {}

end

do
---@class oneflow.Tag: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
local tag = {}

---Deletes a tag.
---DELETE /tags/{tag}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function tag:delete(opts) end

---Reads a tag.
---GET /tags/{tag}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param opts oneflow.Options?
---@return oneflow.Tag? tag, oneflow.Error? err
function tag:get(opts) end

---Renames a tag.
---PUT /tags/{tag}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param body oneflow.TagUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.Tag? tag, oneflow.Error? err
function tag:update(body, opts) end

end

do
---@class oneflow.Template: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
---@field file fun(self: oneflow.Template, id: oneflow.Id): oneflow.TemplateFile  no I/O
local template = {}

---Reads a template.
---GET /templates/{template}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.Template? template, oneflow.Error? err
function template:get(opts) end

end

do
---@class oneflow.TemplateFile: oneflow.Item
---@field extension any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field type any  raises when not loaded, or when a list left it out
local file = {}

---The file's record. For its bytes: download { to = path }, { sink = function }, or as a string.
---GET /templates/{template}/files/{file}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param opts oneflow.Options?
---@return oneflow.TemplateFile? template_file, oneflow.Error? err
function file:get(opts) end

---Downloads the file: to disk, to a function, or as a string.
---The file's record. For its bytes: download { to = path }, { sink = function }, or as a string.
---GET /templates/{template}/files/{file}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: known from other people's code.
---@param where oneflow.Download?
---@param opts oneflow.Options?
---@return (string|boolean)? value, table|oneflow.Error meta_or_error
function file:download(where, opts) end

end

do
---@class oneflow.TemplateTypeDataFields: oneflow.Collection
local data_fields = {}

---The data fields of the type, without pages.
---GET /helpers/template_types/{template_type}/data_fields. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param query oneflow.TemplateTypeDataFieldListQuery?
---@param opts oneflow.Options?
---@return (oneflow.Page|oneflow.TemplateTypeTemplateTypeDataField[])? page, oneflow.Error? err
function data_fields:list(query, opts) end

---Visits each item once; raises the error.
---@param query oneflow.TemplateTypeDataFieldListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): oneflow.TemplateTypeTemplateTypeDataField?
function data_fields:each(query, opts) end

---Visits page after page; raises the error.
---@param query oneflow.TemplateTypeDataFieldListQuery?
---@param opts oneflow.WalkOptions?
---@return fun(): (oneflow.Page|oneflow.TemplateTypeTemplateTypeDataField[])?
function data_fields:pages(query, opts) end

---Replaces all data fields: omitted ones are deleted, from the templates too. For administrators.
---PUT /template_types/{template_type}/data_fields. Acting user: a user; the anonymous administrator is refused.
---Confirmed by an official page; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param body oneflow.TemplateTypeDataFieldsReplaceBody?
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function data_fields:replace(body, opts) end

end

do
---@class oneflow.TemplateType: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
---@field data_fields oneflow.TemplateTypeDataFields
local template_type = {}

---Deletes a template type.
---DELETE /template_types/{template_type}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function template_type:delete(opts) end

---Reads a template type, with its data fields.
---GET /template_types/{template_type}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param opts oneflow.Options?
---@return oneflow.TemplateType? template_type, oneflow.Error? err
function template_type:get(opts) end

---Changes the given fields.
---PUT /template_types/{template_type}. Acting user: a user; no page says whether the anonymous administrator may.
---Not confirmed: inferred; an official page names the operation, not its path; read https://developer.oneflow.com/docs/configure-template-group-and-webhook
---@param body oneflow.TemplateTypeUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.TemplateType? template_type, oneflow.Error? err
function template_type:update(body, opts) end

end

do
---@class oneflow.TemplateTypeTemplateTypeDataField: oneflow.Item
---@field custom_id any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
---@field value any  raises when not loaded, or when a list left it out
local template_type_data_field = {}

end

do
---@class oneflow.UserRecord: oneflow.Item
---@field active any  raises when not loaded, or when a list left it out
---@field email any  raises when not loaded, or when a list left it out
---@field name any  raises when not loaded, or when a list left it out
local user = {}

end

do
---@class oneflow.Webhook: oneflow.Item
local webhook = {}

---Deletes a webhook.
---DELETE /webhooks/{webhook}. Acting user: a user, or the anonymous administrator.
---Confirmed by the certified connector of Oneflow AB; read https://developer.oneflow.com/docs/working-with-webhooks
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function webhook:delete(opts) end

---Reads a webhook.
---GET /webhooks/{webhook}. Acting user: a user, or the anonymous administrator.
---Confirmed by the certified connector of Oneflow AB; read https://developer.oneflow.com/docs/working-with-webhooks
---@param opts oneflow.Options?
---@return oneflow.Webhook? webhook, oneflow.Error? err
function webhook:get(opts) end

---Replaces a webhook.
---PUT /webhooks/{webhook}. Acting user: a user, or the anonymous administrator.
---Confirmed by the certified connector of Oneflow AB; read https://developer.oneflow.com/docs/working-with-webhooks
---@param body oneflow.WebhookUpdateBody?
---@param opts oneflow.Options?
---@return oneflow.Webhook? webhook, oneflow.Error? err
function webhook:update(body, opts) end

end

do
---@class oneflow.Workspace: oneflow.Item
---@field name any  raises when not loaded, or when a list left it out
local workspace = {}

---Reads a workspace.
---GET /workspaces/{workspace}. Acting user: a user, or the anonymous administrator.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return oneflow.Workspace? workspace, oneflow.Error? err
function workspace:get(opts) end

end

do
---@class oneflow.User
---@field contacts oneflow.ClientContacts
---@field contracts oneflow.ClientContracts
---@field folders oneflow.ClientFolders
---@field helpers oneflow.ClientHelpers
---@field logs oneflow.ClientLogs
---@field tags oneflow.ClientTags
---@field template_types oneflow.ClientTemplateTypes
---@field templates oneflow.ClientTemplates
---@field users oneflow.ClientUsers
---@field webhooks oneflow.ClientWebhooks
---@field workspaces oneflow.ClientWorkspaces
---@field account fun(self: oneflow.User): oneflow.Account  no I/O
---@field contact fun(self: oneflow.User, id: oneflow.Id): oneflow.Contact  no I/O
---@field contract fun(self: oneflow.User, id: oneflow.Id): oneflow.Contract  no I/O
---@field error_code fun(self: oneflow.User, id: oneflow.Id): oneflow.ErrorCode  no I/O
---@field folder fun(self: oneflow.User, id: oneflow.Id): oneflow.Folder  no I/O
---@field tag fun(self: oneflow.User, id: oneflow.Id): oneflow.Tag  no I/O
---@field template fun(self: oneflow.User, id: oneflow.Id): oneflow.Template  no I/O
---@field template_type fun(self: oneflow.User, id: oneflow.Id): oneflow.TemplateType  no I/O
---@field webhook fun(self: oneflow.User, id: oneflow.Id): oneflow.Webhook  no I/O
---@field workspace fun(self: oneflow.User, id: oneflow.Id): oneflow.Workspace  no I/O
local user = {}

---Tests the token; through a user, token and acting user.
---GET /ping. Acting user: not needed; sent through a user.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return true? done, table|oneflow.Error meta_or_error
function user:ping(opts) end

---The service's welcome object: API version, description, documentation address.
---GET /. Acting user: not needed; sent through a user.
---Confirmed by an official page; read https://developer.oneflow.com/reference/api-overview
---@param opts oneflow.Options?
---@return table? data, table|oneflow.Error meta_or_error
function user:root(opts) end

end

-- Writes docs/reference.md: for each operation its call, arguments, acting user, answer, errors, source and confidence.
local api = require "oneflow.api"
local words = require "docs.words"

local KINDS = {
  [400] = "validation", [401] = "authentication", [402] = "payment", [403] = "permission", [404] = "not_found",
  [409] = "conflict",
}

local HEAD = [[
# Reference

Written by `make docs` from the endpoint table (`lua/oneflow/api/`): change the table, not this file.

* `sven` is a user, `client:user("sven@example.com")`. On the client itself the same calls take
  `as = "sven@example.com"` in `opts`. Instead of an `id` you may pass a handle of the item.
* `opts` may be omitted, and so may a body or query without required fields. [objects.md](objects.md) has the options.
* Any call may fail with `nil, err`: bad values are `validation`, and network and service can fail in many ways;
  "errors" lists those that the operation's page names. A wrong name or Lua type raises.
* A page (`page[1]`, `page.count`, `page:next()`) has partial items. A collection with `list` also has `each` and
  `pages`.
* *or null (?)*: `oneflow.null` is sent, and no page says what the service does with it there.
* *Repeatable*: sending it twice has the same effect as sending it once.
]]

local function link(name) return string.format("[%s](#part-%s)", name, name) end

local function add(lines, ...) lines[#lines + 1] = string.format(...) end

local function cell(text) return (string.gsub(text, "|", "\\|")) end

local function rows(lines, fields, prefix)
  for _, name in ipairs(words.names(fields)) do
    local field = fields[name]
    add(lines, "| `%s%s` | %s | %s |", prefix, name, cell(words.field(field, link)), field.required and "yes" or "")
    local inner, below = field, prefix .. name
    while inner.type == "list" and type(inner.of) == "table" do inner, below = inner.of, below .. "[]" end
    if inner.type == "object" and not words.shared[inner] then
      rows(lines, inner.fields, below .. ".")
      for _, rule in ipairs(words.cross_field(inner)) do add(lines, "| `%s` | %s | |", below, cell(rule)) end
      if inner.read_only then add(lines, "| `%s` | %s | |", below, words.read_only(inner)) end
    end
  end
end

local function fields_table(lines, title, fields, rules, read_only)
  add(lines, "\n| %s | accepts | required |\n|---|---|---|", title)
  rows(lines, fields, "")
  for _, rule in ipairs(words.cross_field(rules or {})) do add(lines, "| | %s | |", cell(rule)) end
  if read_only then add(lines, "| | %s | |", words.read_only { read_only = read_only }) end
end

local function arguments(lines, operation)
  if operation.pages or operation.bare then
    local query, described = {}, { "" }
    for name, field in pairs(operation.query or {}) do query[name] = field end
    for name, field in pairs(operation.filters or {}) do query["filter." .. name] = field end
    if next(query) then fields_table(lines, "query", query) end
    if operation.sort then
      described[#described + 1] = "`sort`: `" .. table.concat(operation.sort, "`, `") .. "`; with `-` descending"
    end
    if operation.pages then
      described[#described + 1] = "`limit` 1 to 100 (100), `offset` 0 to 19900"
    end
    if words.movable(operation) then
      described[#described + 1] = "`each` sorted by " .. words.movable(operation) .. ", which can change, reads the "
        .. "list a second time without the `sort`"
    end
    if operation.slices then
      described[#described + 1] = "`each` reads more than 20 000 in slices of " .. words.slices(operation)
        .. ", unless a `sort` is given"
    end
    if #described > 1 then add(lines, "%s", "\n" .. table.concat(described, "\n* ", 2):gsub("^", "* ")) end
  end
  if operation.body then
    fields_table(lines, "body", operation.body, operation.rules, operation.read_only)
    for _, total in ipairs(operation.totals or {}) do
      add(lines, "| `%s` | at most %d %s of a contract together | |", total.at, total.max, total.of)
    end
  end
end

local ANSWERS = {
  same = "; with the requested id",
  new = "; with an id of its own",
  any = "",
}

local function answer(operation)
  if operation.returns == "nothing" then return "`true, meta`" end
  if operation.returns == "data" then return "a plain table, `meta`" end
  local several = api.by_name[operation.returns].collection
  if operation.pages then return "a page of " .. several end
  if operation.bare then return "all of them, as one page of " .. several end
  return "the " .. operation.returns .. ", loaded"
end

local function errors(operation)
  if not operation.statuses then return nil end
  local list = {}
  for i, status in ipairs(operation.statuses) do list[i] = string.format("`%s` (%d)", KINDS[status], status) end
  return table.concat(list, ", ")
end

local function describe(lines, operation)
  add(lines, "\n### %s", operation.name)
  add(lines, "\n%s", operation.summary)
  if words.built(operation) then
    add(lines, "\n```lua\n%s\n```", words.call(operation))
    if operation.download and words.downloads(operation) then
      add(lines, "```lua\n%s\n```", words.call(operation, "download", "where"))
    end
  else
    add(lines, "\nThis version has no method for it yet.")
  end
  add(lines, "\n* `%s %s`; %s", operation.method, operation.path,
    operation.repeatable and "repeatable" or "not repeatable")
  add(lines, "* acting user: %s", words.ACTING[operation.as])
  add(lines, "* answer: %s%s", answer(operation), ANSWERS[operation.answers])
  if errors(operation) then add(lines, "* errors: %s", errors(operation)) end
  add(lines, "* %s%s", words.confidence(operation), operation.source and "; read <" .. operation.source .. ">" or "")
  arguments(lines, operation)
end

return function()
  local lines, found = { HEAD }, words.searches()
  add(lines, "| operation | request | acting user | |\n|---|---|---|---|")
  for _, resource in ipairs(api.resources) do
    for _, operation in ipairs(resource.operations) do
      add(lines, "| [%s](#%s) | `%s %s` | %s | %s |", operation.name, (string.gsub(operation.name, "%.", "")),
        operation.method, operation.path, operation.as, operation.confirmed and "" or "not confirmed")
    end
  end
  for _, resource in ipairs(api.resources) do
    add(lines, "\n## %s", resource.name or "the service")
    local names = words.names(resource.accessors)
    if #names > 0 then
      add(lines, "\nLoaded items have `%s`.", table.concat(names, "`, `"))
    end
    for _, search in ipairs(found[resource.name] or {}) do
      add(lines, "\n```lua\n%s:%s(%s)\n```", resource.name, search.name, search.arguments)
      local text = {}
      for _, line in ipairs(search.comment) do
        if not string.find(line, "^%-%-%-@") then text[#text + 1] = string.sub(line, 4) end
      end
      add(lines, "%s", table.concat(text, " "))
    end
    for _, operation in ipairs(resource.operations) do describe(lines, operation) end
  end
  add(lines, "\n## Parts of bodies")
  for _, name in ipairs(words.names(words.shared_by_name)) do
    local field = words.shared_by_name[name]
    add(lines, "\n### part: %s", name)
    fields_table(lines, name, field.fields, field, field.read_only)
  end
  return table.concat(lines, "\n") .. "\n"
end

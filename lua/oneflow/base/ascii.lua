-- Letters, digits and the order of text from outside, the same in every locale: of a process whose locale is Turkish
-- or has eight bits a letter, string.lower, the pattern classes %a %c %g %l %p %s %u %w and the comparison of strings
-- by `<` give other results. Patterns here write out the bytes they mean, [A-Za-z0-9_]; of the classes only %d and %x
-- are used, which are the same everywhere. The same holds of numbers: where the locale has another decimal point,
-- tonumber, tostring and format("%g") use that, and a chunk with 0.5 in it may not load.
local core = require "oneflow.core"

local M = {}

--- The text with the letters A to Z made small; other bytes as they are.
---@type fun(text: string): string
M.lower = core.lower

--- The text with the letters a to z made capitals.
---@type fun(text: string): string
M.upper = core.upper

--- Is one string before another, byte by byte? For table.sort.
---@type fun(a: string, b: string): boolean
M.before = core.before

--- The number of a decimal such as "-12.50"; a number as it is; nil for anything else.
---@type fun(value: any): number?
M.number = core.number

-- Within the brackets of a pattern: control bytes.
M.CONTROL = "%z\1-\31\127"

return M

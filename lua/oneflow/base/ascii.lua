-- Letters, digits and the order of text, independent of the locale. If the process's locale is Turkish, or has
-- eight-bit letters, then string.lower, the pattern classes %a %c %g %l %p %s %u %w and the comparison of strings by
-- `<` give other results. So patterns in the library write out the bytes they mean, [A-Za-z0-9_], and use only the
-- classes %d and %x, which are the same everywhere. The same applies to numbers: if the locale has another decimal
-- point, tonumber, tostring and format("%g") use it, and a chunk that contains 0.5 may fail to load.
local core = require "oneflow.core"

local M = {}

--- The text with the letters A to Z in lower case; other bytes are unchanged.
---@type fun(text: string): string
M.lower = core.lower

--- The text with the letters a to z in upper case; other bytes are unchanged.
---@type fun(text: string): string
M.upper = core.upper

--- Does one string sort before another, byte by byte? For table.sort.
---@type fun(a: string, b: string): boolean
M.before = core.before

--- Converts a decimal such as "-12.50" to a number; a number is returned unchanged; nil for anything else.
---@type fun(value: any): number?
M.number = core.number

-- For use in the brackets of a pattern: control bytes.
M.CONTROL = "%z\1-\31\127"

return M

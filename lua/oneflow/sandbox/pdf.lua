-- A minimal PDF that readers open: lines of text, on one or more pages, with a correct table of its objects.
local M = {}

local ipairs = ipairs
local format, gsub = string.format, string.gsub
local concat = table.concat
local byte, char = string.byte, string.char

local LINES_A_PAGE = 50

-- UTF-8 -> Latin-1, which the built-in fonts have; other characters become question marks.
local function latin(text)
  local one = gsub(text, "([\194\195])([\128-\191])", function(lead, rest)
    return char((byte(lead) - 194) * 64 + byte(rest))
  end)
  return (gsub(gsub(one, "[\224-\244][\128-\191]+", "?"), "[%z\1-\31]", " "))
end

local function literal(text)
  return "(" .. gsub(latin(text), "[()\\]", "\\%0") .. ")"
end

local function page_text(lines, from)
  local out = { "BT /F1 11 Tf 14 TL 56 786 Td" }
  for i = from, from + LINES_A_PAGE - 1 do
    if lines[i] then out[#out + 1] = literal(lines[i]) .. " Tj T*" end
  end
  out[#out + 1] = "ET"
  return concat(out, "\n")
end

--- A PDF with these lines of text.
---@param lines string[] UTF-8
---@return string
function M.document(lines)
  local objects = { "<< /Type /Catalog /Pages 2 0 R >>", "", [[<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica
/Encoding /WinAnsiEncoding >>]] }
  local kids = {}
  for from = 1, #lines == 0 and 1 or #lines, LINES_A_PAGE do
    local content = page_text(lines, from)
    objects[#objects + 1] = format("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]\n"
      .. "/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", #objects + 2)
    kids[#kids + 1] = format("%d 0 R", #objects)
    objects[#objects + 1] = format("<< /Length %d >>\nstream\n%s\nendstream", #content, content)
  end
  objects[2] = format("<< /Type /Pages /Kids [%s] /Count %d >>", concat(kids, " "), #kids)

  local out, at, table_of = { "\37PDF-1.4\n%\226\227\207\211\n" }, 15, {}
  for i, object in ipairs(objects) do
    table_of[i] = format("%010d 00000 n \n", at)
    local text = format("%d 0 obj\n%s\nendobj\n", i, object)
    out[#out + 1], at = text, at + #text
  end
  out[#out + 1] = format("xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n", #objects + 1,
    concat(table_of), #objects + 1)
  out[#out + 1] = format("startxref\n%d\n%%%%EOF\n", at)
  return concat(out)
end

return M

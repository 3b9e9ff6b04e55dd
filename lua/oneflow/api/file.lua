-- The files of a contract. `contract:file(1)` is the contract as PDF, 2 its verification.
return {
  item = "file", collection = "files", parents = { "contract" },
  accessors = { name = { "name" }, type = { "type" }, extension = { "extension" } },
  source = "https://developer.oneflow.com/reference/api-overview",
  operations = {
    {
      verb = "list", on = "collection", method = "GET", path = "/contracts/{contract}/files", as = "optional",
      returns = "file", answers = "any", pages = true, sort = { "name", "type", "id", "extension" },
      fixed = { id = true }, confidence = "doc",
      summary = "The files. May be empty right after creation: the PDF is created later.",
    },
    {
      verb = "create", on = "collection", method = "POST", path = "/contracts/{contract}/files", as = "required",
      returns = "file", answers = "new",
      upload = true, -- multipart/form-data, with a part for each field of the body
      body = {
        upload_as = { type = "string", enum = { "attachment", "expanded_pdf" }, required = true },
        file = {
          type = "file", required = true, max_bytes = 20000000,
          extensions = { "asice", "bmp", "csv", "doc", "docx", "dotx", "gif", "jpeg", "jpg", "key", "numbers", "ods",
                         "pages", "pdf", "png", "ppsx", "ppt", "pptx", "rtf", "tif", "tiff", "txt", "xls", "xlsb",
                         "xlsm", "xlsx", "xml" },
        },
      },
      limits = { files = 30, bytes = 50000000 }, -- for a contract's attachments
      confidence = "doc",
      statuses = { 400, 404, 409 },
      summary = "Adds an attachment, or the PDF of the template's PDF section; the template must have room for it. "
        .. "The file is given as `path`, or as `content` and `name`; `progress` gets the byte counts.",
    },
    {
      verb = "get", on = "item", method = "GET", path = "/contracts/{contract}/files/{file}", as = "optional",
      returns = "file", answers = "same",
      download = true, -- also has the method `download`: the same request with ?download=true, which returns the bytes
      confidence = "doc",
      summary = "The file's record. For its bytes: `download { to = path }`, `{ sink = function }`, or as a string.",
    },
  },
}

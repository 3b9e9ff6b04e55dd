-- What all three Luas have in common; whatever else a file uses it takes through rawget(_G, ...) and checks for nil.
std = "min"
max_line_length = 110
exclude_files = { "build" }

-- Data that busted and LuaRocks read.
files["spec"].std = "min+busted"
files[".busted"].std = "max"
files["rockspec"].std = "rockspec"
files["lua/oneflow/sandbox"].read_globals = { "ngx" }
files[".ci"].max_line_length = 130

-- A heap of the tasks of a loop that wait for a time, the earliest first. It has room for each job since the job began,
-- so adding a task needs no memory. `clear` repairs it after an error interrupted one of these functions.
local floor = math.floor

local M = {}

function M.new() return { count = 0, due = {}, tasks = {} } end

--- Makes room for this many tasks. If it raises for lack of memory, nothing has changed.
function M.make_room(timers, count)
  if not timers.due[count] then timers.due[count] = 0 end
  if timers.tasks[count] == nil then timers.tasks[count] = false end
end

local function put(timers, place, task, due)
  timers.tasks[place], timers.due[place], task.place = task, due, place
end

-- Moves an entry up from this place.
local function rise(timers, place, task, due)
  while place > 1 do
    local above = floor(place / 2)
    if timers.due[above] <= due then break end
    put(timers, place, timers.tasks[above], timers.due[above])
    place = above
  end
  put(timers, place, task, due)
end

-- Moves an entry down from this place.
local function sink(timers, place, task, due)
  local dues, count = timers.due, timers.count
  while 2 * place <= count do
    local below = 2 * place
    if below < count and dues[below + 1] < dues[below] then below = below + 1 end
    if due <= dues[below] then break end
    put(timers, place, timers.tasks[below], dues[below])
    place = below
  end
  put(timers, place, task, due)
end

function M.add(timers, task, due)
  timers.count = timers.count + 1
  rise(timers, timers.count, task, due)
end

function M.remove(timers, task)
  local place, last = task.place, timers.count
  local moved, due = timers.tasks[last], timers.due[last]
  task.place = false -- first, because `clear` relies on each task with a place being in the list
  timers.count = last - 1
  if place < last then
    if place > 1 and due < timers.due[floor(place / 2)] then
      rise(timers, place, moved, due)
    else
      sink(timers, place, moved, due)
    end
  end
  timers.tasks[last] = false
end

function M.clear(timers)
  local tasks = timers.tasks
  for place = 1, #tasks do
    if tasks[place] then tasks[place].place, tasks[place] = false, false end
  end
  timers.count = 0
end

return M

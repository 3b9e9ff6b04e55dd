-- The tasks of a loop that wait for a time: a heap, the soonest first. It has room for each of the loop's jobs since
-- that began, so a task is added without memory. What a raise cut short in here, `clear` makes good.
local floor = math.floor

local M = {}

function M.new() return { count = 0, due = {}, tasks = {} } end

--- Room for so many. Raises without memory, and then nothing was changed.
function M.make_room(timers, count)
  if not timers.due[count] then timers.due[count] = 0 end
  if timers.tasks[count] == nil then timers.tasks[count] = false end
end

local function put(timers, place, task, due)
  timers.tasks[place], timers.due[place], task.place = task, due, place
end

-- The entry that belongs at this place or above it.
local function rise(timers, place, task, due)
  while place > 1 do
    local above = floor(place / 2)
    if timers.due[above] <= due then break end
    put(timers, place, timers.tasks[above], timers.due[above])
    place = above
  end
  put(timers, place, task, due)
end

-- The entry that belongs at this place or below it.
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
  task.place = false -- first: whoever has a place is in the list, as `clear` needs it
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

-- wrk: GET the paths of a file (one per line, argument 1) again and again, in a shuffled order.
local requests = {}
local counter = 0

function init(args)
   for path in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", path)
   end
   for i = #requests, 2, -1 do
      local j = math.random(i)
      requests[i], requests[j] = requests[j], requests[i]
   end
end

function request()
   counter = counter % #requests + 1
   return requests[counter]
end

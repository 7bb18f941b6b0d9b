-- wrk: uploads of distinct random bodies. Arguments: method, path with {name}, size, head, tail.
-- A body is a slice of a random pool behind 32 characters that never repeat, so that
-- nothing can be deduplicated and making it costs next to nothing.
local method, path_before, path_after, size, head, tail, headers, pool, run
local counter = 0

local POOL = 1048576

function init(args)
   method = args[1]
   path_before, path_after = args[2]:match("^(.-){name}(.*)$")
   path_before = path_before or args[2]
   size = tonumber(args[3])
   head = args[4] or ""
   tail = args[5] or ""

   local urandom = io.open("/dev/urandom", "rb")
   pool = urandom:read(POOL)
   run = urandom:read(8):gsub(".", function(c) return string.format("%02x", c:byte()) end)
   urandom:close()

   headers = ""
   for name, value in pairs(wrk.headers) do
      headers = headers .. name .. ": " .. value .. "\r\n"
   end
   local length = #head + size + #tail
   headers = headers .. "Content-Length: " .. length .. "\r\n\r\n" .. head
end

function request()
   counter = counter + 1
   local name = string.format("%s%016x", run, counter)
   local path = path_before
   if path_after then
      path = path_before .. name .. path_after
   end
   local offset = (counter * 4099) % (POOL - size)
   return method .. " " .. path .. " HTTP/1.1\r\n" .. headers
      .. name .. pool:sub(offset + 1, offset + size - #name) .. tail
end

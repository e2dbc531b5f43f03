-- One request a call: PUT or GET (environment OPERATION) of a random key out of KEYS in KEYSPACE.
local operation = os.getenv("OPERATION") or "GET"
local keys = tonumber(os.getenv("KEYS") or "10000")
local entries = "/v1/keyspaces/" .. (os.getenv("KEYSPACE") or "load") .. "/entries/key-"
local value = string.rep("x", tonumber(os.getenv("VALUE_BYTES") or "256"))
local headers = { ["Content-Type"] = "application/octet-stream" }
local threads = 0

-- Each thread draws keys of its own, the same ones in every run.
function setup(thread)
   threads = threads + 1
   thread:set("seed", threads)
end

function init()
   math.randomseed(seed)
end

function request()
   local path = entries .. string.format("%09d", math.random(0, keys - 1))
   if operation == "PUT" then
      return wrk.format("PUT", path, headers, value)
   end
   return wrk.format("GET", path)
end

-- wrk's script. Arguments: the file of "account token" lines, the method, the path ({account} is replaced), the body.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(arguments)
  file, method, path, body = unpack(arguments)
  start = string.format("%d-%d-%s", os.time(), number, tostring({}):sub(8))
  senders, sent = {}, 0
  for line in io.lines(file) do
    local account, token = line:match("(%S+) (%S+)")
    local headers = { ["Authorization"] = "Bearer " .. token }
    local sender = { path = path:gsub("{account}", account), headers = headers }
    if method == "GET" then sender.text = wrk.format(method, sender.path, headers) end
    headers["Content-Type"] = "application/json"
    senders[#senders + 1] = sender
  end
end

function request()
  sent = sent + 1
  local sender = senders[(sent + number * 31) % #senders + 1]
  if sender.text then return sender.text end
  sender.headers["Idempotency-Key"] = start .. "-" .. sent
  return wrk.format(method, sender.path, sender.headers, body)
end

function done(summary)
  local wrong = summary.errors
  local failed = wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout
  print(string.format("DONE %d %d %d", summary.requests, failed, summary.duration))
end

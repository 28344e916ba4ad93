-- Requests for wrk, and what became of them as one line of JSON.
--
-- wrk ... -s requests.lua URL -- put | get | same | counted: a path of its own for each, or one path for all, and perhaps every status
-- counted.
local kind
local count = 0
local thread_number = 0
local threads = {}
local body = '{"account":"4711","amount":25,"note":"a body of 60 bytes.."}'

function setup(thread)
    thread_number = thread_number + 1
    thread:set("number", thread_number)
    table.insert(threads, thread)
end

function init(args)
    kind = args[1]
    -- Paths do not come back in the next run: what an earlier one has left behind shall not be met.
    prefix = "/orders/" .. args[2] .. "-" .. number .. "-"
    statuses = {}
    if kind == "same" or kind == "counted" then
        -- Then it is not made anew each time.
        wrk.method, wrk.body, request = "PUT", body, nil
    end
    if kind == "counted" then
        -- A callback takes wrk longer than a peer takes for the response: not where that is measured.
        response = function(status)
            statuses[status] = (statuses[status] or 0) + 1
        end
    end
end

function request()
    count = count + 1
    if kind == "get" then
        return wrk.format("GET", prefix .. count, {}, nil)
    end
    return wrk.format("PUT", prefix .. count, {}, body)
end

function done(summary, latency)
    local seen = {}
    for _, thread in ipairs(threads) do
        for status, times in pairs(thread:get("statuses")) do
            seen[status] = (seen[status] or 0) + times
        end
    end
    local counted = {}
    for status, times in pairs(seen) do
        table.insert(counted, string.format('"%d":%d', status, times))
    end
    local errors = summary.errors
    print(string.format(
        '\nJSON {"requests":%d,"seconds":%f,"wrong":%d,"broken":%d,"p50":%f,"p99":%f,"statuses":{%s}}',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99), table.concat(counted, ",")))
end

-- PIPELINED requests at a time, and PAUSE milliseconds behind each answer, where they are asked for: functions cost wrk time.
local pipelined = tonumber(os.getenv("PIPELINED") or "1")
local pause = tonumber(os.getenv("PAUSE") or "0")
if pipelined > 1 then
    local piece
    function init() piece = string.rep(wrk.format(), pipelined) end
    function request() return piece end
end
if pause > 0 then
    function delay() return pause end
end

-- Prints what wrk measured as one JSON line, after wrk's own text.
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.3f, "requests_per_second": %.0f, "p50_ms": %.3f, "p99_ms": %.3f, '
        .. '"generator_us": %.2f, "failed": {"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}}\n',
        summary.requests, summary.duration / 1e6, summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        os.clock() * 1e6 / math.max(1, summary.requests), e.status, e.connect, e.read, e.write, e.timeout))
end

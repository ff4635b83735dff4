-- Prints what wrk measured as one JSON line, after wrk's own text.
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.3f, "requests_per_second": %.0f, "p50_ms": %.3f, "p99_ms": %.3f, '
        .. '"failed": {"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}}\n',
        summary.requests, summary.duration / 1e6, summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.status, e.connect, e.read, e.write, e.timeout))
end

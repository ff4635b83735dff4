/// What the dashboard costs a browser: Chromium, driven by a script.
func benchPages(_ options: Options, _ report: Report) async throws {
    let line = try await peerLine("Scripts/browser/pages", [options.binary] + (options.isSmoke ? ["--smoke"] : []))
    func figure(_ name: String) throws -> Double {
        guard let value = number(name, in: line) else { throw BenchError("no \(name) in \(line)") }
        return value
    }
    let (bytes, useful) = (try figure("first_bytes"), try figure("useful_ms"))
    report.line(
        "first view: \(short(bytes / 1_000)) KB on the wire; the first job painted after \(short(useful)) ms (median; p95 "
            + "\(short(try figure("useful_ms_p95"))) ms)")
    report.goal("at most 80 KB", isMet: bytes <= 80_000)
    report.goal("useful within 300 ms", isMet: useful <= 300)
    let (heap, nodes) = (try figure("heap_growth"), try figure("nodes_growth"))
    report.line(
        "open for \(short(try figure("open_events"))) events: \(short(try figure("heap_mb"))) MB of scripts' memory, "
            + "\(short(try figure("nodes"))) nodes; from the first third to the last \(short(heap * 100)) % and "
            + "\(short(nodes * 100)) % more")
    report.goal("neither grows by more than 5 %", isMet: heap <= 0.05 && nodes <= 0.05)
    let empty = try figure("empty_fps")
    for name in ["empty", "members", "jobs"] {
        report.line(
            "scrolling, \(name == "empty" ? "a page with nothing on it" : "\(short(try figure("length"))) \(name)"): "
                + "\(short(try figure("\(name)_fps"))) frames/s, median \(short(try figure("\(name)_frame_ms"))) ms, p95 "
                + "\(short(try figure("\(name)_frame_ms_p95"))) ms; the page's thread computes "
                + "\(short(try figure("\(name)_computed_ms"))) ms a frame")
    }
    for name in ["members", "jobs"] {
        let rate = try figure("\(name)_fps")
        report.goal("\(name): at least 50 frames/s (\(short(rate / empty)) of the empty page's)", isMet: rate >= 50)
    }
}

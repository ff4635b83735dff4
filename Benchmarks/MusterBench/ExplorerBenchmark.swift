internal import MusterLaunch
internal import Synchronization

/// A view of the explorer in Chromium, beside one picture of the same pixels from the same fleet, in turn.
func benchExplorer(_ options: Options, _ report: Report) async throws {
    for escape in options.isSmoke ? [1_000] : [1_000, 20_000] {
        let fleet = try await BenchFleet(options, workers: 4)
        let (status, last, said) = try await explorerLine([
            options.binary, fleet.url, options.isSmoke ? "1" : "11", "\(escape)",
        ])
        await fleet.stop()
        if status == .exited(69) { return report.line("skipped: \(said)") }
        guard status == .exited(0) else { throw BenchError("Benchmarks/browser/explorer.py failed: \(said)") }
        guard let view = number("view", in: last), let picture = number("picture", in: last),
            let requests = number("requests", in: last)
        else { throw BenchError("not a line of figures: \(last)") }
        report.line("1920 x 1080, escape \(escape), four workers of one slot, medians in turn")
        report.line("the explorer, \(Int(requests)) requests: \(short(view)) ms; muster render: \(short(picture)) ms")
        report.line("ratio: \(short(view / picture))")
        report.goal("at most 1.2 x muster render", isMet: view <= 1.2 * picture)
    }
}

/// What the script printed last, on standard output and on standard error.
private func explorerLine(_ arguments: [String]) async throws -> (ChildProcess.ExitStatus, String, String) {
    let last = Mutex((output: "", error: ""))
    let child = try ChildProcess(
        executable: "/usr/bin/python3", arguments: ["Benchmarks/browser/explorer.py"] + arguments,
        output: .lines { line in
            last.withLock { if line.stream == .output { $0.output = line.text } else { $0.error = line.text } }
        })
    let status = await child.wait()
    let (output, error) = last.withLock { $0 }
    return (status, output, error)
}

internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// Short commands for many values on two workers of one slot, beside what else runs them.
func benchRun(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 200 : 10_000
    let fleet = try await BenchFleet(options, workers: 2, workerFlags: ["--allow-exec"])
    var own: [Double] = []
    var xargs: [Double] = []
    // In turn, so that a machine whose speed changes changes both.
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        let run = "seq \(count) | \(options.binary) run --coordinator \(fleet.url) --token \(BenchFleet.token) true"
        own.append(Double(count) / (try await secondsOf(run)))
        xargs.append(Double(count) / (try await secondsOf("seq \(count) | xargs -P2 -n1 true")))
    }
    await fleet.stop()
    let (rate, xargsRate) = (percentile(own, 50), percentile(xargs, 50))
    report.line(
        "muster run: \(count) × true, median of \(own.count): \(short(rate)) commands/s, submitted to all ended")
    report.line("xargs -P2 -n1, in turn: \(short(xargsRate)) commands/s; ratio \(short(rate / xargsRate)) x")
    report.goal("at least 0.9 x xargs", isMet: rate >= 0.9 * xargsRate)
    let few = options.isSmoke ? 50 : count / 4
    if let parallel = try? await secondsOf("seq \(few) | parallel --will-cite -j2 true") {
        let peer = Double(few) / parallel
        report.line("GNU parallel -j2, same run: \(short(peer)) commands/s; ratio \(short(rate / peer)) x")
        report.goal("at least 4 x GNU parallel", isMet: rate >= 4 * peer)
    } else {
        report.line("GNU parallel is not installed: not compared")
    }
    guard let line = try? await peerLine("Benchmarks/peers/hyperqueue/run", ["--tasks", "\(few)"]),
        let peer = number("tasks_per_second", in: line)
    else { return report.line("HyperQueue cannot be installed: not compared") }
    report.line(
        "HyperQueue, two workers of one core, same run: \(short(peer)) commands/s; ratio \(short(rate / peer)) x")
    report.goal("at least 3 x HyperQueue", isMet: rate >= 3 * peer)
}

/// How long a text for the shell takes. Throws where it fails.
func secondsOf(_ script: String) async throws -> Double {
    let began = seconds()
    let shell = try ChildProcess(
        executable: "/bin/bash", arguments: ["-o", "pipefail", "-c", script], output: .discard, killsGroupAtExit: true)
    let status = await shell.wait()
    guard status == .exited(0) else { throw BenchError("\(script) failed: \(status)") }
    return seconds() - began
}

/// A million values: when the first output comes, and what memory the coordinator and the submitter need in the first minute.
func benchRunMillion(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 10_000 : 1_000_000
    let fleet = try await BenchFleet(options, workers: 2, workerFlags: ["--allow-exec"])
    let values = ".build/bench/values-\(getpid())"
    _ = try await secondsOf("seq \(count) >\(values)")
    defer { unlinkQuietly(values) }
    let came = Mutex<(first: Double?, lines: Int)>((nil, 0))
    let began = seconds()
    let run = try ChildProcess(
        executable: options.binary,
        arguments: ["run", "--coordinator", fleet.url, "--token", BenchFleet.token, "echo", "::::", values],
        output: .lines { line in
            guard line.stream == .output else { return }
            came.withLock { $0 = ($0.first ?? seconds(), $0.lines + 1) }
        }, killsGroupAtExit: true)
    let end = began + (options.isSmoke ? 5 : 60)
    while seconds() < end, run.status == nil { pauseMilliseconds(50) }
    let submitter = peakMegabytes(of: run.pid)
    let coordinator = peakMegabytes(of: fleet.coordinatorPID)
    run.kill()
    _ = await run.wait()
    await fleet.stop()
    let (first, lines) = came.withLock { $0 }
    guard let first else { throw BenchError("a million values brought no output in a minute") }
    report.line(
        "\(count) values: first output after \(short(first - began)) s, \(lines) outputs in \(short(end - began)) s")
    report.line("peak memory: submitter \(short(submitter)) MB, coordinator \(short(coordinator)) MB")
    report.goal("first output within 2 s", isMet: first - began <= 2)
    report.goal("submitter at most 150 MB", isMet: submitter <= 150)
    report.goal("coordinator at most 150 MB", isMet: coordinator <= 150)
}

private func peakMegabytes(of pid: Int32) -> Double {
    let line = (readText("/proc/\(pid)/status") ?? "").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first).flatMap { Double($0) }.map { $0 / 1_024 } ?? 0
}

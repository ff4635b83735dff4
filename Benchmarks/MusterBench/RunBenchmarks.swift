internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// What else runs short commands for many values, and how often: the slower ones are given fewer.
private struct RunPeer {
    let name: String
    let count: Int
    /// Muster's rate is to be so many times this one's.
    let goal: Double
    let seconds: () async throws -> Double
}

private func runPeers(_ count: Int, _ options: Options) -> [RunPeer] {
    let few = options.isSmoke ? 50 : count / 4
    return [
        RunPeer(name: "xargs -P2 -n1", count: count, goal: 0.9) {
            try await secondsOf("seq \(count) | xargs -P2 -n1 true")
        },
        RunPeer(name: "GNU parallel -j2", count: few, goal: 4) {
            try await secondsOf("seq \(few) | parallel --will-cite -j2 true")
        },
        RunPeer(name: "HyperQueue, two workers of one core", count: count, goal: 3) {
            let line = try await peerLine("Benchmarks/peers/hyperqueue/run", ["--tasks", "\(count)"])
            guard let rate = number("tasks_per_second", in: line) else { throw BenchError("no rate in \(line)") }
            return Double(count) / rate
        },
    ]
}

/// Short commands for many values on two workers of one slot, beside what else runs them. All in turn, so that a machine whose
/// speed changes changes all of them.
func benchRun(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 200 : 10_000
    let fleet = try await BenchFleet(options, workers: 2, workerFlags: ["--allow-exec"])
    let peers = runPeers(count, options)
    var own: [Double] = []
    var rates = [[Double]](repeating: [], count: peers.count)
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        let run = "seq \(count) | \(options.binary) run --coordinator \(fleet.url) --token \(BenchFleet.token) true"
        own.append(Double(count) / (try await secondsOf(run)))
        for (place, peer) in peers.enumerated() {
            if let seconds = try? await peer.seconds() { rates[place].append(Double(peer.count) / seconds) }
        }
    }
    await fleet.stop()
    let rate = percentile(own, 50)
    report.line(
        "muster run: \(count) × true, median of \(own.count): \(short(rate)) commands/s, submitted to all ended")
    for (peer, rates) in zip(peers, rates) {
        guard rates.count == own.count else {
            report.line("\(peer.name): cannot be run here, not compared")
            continue
        }
        let its = percentile(rates, 50)
        report.line("\(peer.name), \(peer.count), in turn: \(short(its)) commands/s; ratio \(short(rate / its)) x")
        report.goal("at least \(short(peer.goal)) x \(peer.name)", isMet: rate >= peer.goal * its)
    }
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

internal import MusterCore
internal import MusterLaunch
internal import MusterStore
internal import MusterSystem
internal import Synchronization

/// Throughput of the whole road, two workers of one slot, beside a peer in the same run.
func benchNoop(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 20_000 : 1_000_000
    let fleet = try await BenchFleet(options, workers: 2)
    var rates: [Double] = []
    var processor: [Double] = []
    for _ in 0..<(options.isSmoke ? 1 : 5) {
        let used = fleet.processorSeconds
        rates.append(try noopRate(fleet, count))
        processor.append((fleet.processorSeconds - used) / Double(count) * 1e6)
    }
    await fleet.stop()
    let rate = percentile(rates, 50)
    report.line("muster: \(count) tasks, median of \(rates.count): \(short(rate)) tasks/s, every result line read back")
    report.line("processor time of the fleet: \(short(percentile(processor, 50))) µs a task (budget 20)")
    report.goal("at least 100,000 tasks/s", isMet: rate >= 100_000)
    report.goal("at most 20 µs of processor time a task", isMet: percentile(processor, 50) <= 20)
    let tasks = options.isSmoke ? 1_000 : 100_000
    let peer = try await peerLine("Benchmarks/peers/pgqueuer/run", ["--tasks", "\(tasks)"])
    guard let peerRate = number("best_tasks_per_second", in: peer) else { throw BenchError("the peer said: \(peer)") }
    report.line(
        "pgqueuer on PostgreSQL, same run, its better batch size: \(short(peerRate)) tasks/s (status only, no results)")
    report.line("ratio: \(short(rate / peerRate)) x")
    report.goal("at least 6 x the peer", isMet: rate >= 6 * peerRate)
}

/// As many tasks from one submitter and from very many at once, in turn, on more workers than the machine has processors.
func benchSubmitters(_ options: Options, _ report: Report) async throws {
    let (count, submitters) = (options.isSmoke ? 20_480 : 512_000, 64)
    let fleet = try await BenchFleet(options, workers: 16)
    _ = try noopRate(fleet, count)
    var rates: (alone: [Double], together: [Double]) = ([], [])
    var processor: (alone: [Double], together: [Double]) = ([], [])
    for _ in 0..<(options.isSmoke ? 1 : 5) {
        var used = fleet.processorSeconds
        rates.alone.append(try noopRate(fleet, count))
        processor.alone.append((fleet.processorSeconds - used) / Double(count) * 1e6)
        used = fleet.processorSeconds
        let began = seconds()
        try await atOnce(submitters) { _ = try noopRate(fleet, count / submitters) }
        rates.together.append(Double(count) / (seconds() - began))
        processor.together.append((fleet.processorSeconds - used) / Double(count) * 1e6)
    }
    await fleet.stop()
    let (one, many) = (percentile(rates.alone, 50), percentile(rates.together, 50))
    report.line(
        "16 workers, \(count) tasks, medians of \(rates.alone.count) in turn: one submitter \(short(one)) tasks/s, "
            + "\(submitters) at once \(short(many)) tasks/s; ratio \(short(many / one))")
    report.line(
        "processor time of the fleet: \(short(percentile(processor.alone, 50))) and "
            + "\(short(percentile(processor.together, 50))) µs a task")
    report.goal("\(submitters) submitters at once no slower than one", isMet: many >= one)
}

/// Each on a thread of its own; the first error of any.
private func atOnce(_ count: Int, _ body: @escaping @Sendable () throws -> Void) async throws {
    try await withThrowingTaskGroup { group in
        for _ in 0..<count {
            group.addTask {
                try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                    let failure = startThread { done.resume(with: Result(catching: body)) }
                    if failure != 0 { done.resume(throwing: BenchError("no thread: error \(failure)")) }
                }
            }
        }
        try await group.waitForAll()
    }
}

/// Tasks a second, from submission until the last result line was read back.
func noopRate(_ fleet: BenchFleet, _ count: Int) throws -> Double {
    let client = try RawClient(port: fleet.port)
    let began = seconds()
    let job = try submit("{\"kernel\":\"noop\",\"count\":\(count)}", client)
    var lines = 0
    let answer = try client.request("GET", "/v1/jobs/\(job)/results?wait=true", keepsBody: false) { part in
        for byte in part where byte == 0x0A { lines += 1 }
    }
    guard answer.status == 200, lines == count else { throw BenchError("\(lines) result lines of \(count)") }
    return Double(count) / (seconds() - began)
}

func submit(_ body: String, _ client: RawClient) throws -> Int {
    let answer = try client.request("POST", "/v1/jobs", body)
    guard answer.status == 201, let id = number("id", in: answer.text) else {
        throw BenchError("the job was refused: \(answer.status) \(answer.text)")
    }
    return Int(id)
}

/// The last line that a peer's script prints.
func peerLine(_ script: String, _ arguments: [String]) async throws -> String {
    let last = Mutex("")
    let child = try ChildProcess(
        executable: script, arguments: arguments,
        output: .lines { line in if line.stream == .output { last.withLock { $0 = line.text } } })
    let status = await child.wait()
    guard status == .exited(0) else { throw BenchError("\(script) failed: \(status)") }
    return last.withLock { $0 }
}

/// One task at a time over one kept-alive connection, beside two commits of the same store on the same disk.
func benchRoundTrip(_ options: Options, _ report: Report) async throws {
    let rounds = options.isSmoke ? 20 : 1_000
    let fleet = try await BenchFleet(options, workers: 1)
    let client = try RawClient(port: fleet.port)
    let store = try SQLiteStore(path: ".build/bench/commit-\(fleet.port).sqlite")
    var trips: [Double] = []
    var commits: [Double] = []
    let used = fleet.processorSeconds
    var committing = 0.0
    // Taken in turn, so that a disk whose speed changes changes both.
    for round in 0..<rounds {
        trips.append(try roundTrip(client))
        let (began, own) = (seconds(), ownProcessorSeconds())
        try await commitOnce(store, JobID(Int64(round + 1)))
        commits.append((seconds() - began) * 1_000)
        committing += ownProcessorSeconds() - own
    }
    let spent = (fleet.processorSeconds - used) / Double(rounds) * 1e6
    await store.close()
    await fleet.stop()
    for ending in ["", "-wal", "-shm", ".lock"] { unlinkQuietly(".build/bench/commit-\(fleet.port).sqlite\(ending)") }
    let (trip, commit) = (percentile(trips, 50), percentile(commits, 50))
    report.line("round trip: median \(short(trip)) ms, p99 \(short(percentile(trips, 99))) ms, \(rounds) rounds")
    report.line("one commit of the store: median \(short(commit)) ms, p99 \(short(percentile(commits, 99))) ms")
    report.line(
        "round trip less two commits: \(short(trip - 2 * commit)) ms; processor time: the fleet's \(short(spent)) µs a trip, "
            + "\(short(committing / Double(rounds) * 1e6)) µs a commit")
    report.goal("median at most two commits + 0.25 ms", isMet: trip <= 2 * commit + 0.25)
    if let before = options.before { try await compareRoundTrips(options, with: before, report) }
}

/// One task from submission to its result, in milliseconds.
private func roundTrip(_ client: RawClient) throws -> Double {
    let began = seconds()
    let job = try submit("{\"kernel\":\"noop\",\"count\":1}", client)
    let answer = try client.request("GET", "/v1/jobs/\(job)/results?wait=true")
    let took = (seconds() - began) * 1_000
    guard answer.text.hasPrefix("{\"task\":0,\"value\":null") else { throw BenchError("no result: \(answer.text)") }
    return took
}

/// Two builds, each with a fleet of its own, whose round trips are taken in turn: what the machine does meanwhile slows both. One
/// start of the same build differs from the next by some percents, so there are several, and the mean of their ratios counts.
private func compareRoundTrips(_ options: Options, with before: String, _ report: Report) async throws {
    let (starts, rounds) = options.isSmoke ? (2, 20) : (10, 1_000)
    var earlier = options
    earlier.binary = before
    var (times, costs): ([Double], [Double]) = ([], [])
    for start in 0..<starts {
        var fleets: [BenchFleet] = []
        for build in start % 2 == 0 ? [earlier, options] : [options, earlier] {
            fleets.append(try await BenchFleet(build, workers: 1))
        }
        if start % 2 == 1 { fleets.reverse() }
        let clients = try fleets.map { try RawClient(port: $0.port) }
        for _ in 0..<rounds / 10 { for client in clients { _ = try roundTrip(client) } }
        let began = fleets.map(\.processorSeconds)
        var trips: [[Double]] = [[], []]
        for _ in 0..<rounds { for build in [0, 1].shuffled() { trips[build].append(try roundTrip(clients[build])) } }
        let used = zip(fleets, began).map { $0.processorSeconds - $1 }
        for fleet in fleets { await fleet.stop() }
        times.append(percentile(trips[1], 50) / percentile(trips[0], 50))
        costs.append(used[1] / max(used[0], 0.01))
    }
    let (time, cost) = (times.reduce(0, +) / Double(starts), costs.reduce(0, +) / Double(starts))
    let range = "\(short(times.min()!)) to \(short(times.max()!)) in \(starts) starts of both"
    report.line("beside \(before): \(short(time)) of its median (\(range)), \(short(cost)) of its processor time")
    report.goal(
        "no slower than the build before: at most 1.03 x (one build beside itself: 0.99 and 1.02)", isMet: time <= 1.03)
}

private func commitOnce(_ store: SQLiteStore, _ id: JobID) async throws {
    try await store.commit([
        .createJob(
            JobRecord(
                id: id, kernel: "noop", params: Array("{}".utf8), count: 1, priority: .batch, hasInputs: false,
                attemptsMax: 5, createdMs: 0))
    ])
}

/// What a lease costs with a thousand and with a million tasks in line.
func benchDispatch(_ options: Options, _ report: Report) async throws {
    let rounds = options.isSmoke ? 20 : 2_000
    var costs: [Double] = []
    for queued in [1_000, 1_000_000] {
        let fleet = try await BenchFleet(options, workers: 0)
        let client = try RawClient(port: fleet.port)
        let joined = try client.request("POST", "/v1/members", "{\"name\":\"bench\"}").text
        guard let secret = joined.split(separator: "\"secret\":\"").last?.prefix(while: { $0 != "\"" }) else {
            throw BenchError("cannot join: \(joined)")
        }
        // Enough jobs that the queue is as long as promised until the end; each lease is one task, as nothing is measured.
        _ = try submit("{\"kernel\":\"noop\",\"count\":\(queued + rounds)}", client)
        var times: [Double] = []
        for _ in 0..<rounds {
            let began = seconds()
            let answer = try client.request(
                "POST", "/v1/leases", "{\"kernels\":[\"noop\"],\"waitSeconds\":5}", bearer: String(secret))
            times.append((seconds() - began) * 1_000)
            guard answer.text.contains("\"ticket\"") else { throw BenchError("no lease: \(answer.text)") }
        }
        await fleet.stop()
        costs.append(percentile(times, 50))
        report.line("\(queued) tasks in line: median \(short(costs.last!)) ms a lease over HTTP")
    }
    report.line("ratio: \(short(costs[1] / costs[0]))")
    report.goal("flat: at most 1.25 x", isMet: costs[1] <= 1.25 * costs[0])
}

/// The coordinator's resident memory.
func benchMemory(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 20_000 : 1_000_000
    let idle = try await BenchFleet(options, workers: 0)
    let client = try RawClient(port: idle.port)
    _ = try submit("{\"kernel\":\"noop\",\"count\":\(count)}", client)
    let inputs = (0..<count).map { "[\($0),1]" }.joined(separator: ",")
    let (plain, began) = (idle.coordinatorMegabytes, seconds())
    _ = try submit("{\"kernel\":\"sum\",\"inputs\":[\(inputs)]}", client)
    report.line("\(count) tasks queued: \(short(plain)) MB")
    report.line(
        "\(count) more, each with an input of its own (\(inputs.utf8.count >> 20) MB, taken in \(short(seconds() - began)) s): "
            + "\(short(idle.coordinatorMegabytes)) MB")
    report.goal("a million queued at most 100 MB", isMet: plain <= 100)
    await idle.stop()
    let fleet = try await BenchFleet(options, workers: 2)
    let reader = try RawClient(port: fleet.port)
    let job = try submit("{\"kernel\":\"noop\",\"count\":\(count)}", reader)
    _ = try reader.request("GET", "/v1/jobs/\(job)/results?wait=true", keepsBody: false)
    let done = fleet.coordinatorMegabytes
    report.line("\(count) tasks done and read back: \(short(done)) MB")
    report.goal("after a million done at most 100 MB", isMet: done <= 100)
    await fleet.stop()
}

/// `/healthz` and nginx's static file, the same generator, in turn.
func benchHealthz(_ options: Options, _ report: Report) async throws {
    let time = options.isSmoke ? "1" : "4"
    let fleet = try await BenchFleet(options, workers: 0)
    var ours: [Double] = []
    var theirs: [Double] = []
    var spent: (ours: [Double], theirs: [Double]) = ([], [])
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        let mine = try await peerLine(
            "Benchmarks/peers/wrk", [fleet.url + "/healthz", time, "64", "\(fleet.coordinatorPID)"])
        let peer = try await peerLine("Benchmarks/peers/nginx", [time])
        guard let rate = number("requests_per_second", in: mine), let other = number("requests_per_second", in: peer),
            let own = number("processor_us", in: mine), let its = number("processor_us", in: peer)
        else { throw BenchError("no rates in: \(mine) \(peer)") }
        ours.append(rate)
        theirs.append(other)
        spent.ours.append(own)
        spent.theirs.append(its)
    }
    await fleet.stop()
    let (rate, other) = (percentile(ours, 50), percentile(theirs, 50))
    report.line(
        "muster /healthz: \(short(rate))/s; nginx, static 1 KiB: \(short(other))/s (wrk, 1 thread, 64 connections)")
    report.line(
        "ratio: \(short(rate / other)); processor time a request: \(short(percentile(spent.ours, 50))) µs, nginx "
            + "\(short(percentile(spent.theirs, 50))) µs")
    report.goal("at least 1.3 x nginx", isMet: rate >= 1.3 * other)
}

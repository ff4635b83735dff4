internal import Glibc
internal import MusterLaunch

/// One command at a time from rank 0 to everybody. A member has two connections, and a coordinator gives one address half of
/// what its open files allow.
func benchRanks(_ options: Options, _ report: Report) async throws {
    let members = options.isSmoke ? 50 : min(5_000, openFilesMax() / 5)
    let fleet = try await BenchFleet(options, workers: 0)
    let before = fleet.coordinatorMegabytes
    let began = seconds()
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(members)", BenchFleet.token])
    report.line("\(members) members joined and connected in \(short(seconds() - began)) s")
    let (sender, watcher) = (try RawClient(port: fleet.port), try RawClient(port: fleet.port))
    var latencies: [Double] = []
    var accepted: [Double] = []
    let (used, start) = (fleet.coordinatorProcessorSeconds, seconds())
    for _ in 0..<(options.isSmoke ? 3 : 200) {
        try load.check()
        let began = seconds()
        let id = try sendCommand(sender, bearer: load.firstSecret, recipients: members - 1)
        accepted.append((seconds() - began) * 1_000)
        try awaitAcknowledged(id, by: members - 1, watcher)
        latencies.append((seconds() - began) * 1_000)
    }
    let share = (fleet.coordinatorProcessorSeconds - used) / (seconds() - start)
    let memory = fleet.coordinatorMegabytes
    report.line(
        "accepted and durable: median \(short(percentile(accepted, 50))) ms; acknowledged by all: median "
            + "\(short(percentile(latencies, 50))) ms, p99 \(short(percentile(latencies, 99))) ms")
    report.line("coordinator: \(short(memory)) MB (\(short(before)) before), \(short(share)) cores busy meanwhile")
    report.line("broken connections and refused requests: \(load.troubles)")
    report.goal("p99 at most 500 ms", isMet: percentile(latencies, 99) <= 500)
    report.goal("coordinator at most 400 MB", isMet: memory <= 400)
    await load.stop()
    await fleet.stop()
}

private func sendCommand(_ client: RawClient, bearer: String, recipients: Int) throws -> Int {
    let answer = try client.request("POST", "/v1/commands", "{\"command\":\"START_TRANSMIT\"}", bearer: bearer)
    guard answer.status == 202, let id = number("id", in: answer.text) else {
        throw BenchError("the command was refused: \(answer.status) \(answer.text)")
    }
    guard number("recipients", in: answer.text) == Double(recipients) else {
        throw BenchError("not \(recipients) recipients: \(answer.text)")
    }
    return Int(id)
}

/// Asks often, which is work for the coordinator too: the answer names each recipient.
func awaitAcknowledged(_ id: Int, by recipients: Int, _ client: RawClient) throws {
    while true {
        let answer = try client.request("GET", "/v1/commands/\(id)")
        // The counts come before the names.
        let text = String(decoding: answer.body.prefix(500), as: UTF8.self)
        guard answer.status == 200, let pending = number("pending", in: text) else {
            throw BenchError("no command \(id): \(answer.status) \(text)")
        }
        if pending == 0 {
            guard number("delivered", in: text) == Double(recipients) else {
                throw BenchError("not delivered to all: \(text)")
            }
            return
        }
        pauseMilliseconds(5)
    }
}

/// Real clients, killed: until they are suspected, and until they have no rank any more.
func benchSuspicion(_ options: Options, _ report: Report) async throws {
    let fleet = try await BenchFleet(options, workers: 0)
    let watcher = try RawClient(port: fleet.port)
    var suspected: [Double] = []
    var gone: [Double] = []
    for round in 0..<(options.isSmoke ? 2 : 20) {
        let client = try ChildProcess(
            executable: options.binary,
            arguments: [
                "client", "--join", fleet.url, "--name", "victim-\(round)", "--token", BenchFleet.token,
                "--min-interval", "3600", "--max-interval", "3600",
            ], output: .discard, killsGroupAtExit: true)
        try await awaitMember(watcher, atMost: 20) { $0.contains("\"alive\"") }
        // It has joined; now it opens its stream, and the coordinator takes note.
        try await Task.sleep(for: .milliseconds(300))
        let began = seconds()
        client.kill()
        try await awaitMember(watcher, atMost: 20) { !$0.contains("\"alive\"") }
        suspected.append((seconds() - began) * 1_000)
        try await awaitMember(watcher, atMost: 20) { !$0.contains("victim-\(round)") }
        gone.append((seconds() - began) * 1_000)
        _ = await client.wait()
    }
    await fleet.stop()
    report.line(
        "kill -9 until suspected: median \(short(percentile(suspected, 50))) ms, longest "
            + "\(short(percentile(suspected, 100))) ms")
    report.line(
        "until out of the ranks, grace of 1 s: median \(short(percentile(gone, 50))) ms, longest "
            + "\(short(percentile(gone, 100))) ms")
    report.goal("suspected within 100 ms", isMet: percentile(suspected, 100) <= 100)
    report.goal("out of the ranks within the grace + 0.2 s", isMet: percentile(gone, 100) <= 1_200)
}

private func awaitMember(_ client: RawClient, atMost limit: Double, _ isReached: (String) -> Bool) async throws {
    let began = seconds()
    while true {
        let answer = try client.request("GET", "/v1/members")
        if answer.status == 200, isReached(answer.text) { return }
        guard seconds() - began < limit else { throw BenchError("after \(limit) s members are \(answer.text)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}

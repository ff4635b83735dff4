internal import MusterLaunch

/// One command at a time from rank 0 to everybody.
func benchRanks(_ options: Options, _ report: Report) async throws {
    let members = options.isSmoke ? 50 : min(5_000, openFilesMax() / 2)
    let fleet = try await BenchFleet(options, workers: 0)
    let before = fleet.coordinatorMegabytes
    let began = seconds()
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(members)", BenchFleet.token])
    tellJoining(members, seconds() - began, fleet, report)
    let times = try await command(fleet, load, count: members, rounds: options.isSmoke ? 3 : 200, report)
    let memory = fleet.coordinatorMegabytes
    let each = (memory - before) * 1_024 / Double(members)
    report.line("coordinator: \(short(memory)) MB (\(short(before)) before), \(short(each)) KB a member")
    report.goal("p99 at most 60 ms", isMet: percentile(times, 99) <= 60)
    report.goal("coordinator at most 100 MB", isMet: memory <= 100)
    await load.stop()
    await fleet.stop()
}

/// The same with ten times as many, of which a part is killed at once. A coordinator has a connection for each: where it may not open so
/// many files, there are as many members as it may.
func benchCrowdRanks(_ options: Options, _ report: Report) async throws {
    openManyFiles()
    let asked = options.isSmoke ? 200 : 50_000
    let members = min(asked, openFilesMax() - 1_000)
    let victims = min(1_000, members / 5)
    if members < asked {
        report.line("\(members) members, not \(asked): a process may open \(openFilesMax()) files here")
    }
    let fleet = try await BenchFleet(options, workers: 0)
    let before = fleet.coordinatorMegabytes
    let began = seconds()
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(members - victims)", BenchFleet.token])
    let doomed = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(victims)", BenchFleet.token])
    let joining = seconds() - began
    let each = (fleet.coordinatorMegabytes - before) * 1_024 / Double(members)
    tellJoining(members, joining, fleet, report)
    report.line("the coordinator has \(short(each)) KB for each (\(short(before)) MB before)")
    report.goal("all joined within 20 s", isMet: joining <= 20)
    report.goal("at most 16 KB a member", isMet: each <= 16)
    let times = try await command(fleet, load, count: members, rounds: options.isSmoke ? 2 : 30, report)
    report.goal("p99 at most 1 s", isMet: percentile(times, 99) <= 1_000)
    let watch = try CommandWatch(fleet, load)
    let suspected = try watch.counter("suspicions_total")
    let killed = seconds()
    doomed.kill()
    try watch.awaitCounter("suspicions_total", atLeast: suspected + victims)
    let took = (seconds() - killed) * 1_000
    report.line("kill -9 of \(victims) at once: all suspected after \(short(took)) ms")
    report.goal("suspected within 200 ms", isMet: took <= 200)
    for load in [load, doomed] { await load.stop() }
    await fleet.stop()
}

private func tellJoining(_ count: Int, _ took: Double, _ fleet: BenchFleet, _ report: Report) {
    let each = fleet.coordinatorProcessorSeconds / Double(count) * 1e6
    report.line(
        "\(count) members joined and connected in \(short(took)) s; \(short(each)) µs of the coordinator's processor time each"
    )
}

/// So many commands, one after the other: milliseconds until each is durably with everybody.
private func command(
    _ fleet: BenchFleet, _ load: LoadGenerator, count: Int, rounds: Int, _ report: Report
) async throws -> [Double] {
    let watch = try CommandWatch(fleet, load)
    var accepted: [Double] = []
    var times: [Double] = []
    let (used, generated, start) = (fleet.coordinatorProcessorSeconds, load.processorSeconds, seconds())
    var deliveries = try watch.counter("deliveries_total")
    for _ in 0..<rounds {
        try load.check()
        deliveries += count - 1
        let began = seconds()
        let id = try watch.sendCommand(as: load.firstSecret, recipients: count - 1)
        accepted.append((seconds() - began) * 1_000)
        try watch.awaitAcknowledged(id, by: count - 1, deliveries: deliveries)
        times.append((seconds() - began) * 1_000)
    }
    let took = seconds() - start
    let (coordinator, members) = (fleet.coordinatorProcessorSeconds - used, load.processorSeconds - generated)
    let each = coordinator / Double(rounds * (count - 1)) * 1e6
    report.line(
        "\(rounds) commands, accepted and durable: median \(short(percentile(accepted, 50))) ms; acknowledged by all: median "
            + "\(short(percentile(times, 50))) ms, p99 \(short(percentile(times, 99))) ms")
    report.line(
        "the coordinator's processor time: \(short(each)) µs a delivery, with the heartbeats meanwhile; cores busy: "
            + "\(short(coordinator / took)), the members' \(short(members / took)); broken connections and refused "
            + "requests: \(load.troubles)")
    return times
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

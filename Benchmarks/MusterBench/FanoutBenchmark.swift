internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// Sixteen messages on their way to the server at a time, and at most so many that not all receivers have.
private let atOnce = 16
private let laggingMax = 512
private let message = "START_TRANSMIT"

/// Deliveries a second, and microseconds of the server's processor time for each.
private struct FanoutFigures {
    var rate: Double
    var processor: Double
}

/// The same message to the same number of receivers, here durable and acknowledged by each, there neither; in turn.
func benchFanout(_ options: Options, _ report: Report) async throws {
    let receivers = options.isSmoke ? 50 : 1_000
    var ours: [FanoutFigures] = []
    var theirs: [FanoutFigures] = []
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        ours.append(try await commandRate(options, report, receivers))
        theirs.append(try await redisRate(options, report, receivers))
    }
    let (rate, other) = (percentile(ours.map(\.rate), 50), percentile(theirs.map(\.rate), 50))
    let (cost, its) = (percentile(ours.map(\.processor), 50), percentile(theirs.map(\.processor), 50))
    report.line(
        "medians: muster \(short(rate)) deliveries/s, Redis \(short(other)); ratio \(short(rate / other)); processor time a "
            + "delivery: coordinator \(short(cost)) µs, Redis \(short(its)) µs")
    report.goal("half of Redis", isMet: rate >= 0.5 * other)
    report.goal("at most 2 µs of the coordinator's processor time a delivery", isMet: cost <= 2)
}

private func commandRate(_ options: Options, _ report: Report, _ receivers: Int) async throws -> FanoutFigures {
    let fleet = try await BenchFleet(options, workers: 0)
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(receivers)", BenchFleet.token])
    let clients = try (0..<atOnce).map { _ in try RawClient(port: fleet.port) }
    let (used, generated) = (fleet.coordinatorProcessorSeconds, load.processorSeconds)
    var last = 0
    let began = seconds()
    let sent = try await keepFlowing(options, load, receivers) {
        // As the operator, so that every member is a recipient.
        for client in clients { try client.begin("POST", "/v1/commands", "{\"command\":\"\(message)\"}") }
        for client in clients {
            let answer = try client.finish()
            guard answer.status == 202, let id = number("id", in: answer.text) else {
                throw BenchError("the command was refused: \(answer.status) \(answer.text)")
            }
            last = max(last, Int(id))
        }
    }
    try CommandWatch(fleet, load).awaitAcknowledged(last, by: receivers, deliveries: sent * receivers)
    let took = seconds() - began
    let (coordinator, members) = (fleet.coordinatorProcessorSeconds - used, load.processorSeconds - generated)
    let figures = FanoutFigures(
        rate: Double(sent * receivers) / took, processor: coordinator / Double(sent * receivers) * 1e6)
    report.line(
        "muster: \(sent) commands to \(receivers) members, durable and acknowledged: \(short(figures.rate)) deliveries/s; "
            + "cores busy: coordinator \(short(coordinator / took)), members \(short(members / took)); "
            + "\(load.troubles) broken or refused")
    await load.stop()
    await fleet.stop()
    return figures
}

private func redisRate(_ options: Options, _ report: Report, _ receivers: Int) async throws -> FanoutFigures {
    let line = Mutex("")
    let server = try ChildProcess(
        executable: "Benchmarks/peers/redis", arguments: [],
        output: .lines { text in if text.stream == .output { line.withLock { $0 = text.text } } },
        killsGroupAtExit: true)
    while line.withLock({ $0 }).isEmpty {
        if let status = server.status { throw BenchError("Benchmarks/peers/redis failed: \(status)") }
        try await Task.sleep(for: .milliseconds(5))
    }
    let said = line.withLock { $0 }
    guard let port = number("port", in: said).map({ UInt16($0) }), let pid = number("pid", in: said).map({ Int32($0) })
    else { throw BenchError("the peer said: \(said)") }
    let load = try await LoadGenerator(options, ["subscribers", "\(port)", "\(receivers)"])
    let publisher = try RawClient.connected(to: port)
    let publish = [String](repeating: "PUBLISH bench \(message)\r\n", count: atOnce).joined()
    let (used, generated) = (BenchFleet.processorSeconds(of: pid), load.processorSeconds)
    let began = seconds()
    let sent = try await keepFlowing(options, load, receivers) { try exchange(publish, answers: atOnce, publisher) }
    let took = seconds() - began
    let (redis, subscribers) = (BenchFleet.processorSeconds(of: pid) - used, load.processorSeconds - generated)
    let figures = FanoutFigures(
        rate: Double(sent * receivers) / took, processor: redis / Double(sent * receivers) * 1e6)
    close(publisher)
    report.line(
        "redis: \(sent) messages to \(receivers) subscribers: \(short(figures.rate)) deliveries/s; cores busy: Redis "
            + "\(short(redis / took)), subscribers \(short(subscribers / took))")
    await load.stop()
    server.terminate()
    _ = await server.wait()
    return figures
}

/// Sends `atOnce` at a time for some seconds, no faster than they are received, and waits until all are. Returns how many.
private func keepFlowing(
    _ options: Options, _ load: LoadGenerator, _ receivers: Int, _ send: () throws -> Void
) async throws -> Int {
    let end = seconds() + (options.isSmoke ? 0.5 : 4)
    var sent = 0
    while seconds() < end {
        if sent - load.received / receivers < laggingMax {
            try send()
            sent += atOnce
        } else {
            try await Task.sleep(for: .milliseconds(1))
        }
    }
    let limit = seconds() + 60
    while load.received < sent * receivers {
        try load.check()
        guard seconds() < limit else { throw BenchError("\(load.received) of \(sent * receivers) deliveries came") }
        try await Task.sleep(for: .milliseconds(1))
    }
    return sent
}

/// One write, and as many lines of answer.
private func exchange(_ text: String, answers: Int, _ socket: Int32) throws {
    let bytes = Array(text.utf8)
    guard write(socket, bytes, bytes.count) == bytes.count else { throw BenchError("Redis broke off") }
    var piece = [UInt8](repeating: 0, count: 4_096)
    var lines = 0
    while lines < answers {
        let count = read(socket, &piece, piece.count)
        guard count > 0, piece[0] != UInt8(ascii: "-") else { throw BenchError("Redis refused a message") }
        lines += piece[..<count].count { $0 == 10 }
    }
}

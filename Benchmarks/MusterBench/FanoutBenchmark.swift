internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// Sixteen messages on their way to the server at a time, and at most so many that not all receivers have.
private let atOnce = 16
private let laggingMax = 512
private let message = "START_TRANSMIT"

/// The same message to the same number of receivers, here durable and acknowledged by each, there neither; in turn.
func benchFanout(_ options: Options, _ report: Report) async throws {
    let receivers = options.isSmoke ? 50 : 1_000
    var ours: [Double] = []
    var theirs: [Double] = []
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        ours.append(try await commandRate(options, report, receivers))
        theirs.append(try await redisRate(options, report, receivers))
    }
    let (rate, other) = (percentile(ours, 50), percentile(theirs, 50))
    report.line("ratio of the medians: \(short(rate / other))")
    report.goal("aim at a quarter of Redis", isMet: rate >= 0.25 * other)
}

private func commandRate(_ options: Options, _ report: Report, _ receivers: Int) async throws -> Double {
    let fleet = try await BenchFleet(options, workers: 0)
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(receivers)", BenchFleet.token])
    let clients = try (0..<atOnce).map { _ in try RawClient(port: fleet.port) }
    let used = fleet.coordinatorProcessorSeconds
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
    try awaitAcknowledged(last, by: receivers, clients[0])
    let took = seconds() - began
    let rate = Double(sent * receivers) / took
    report.line(
        "muster: \(sent) commands to \(receivers) members, durable and acknowledged: \(short(rate)) deliveries/s, "
            + "\(short((fleet.coordinatorProcessorSeconds - used) / took)) cores, \(load.troubles) broken or refused")
    await load.stop()
    await fleet.stop()
    return rate
}

private func redisRate(_ options: Options, _ report: Report, _ receivers: Int) async throws -> Double {
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
    guard let port = number("port", in: said).map({ UInt16($0) }) else { throw BenchError("the peer said: \(said)") }
    let load = try await LoadGenerator(options, ["subscribers", "\(port)", "\(receivers)"])
    let publisher = try RawClient.connected(to: port)
    let publish = [String](repeating: "PUBLISH bench \(message)\r\n", count: atOnce).joined()
    let began = seconds()
    let sent = try await keepFlowing(options, load, receivers) { try exchange(publish, answers: atOnce, publisher) }
    let rate = Double(sent * receivers) / (seconds() - began)
    close(publisher)
    report.line("redis: \(sent) messages to \(receivers) subscribers: \(short(rate)) deliveries/s")
    await load.stop()
    server.terminate()
    _ = await server.wait()
    return rate
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

internal import Glibc
internal import MusterHTTPClient
internal import MusterLaunch
internal import MusterWire

private let engineSocket = "/var/run/docker.sock"
private let image = "muster:latest"
private let liveMax = 16

/// Children that are containers, beside what the engine does by itself with the same image in the same minute.
func benchDocker(_ options: Options, _ report: Report) async throws {
    let engine = HTTPClient(HTTPClient.Configuration(usesProxies: false))
    defer { engine.close() }
    guard access(engineSocket, R_OK | W_OK) == 0,
        (try? await ask(engine, "GET", "/images/\(image)/json", status: 200)) != nil
    else { return report.line("skipped: needs a container engine with the image \(image) (make image)") }
    let fleet = try await BenchFleet(
        options, workers: 0,
        flags: ["--launcher", "docker", "--host", "0.0.0.0", "--image", image, "--children-max", "\(liveMax)"])
    let client = try RawClient(port: fleet.port)
    try await oneContainer(options, report, client)
    try await manyContainers(options, report, fleet, engine)
    await fleet.stop()
}

private func oneContainer(_ options: Options, _ report: Report, _ client: RawClient) async throws {
    var ours: [Double] = []
    var bare: [Double] = []
    // One warms up, and turn by turn, so that whatever else the machine does is met by both.
    for round in 0...(options.isSmoke ? 1 : 20) {
        let began = seconds()
        try order(client)
        while try progress(client).received < (round + 1) * 1_000 { pauseMilliseconds(1) }
        let counted = seconds() - began
        while try progress(client).live > 0 { pauseMilliseconds(5) }
        let run = try await bareRun(round)
        if round > 0 { (ours, bare) = (ours + [counted], bare + [run]) }
    }
    let (median, other) = (percentile(ours, 50), percentile(bare, 50))
    report.line(
        "order to numbers counted: median \(short(median * 1_000)) ms; docker run: \(short(other * 1_000)) ms;"
            + " ratio \(short(median / other))")
    report.goal("at most 1.25 x docker run", isMet: median <= 1.25 * other)
}

/// Seconds of `docker run`, without the container's removal.
private func bareRun(_ round: Int) async throws -> Double {
    let name = "muster-bench-\(getpid())-\(round)"
    let began = seconds()
    let run = try ChildProcess(
        executable: "docker", arguments: ["run", "--name", name, image, "child", "--numbers", "1000"], output: .discard)
    let status = await run.wait()
    let took = seconds() - began
    _ = await (try ChildProcess(executable: "docker", arguments: ["rm", "-f", name], output: .discard)).wait()
    guard status == .exited(0) else { throw BenchError("docker run ended with \(status)") }
    return took
}

private func manyContainers(
    _ options: Options, _ report: Report, _ fleet: BenchFleet, _ engine: HTTPClient
) async throws {
    let count = options.isSmoke ? 8 : 200
    // Half before and half behind, so that a machine that gets busier meets both.
    var bare = try await engineSeconds(of: count / 2, engine)
    // A connection of before would have been closed as idle.
    let client = try RawClient(port: fleet.port)
    let before = try progress(client).received
    var asked: [Double] = []
    var most = 0
    let began = seconds()
    for _ in 0..<count { try order(client) }
    while true {
        let start = seconds()
        let now = try progress(client)
        asked.append((seconds() - start) * 1_000)
        most = max(most, now.live)
        if now.received - before == count * 1_000 { break }
        guard now.live + now.waiting > 0 || seconds() - began < 600 else { throw BenchError("children were lost") }
        pauseMilliseconds(2)
    }
    let took = seconds() - began
    while try progress(client).live > 0 { pauseMilliseconds(5) }
    bare += try await engineSeconds(of: count - count / 2, engine)
    report.line(
        "\(count) at once: \(short(took)) s, at most \(most) alive; the engine by itself, \(liveMax) at a time:"
            + " \(short(bare)) s; ratio \(short(took / bare))")
    report.line("/progress meanwhile: p99 \(short(percentile(asked, 99))) ms")
    report.goal("at most 1.2 x the engine's own time", isMet: took <= 1.2 * bare)
    report.goal("never more alive than the bound of \(liveMax)", isMet: most <= liveMax)
    report.goal("/progress p99 at most 20 ms", isMet: percentile(asked, 99) <= 20)
}

/// Seconds for so many containers, each made, started, waited for and removed.
private func engineSeconds(of count: Int, _ engine: HTTPClient) async throws -> Double {
    let began = seconds()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<count {
            if number >= liveMax { try await group.next() }
            group.addTask { try await engineRun(engine) }
        }
        try await group.waitForAll()
    }
    return seconds() - began
}

private func engineRun(_ engine: HTTPClient) async throws {
    let body = #"{"Image":"\#(image)","Cmd":["child","--numbers","1000"],"Healthcheck":{"Test":["NONE"]}}"#
    let made = try await ask(engine, "POST", "/containers/create", body, status: 201)
    var fields = try JSONFields(body: made)
    guard let id = try fields.string("Id") else { throw BenchError("the engine did not say which container it made") }
    _ = try await ask(engine, "POST", "/containers/\(id)/start", status: 204)
    _ = try await ask(engine, "POST", "/containers/\(id)/wait", status: 200)
    _ = try await ask(engine, "DELETE", "/containers/\(id)?force=1&v=1", status: 204)
}

private func ask(
    _ engine: HTTPClient, _ method: String, _ path: String, _ body: String? = nil, status: Int
) async throws -> [UInt8] {
    var request = HTTPClientRequest(method, "http://docker/v1.40" + path, unixSocket: engineSocket)
    request.timeout = .seconds(120)
    if let body {
        request.headers = [("Content-Type", "application/json")]
        request.body = Array(body.utf8)
    }
    let answer = try await engine.send(request)
    guard answer.status == status else {
        throw BenchError(
            "\(method) \(path): \(answer.status) \(String(decoding: answer.body.prefix(300), as: UTF8.self))")
    }
    return answer.body
}

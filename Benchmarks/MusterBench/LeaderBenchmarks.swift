internal import Glibc
internal import MusterLaunch
internal import MusterSystem
internal import Synchronization

/// Edges that know each other, each a process of its own, in front of one upstream.
private final class BenchEdges {
    private let options: Options
    private let upstream: BenchUpstream
    private let directory: String
    private let ports: [UInt16]
    private(set) var edges: [BenchEdge] = []

    init(_ options: Options, count: Int) async throws {
        (self.options, upstream) = (options, try BenchUpstream())
        directory = ".build/bench/edges-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        ports = (0..<count).map { _ in freePort() }
        for index in 0..<count { edges.append(try await start(index)) }
        try await awaitLeader(count, atMost: 20)
    }

    private func start(_ index: Int) async throws -> BenchEdge {
        let peers = ports.map { "http://127.0.0.1:\($0)" }.joined(separator: ",")
        return try await BenchEdge(
            options, upstream, id: index + 1, directory: directory,
            ["--port", "\(ports[index])", "--peers", peers])
    }

    func kill(_ index: Int) async { await edges[index].kill() }

    func restart(_ index: Int) async throws { edges[index] = try await start(index) }

    /// Until all edges but one tell that this one leads.
    func awaitLeader(_ id: Int, without: Int? = nil, atMost limit: Double) async throws {
        let began = seconds()
        let clients = try edges.indices.filter { $0 != without }.map { try RawClient(port: ports[$0]) }
        while true {
            let isAgreed = try clients.allSatisfy { client in
                number("leader", in: try client.request("GET", "/v1/edge").text) == Double(id)
            }
            if isAgreed { return }
            guard seconds() - began < limit else { throw BenchError("edge \(id) does not lead after \(limit) s") }
        }
    }

    func stop() async {
        for edge in edges { await edge.stop() }
        await removeBenchFolder(directory)
    }
}

/// Gets of one stored object, over and over, until it is told to stop.
private final class HitLoop: Sendable {
    struct Counts {
        var gets = 0
        var failed = 0
        var missed = 0
    }
    private let counts = Mutex(Counts())
    private let isOver = Atomic(false)

    init(port: UInt16) throws {
        let failure = startThread { [self] in
            guard let client = try? RawClient(port: port) else { return }
            while !isOver.load(ordering: .relaxed) {
                let answer = try? client.request("GET", "/1k")
                counts.withLock { counts in
                    counts.gets += 1
                    if answer?.status != 200 { counts.failed += 1 }
                }
                pauseMilliseconds(1)
            }
        }
        guard failure == 0 else { throw BenchError("no thread: error \(failure)") }
    }

    func stop() -> Counts {
        isOver.store(true, ordering: .relaxed)
        return counts.withLock { $0 }
    }
}

/// `kill -9` of the leader of five edges, until all that live tell the next one.
func benchFailover(_ options: Options, _ report: Report) async throws {
    let count = 5
    let edges = try await BenchEdges(options, count: count)
    let loop = try HitLoop(port: edges.edges[0].port)
    let watched = try RawClient(port: edges.edges[0].port)
    var times: [Double] = []
    for _ in 0..<(options.isSmoke ? 2 : 50) {
        // All have met all by then.
        try await Task.sleep(for: .milliseconds(500))
        let began = seconds()
        await edges.kill(count - 1)
        try await edges.awaitLeader(count - 1, without: count - 1, atMost: 20)
        times.append((seconds() - began) * 1_000)
        try await edges.restart(count - 1)
        try await edges.awaitLeader(count, atMost: 20)
    }
    let status = try watched.request("GET", "/v1/edge").text
    let gets = loop.stop()
    await edges.stop()
    report.line(
        "\(times.count) kills among \(count) edges, heartbeat 100 ms: a new leader known to all after "
            + "\(short(percentile(times, 50))) ms median, \(short(percentile(times, 99))) ms p99, "
            + "\(short(percentile(times, 100))) ms at most")
    report.line(
        "meanwhile at another edge: \(gets.gets) gets of a stored object, \(gets.failed) failed, "
            + "\(number("misses", in: status).map { Int($0) } ?? -1) missed")
    report.goal("a new leader known to all within 500 ms (p99)", isMet: percentile(times, 99) <= 500)
    report.goal("hits never interrupted", isMet: gets.failed == 0 && number("misses", in: status) == 1)
}

/// Purges asked of a follower, until all edges have confirmed.
func benchPurge(_ options: Options, _ report: Report) async throws {
    let count = options.isSmoke ? 3 : 16
    let edges = try await BenchEdges(options, count: count)
    let client = try RawClient(port: edges.edges[0].port)
    var times: [Double] = []
    var incomplete = 0
    for round in 0..<(options.isSmoke ? 5 : 300) {
        let path = "/bytes/1024/\(round)"
        guard try client.request("GET", path).status == 200 else { throw BenchError("\(path) was not served") }
        let began = seconds()
        let answer = try client.request("POST", "/v1/purge", "{\"prefix\":\"\(path)\"}")
        times.append((seconds() - began) * 1_000)
        if answer.status != 200 { incomplete += 1 }
    }
    await edges.stop()
    report.line(
        "\(times.count) purges confirmed by \(count) edges: median \(short(percentile(times, 50))) ms, p99 "
            + "\(short(percentile(times, 99))) ms; not confirmed by all: \(incomplete)")
    report.goal("confirmed by all within 100 ms (p99)", isMet: percentile(times, 99) <= 100 && incomplete == 0)
}

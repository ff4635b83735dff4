internal import Glibc
internal import MusterLaunch

/// Hot hits with one thread and with two, the edge at one address of its own. The generator takes a processor, so that with two of them
/// the second thread's rate shows nothing. What two would do with a processor each follows from what they compute: under all the load there
/// can be, how much dearer a hit is when both are at it; under a load that leaves them time, so that it is not the kernel that chooses
/// who works, how much of it the busier one has.
func benchEdgeThreads(_ options: Options, _ report: Report) async throws {
    let upstream = try BenchUpstream()
    var edges: [BenchEdge] = []
    for threads in [1, 2] {
        edges.append(
            try await BenchEdge(
                options, upstream, id: threads, ["--http-threads", "\(threads)", "--host", "127.0.0.9"]))
    }
    var full: [[ThreadLoad]] = [[], []]
    var paced: [[ThreadLoad]] = [[], []]
    for _ in 0..<(options.isSmoke ? 1 : 5) {
        for (place, edge) in edges.enumerated() {
            full[place].append(try await ThreadLoad(edge, options))
            paced[place].append(try await ThreadLoad(edge, options, pause: 100))
        }
    }
    for edge in edges { await edge.stop() }
    for place in edges.indices {
        report.line("\(place + 1) thread(s), full load: \(ThreadLoad.median(full[place]))")
        report.line("\(place + 1) thread(s), paced: \(ThreadLoad.median(paced[place]))")
    }
    let dearer = percentile(zip(full[0], full[1]).map { $1.cost / $0.cost }, 50)
    let share = percentile(paced[1].map(\.busiestShare), 50)
    let rates = percentile(zip(full[0], full[1]).map { $1.rate / $0.rate }, 50)
    let times = 1 / share / dearer
    report.line(
        "two threads beside one: \(short(rates)) x the rate beside the generator; \(short(dearer)) x the processor time of a "
            + "hit, and \(short(share)) of the work for the busier one: \(short(times)) x with a processor each")
    report.goal("1.7 x", isMet: times >= 1.7)
}

/// What an edge's threads did while it was asked for one small object again and again.
private struct ThreadLoad {
    private let requests: Double
    private let seconds: Double
    /// That each thread computed.
    private let threads: [Double]
    /// Microseconds of wrk's for each.
    let generatorCost: Double

    /// `pause`: milliseconds between one answer and the next requests of a connection.
    init(_ edge: BenchEdge, _ options: Options, pause: Int = 0) async throws {
        let client = try RawClient(edge.url)
        for _ in 0..<2 { _ = try client.request("GET", "/1k") }
        let before = Self.threads(of: edge.process.pid)
        let line = try await peerLine(
            "Benchmarks/peers/wrk",
            [edge.url + "/1k", options.isSmoke ? "1" : "4", "128", "\(edge.process.pid)", "16", "\(pause)"])
        let after = Self.threads(of: edge.process.pid)
        guard let requests = number("requests", in: line), let seconds = number("seconds", in: line),
            let generatorCost = number("generator_us", in: line)
        else { throw BenchError("no figures in: \(line)") }
        (self.requests, self.seconds, self.generatorCost) = (requests, seconds, generatorCost)
        threads = after.map { $1 - (before[$0] ?? 0) }
    }

    var rate: Double { requests / seconds }
    private var computed: Double { threads.reduce(0, +) }
    var cost: Double { computed / requests * 1e6 }
    /// Of all that the threads computed.
    var busiestShare: Double { (threads.max() ?? 0) / max(computed, 0.001) }

    static func median(_ loads: [ThreadLoad]) -> String {
        func median(_ value: (ThreadLoad) -> Double) -> String { short(percentile(loads.map(value), 50)) }
        return
            "\(median(\.rate)) hits/s; a hit costs the edge \(median(\.cost)) µs, wrk \(median(\.generatorCost)) µs; cores busy: "
            + "edge \(median { $0.computed / $0.seconds }), wrk \(median { $0.generatorCost / 1e6 * $0.rate })"
    }

    /// Seconds that each thread has computed so far.
    private static func threads(of pid: Int32) -> [String: Double] {
        var seconds: [String: Double] = [:]
        guard let folder = opendir("/proc/\(pid)/task") else { return [:] }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            let spent = readText("/proc/\(pid)/task/\(name)/schedstat")?.split(separator: " ").first
            seconds[name] = spent.flatMap { Double($0) }.map { $0 / 1e9 }
        }
        return seconds
    }
}

/// One thing that is measured, and what it should reach.
struct Benchmark: Sendable {
    var name: String
    var about: String
    var run: @Sendable (Options, Report) async throws -> Void

    static let all: [Benchmark] = [
        Benchmark(name: "noop", about: "tasks a second, submit to last durable result read back", run: benchNoop),
        Benchmark(
            name: "submitters", about: "tasks of 64 submitters at once on sixteen workers, beside those of one",
            run: benchSubmitters),
        Benchmark(name: "roundtrip", about: "one task, submit to result, fleet idle", run: benchRoundTrip),
        Benchmark(name: "dispatch", about: "time of a lease with short and long queues", run: benchDispatch),
        Benchmark(
            name: "memory", about: "coordinator's memory with a million tasks queued, and done", run: benchMemory),
        Benchmark(
            name: "autoscale", about: "as many workers as the queue needs, beside a fixed fleet", run: benchAutoscale),
        Benchmark(
            name: "run", about: "short commands a second, beside xargs, GNU parallel and HyperQueue", run: benchRun),
        Benchmark(
            name: "run-million", about: "a million values: first output, memory of coordinator and submitter",
            run: benchRunMillion),
        Benchmark(
            name: "run-file", about: "a large file that each task needs, beside curl from nginx", run: benchRunFile),
        Benchmark(
            name: "run-return", about: "small files brought back from tasks, beside GNU parallel over SSH",
            run: benchRunReturn),
        Benchmark(name: "numbers", about: "random numbers into the set of unique ones", run: benchNumbers),
        Benchmark(name: "children", about: "order of a child to its numbers, singly and very many", run: benchChildren),
        Benchmark(
            name: "docker", about: "order of a child that is a container to its numbers, beside the engine by itself",
            run: benchDocker),
        Benchmark(name: "kernel", about: "escape iterations a second of one core, beside C", run: benchKernel),
        Benchmark(
            name: "render", about: "a large picture from two workers, beside the same strips with no fleet",
            run: benchRender),
        Benchmark(name: "tile", about: "what the fleet adds to one tile, fleet idle", run: benchTile),
        Benchmark(
            name: "explorer", about: "a view of the explorer in Chromium, beside muster render of the same pixels",
            run: benchExplorer),
        Benchmark(
            name: "ranks", about: "a command from rank 0 until all members have acknowledged it", run: benchRanks),
        Benchmark(
            name: "crowd-ranks", about: "the same with 50,000 members: joining, memory, commands, 1,000 killed at once",
            run: benchCrowdRanks),
        Benchmark(
            name: "fanout", about: "deliveries of commands a second, beside Redis publish/subscribe", run: benchFanout),
        Benchmark(name: "suspicion", about: "kill -9 of a client until the fleet knows", run: benchSuspicion),
        Benchmark(
            name: "window", about: "ten open pages of the dashboard: when they have what changed, and what they cost",
            run: benchWindow),
        Benchmark(
            name: "pages", about: "the dashboard in Chromium: a first view, a page that stays open, long lists",
            run: benchPages),
        Benchmark(name: "hits", about: "an edge's hot hits a second, beside nginx's and Varnish's", run: benchHits),
        Benchmark(name: "hits-tls", about: "an edge's hot hits a second over TLS, beside nginx's", run: benchHitsTLS),
        Benchmark(
            name: "edge-threads", about: "an edge's hot hits with one thread and with two", run: benchEdgeThreads),
        Benchmark(
            name: "crowd", about: "very many clients on one object that an edge has not, or not yet", run: benchCrowd),
        Benchmark(name: "scan", about: "what an edge takes when more passes than it may hold", run: benchScan),
        Benchmark(
            name: "failover", about: "kill -9 of the edges' leader until all know the next", run: benchFailover),
        Benchmark(name: "purge", about: "a purge until every edge has confirmed it", run: benchPurge),
        Benchmark(name: "healthz", about: "requests a second beside nginx's", run: benchHealthz),
    ]
}

struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

struct Options: Sendable {
    var isSmoke = false
    var only: String?
    var binary = ".build/release/muster"
    /// An earlier build, to be measured in turn with `binary` where a benchmark can.
    var before: String?

    init() {}

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--smoke": isSmoke = true
            case "--only": only = rest.popFirst()
            case "--binary": binary = rest.popFirst() ?? binary
            case "--before": before = rest.popFirst()
            default:
                throw BenchError(
                    "unknown argument \(argument); there are --smoke, --only NAME, --binary PATH, --before PATH")
            }
        }
        if let only, !Benchmark.all.contains(where: { $0.name == only }) {
            throw BenchError("no benchmark \(only): \(Benchmark.all.map(\.name).joined(separator: ", "))")
        }
    }
}

internal import Glibc
internal import MusterLaunch

/// Hot hits of three sizes, beside nginx and Varnish with the same generator and the same upstream, in turn: all with one thread or worker,
/// then with two.
func benchHits(_ options: Options, _ report: Report) async throws {
    let upstream = try BenchUpstream()
    for threads in [1, 2] {
        let edge = try await BenchEdge(options, upstream, ["--http-threads", "\(threads)"])
        var figures: [String: [HitFigures]] = [:]
        for _ in 0..<(options.isSmoke ? 1 : 3) {
            for (name, kind) in [("nginx", "nginx"), ("varnish", "varnish"), ("muster", edge.url)] {
                let line = try await peerLine(
                    "Benchmarks/peers/cache",
                    [kind, "\(upstream.port)", options.isSmoke ? "1" : "4", "\(threads)", "\(edge.process.pid)"])
                figures[name, default: []].append(try HitFigures(line))
            }
        }
        await edge.stop()
        report.line("\(threads) thread(s) or worker(s) each, one of the generator")
        for size in HitFigures.sizes { tell(figures, of: size, threads, report) }
    }
}

/// The same over TLS 1.3 with one cipher, beside nginx with the same certificate; both keep connections.
func benchHitsTLS(_ options: Options, _ report: Report) async throws {
    let upstream = try BenchUpstream()
    let certificate = try await BenchCertificate()
    let edge = try await BenchEdge(
        options, upstream,
        [
            "--http-threads", "1", "--tls-cert", certificate.folder + "/cert.pem", "--tls-key",
            certificate.folder + "/key.pem", "--tls-ciphers", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
        ])
    var figures: [String: [HitFigures]] = [:]
    for _ in 0..<(options.isSmoke ? 1 : 3) {
        for (name, kind) in [("nginx", "nginx"), ("muster", edge.url)] {
            let line = try await peerLine(
                "Benchmarks/peers/cache",
                [
                    kind, "\(upstream.port)", options.isSmoke ? "1" : "4", "1", "\(edge.process.pid)",
                    certificate.folder,
                ])
            figures[name, default: []].append(try HitFigures(line))
        }
    }
    await edge.stop()
    await removeBenchFolder(certificate.folder)
    for size in HitFigures.sizes {
        let (rates, times) = (
            figures.mapValues { percentile($0.compactMap { $0.rates[size] }, 50) },
            figures.mapValues { percentile($0.compactMap { $0.times[size] }, 50) }
        )
        let ratio = rates["muster"]! / rates["nginx"]!
        report.line(
            "/\(size): muster \(short(rates["muster"]!))/s, nginx \(short(rates["nginx"]!))/s; ratio \(short(ratio)); "
                + "processor time a hit: \(short(times["muster"]!)) µs, nginx \(short(times["nginx"]!)) µs, ratio "
                + short(times["muster"]! / times["nginx"]!))
        report.goal("0.9 of nginx at \(size), over TLS", isMet: ratio >= 0.9)
    }
}

/// What one cache did in one round: hits a second, and microseconds of processor time of each, by size.
private struct HitFigures {
    static let sizes = ["1k", "64k", "1m"]
    var rates: [String: Double] = [:]
    var times: [String: Double] = [:]

    init(_ line: String) throws {
        for size in Self.sizes {
            guard let rate = number(size, in: line), let time = number("\(size)_us", in: line) else {
                throw BenchError("no rate, or no processor time, in: \(line)")
            }
            (rates[size], times[size]) = (rate, time)
        }
    }
}

private func tell(_ figures: [String: [HitFigures]], of size: String, _ threads: Int, _ report: Report) {
    func rate(_ name: String) -> Double { percentile((figures[name] ?? []).compactMap { $0.rates[size] }, 50) }
    func time(_ name: String) -> Double { percentile((figures[name] ?? []).compactMap { $0.times[size] }, 50) }
    let best = rate("nginx") >= rate("varnish") ? "nginx" : "varnish"
    let (rates, times) = (rate("muster") / rate(best), time("muster") / time(best))
    report.line(
        "/\(size): muster \(short(rate("muster")))/s, nginx \(short(rate("nginx")))/s, Varnish "
            + "\(short(rate("varnish")))/s; ratio to the better: \(short(rates))")
    report.line(
        "/\(size), processor time a hit: muster \(short(time("muster"))) µs, nginx \(short(time("nginx"))) µs, Varnish "
            + "\(short(time("varnish"))) µs; ratio to the better: \(short(times))")
    let goal = threads == 1 && size == "1k" ? 1.25 : 1.15
    report.goal("\(goal) x the better of nginx and Varnish at \(size)", isMet: rates >= goal)
    if threads > 1 { report.goal("0.8 of its processor time at \(size)", isMet: times <= 0.8) }
}

/// Very many clients on one object that is not there, beside the same when it is; then many on an answer that trickles in.
func benchCrowd(_ options: Options, _ report: Report) async throws {
    let clients = options.isSmoke ? 100 : min(10_000, openFilesMax() * 2 / 5)
    let upstream = try BenchUpstream()
    let edge = try await BenchEdge(options, upstream)
    let generator = options.binary.split(separator: "/").dropLast().joined(separator: "/")
    let program = (options.binary.hasPrefix("/") ? "/" : "") + generator + "/muster-bench-members"
    var cold: [Double] = []
    var hot: [Double] = []
    var most = 0
    for round in 0..<(options.isSmoke ? 1 : 3) {
        let path = "/bytes/1048576/\(round)"
        for isCold in [true, false] {
            let line = try await peerLine(program, ["crowd", "\(edge.port)", "\(clients)", path, "1048576"])
            guard let took = number("seconds", in: line), number("failed", in: line) == 0 else {
                throw BenchError("some of the crowd were not served: \(line)")
            }
            if isCold { cold.append(took) } else { hot.append(took) }
        }
        most = max(most, upstream.requests(path))
    }
    report.line(
        "\(clients) clients, 1 MiB: cold \(short(percentile(cold, 50))) s, hot \(short(percentile(hot, 50))) s, ratio "
            + "\(short(percentile(cold, 50) / percentile(hot, 50))); \(most) upstream request(s) for each object")
    report.goal("one upstream request", isMet: most == 1)
    report.goal("cold in at most 1.5 of hot", isMet: percentile(cold, 50) <= 1.5 * percentile(hot, 50))
    try await ranges(options, report, upstream, edge, program)
    try await trickle(options, report, upstream, edge, program)
    await edge.stop()
}

/// The same with small ranges and with HEAD; then what a small range costs when only its part of a large object is stored.
private func ranges(
    _ options: Options, _ report: Report, _ upstream: BenchUpstream, _ edge: BenchEdge, _ program: String
) async throws {
    let clients = options.isSmoke ? 50 : 1_000
    for (kind, name, bytes) in [("ranges", "Range", 100), ("heads", "HEAD", 0)] {
        let path = "/bytes/4194304/\(kind)"
        let line = try await peerLine(program, [kind, "\(edge.port)", "\(clients)", path, "\(bytes)"])
        guard let took = number("seconds", in: line), number("failed", in: line) == 0 else {
            throw BenchError("some of the crowd were not served: \(line)")
        }
        let requests = upstream.requests(path)
        report.line(
            "\(clients) clients, \(name) of 4 MiB that are not there yet: \(short(took)) s, "
                + "\(requests) upstream request(s)")
        report.goal("one upstream request with \(name)", isMet: requests == 1)
    }
    let ranges = ["ranges", "\(edge.port)", "\(clients)", "/bytes/16777216/held", "100"]
    _ = try await peerLine(program, ranges)
    let before = BenchFleet.processorSeconds(of: edge.process)
    let line = try await peerLine(program, ranges)
    guard number("failed", in: line) == 0 else { throw BenchError("some of the crowd were not served: \(line)") }
    let used = (BenchFleet.processorSeconds(of: edge.process) - before) / Double(clients) * 1_000
    report.line(
        "100 bytes of 16 MiB of which a part is stored: \(short(used)) ms of processor time each, connection included")
    report.goal("at most 1 ms each", isMet: used <= 1)
}

private func trickle(
    _ options: Options, _ report: Report, _ upstream: BenchUpstream, _ edge: BenchEdge, _ program: String
) async throws {
    let waiters = options.isSmoke ? 50 : 1_000
    let bytes = BenchUpstream.records * BenchUpstream.recordBytes
    let line = try await peerLine(program, ["trickle", "\(edge.port)", "\(waiters)", "/trickle/1", "\(bytes)"])
    guard let late = number("late_ms_p99", in: line), number("failed", in: line) == 0 else {
        throw BenchError("some waiters were not served: \(line)")
    }
    report.line(
        "\(waiters) clients on an answer that comes in 20 pieces, 100 ms apart: a piece is with them after "
            + "\(short(late)) ms (p99), \(upstream.requests("/trickle/1")) upstream request(s)")
    report.goal("a trickling answer reaches its waiters within 50 ms (p99)", isMet: late <= 50)
}

/// Ten times as many objects as the cache may hold, asked for once each: what it takes in memory and on the disk.
func benchScan(_ options: Options, _ report: Report) async throws {
    let (disk, memory) = (64 << 20, 16 << 20)
    let objectBytes = 100_000
    let count = (options.isSmoke ? 1 : 10) * disk / objectBytes
    let upstream = try BenchUpstream()
    let edge = try await BenchEdge(
        options, upstream, ["--cache-bytes", "\(disk)", "--memory-bytes", "\(memory)"])
    let client = try RawClient(port: edge.port)
    let before = edge.megabytes
    let began = seconds()
    var most = 0.0
    for index in 0..<count {
        let answer = try client.request("GET", "/bytes/\(objectBytes)/\(index)")
        guard answer.status == 200, answer.text.utf8.count == objectBytes else {
            throw BenchError("object \(index) was not served: \(answer.status)")
        }
        if index % 64 == 0 { most = max(most, edge.megabytes) }
    }
    let took = seconds() - began
    let used = try await peerLine("/usr/bin/du", ["-s", "--block-size=1", edge.directory + "/edge-1/cache"])
    let onDisk = Double(used.prefix { $0.isNumber }) ?? 0
    await edge.stop()
    report.line(
        "\(count) objects of \(objectBytes) bytes in \(short(took)) s: memory \(short(before)) MB at first, "
            + "\(short(most)) MB at most; disk \(short(onDisk / 1_048_576)) MiB of \(disk >> 20)")
    report.goal("within the bound on the disk (and 256 folders)", isMet: onDisk <= Double(disk) + 257 * 4_096)
    report.goal("within the bound in memory, and 64 MB for the rest", isMet: most <= Double(memory) / 1e6 + 64)
}

/// How many files a process that this one starts may open.
func openFilesMax() -> Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_max)
}

/// From here on processes that are started may open as many files as the system lets any, where this one may say so.
func openManyFiles() {
    guard let most = readText("/proc/sys/fs/nr_open").flatMap({ UInt($0.prefix { $0.isNumber }) }) else { return }
    var limit = rlimit(rlim_cur: most, rlim_max: most)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

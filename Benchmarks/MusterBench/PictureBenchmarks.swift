internal import MusterKernels
internal import MusterWire
internal import Synchronization

/// A large picture from a fleet of two workers, beside the same strips made with no fleet on as many threads, in turn.
func benchRender(_ options: Options, _ report: Report) async throws {
    let picture = try options.isSmoke ? Picture(width: 640, height: 360) : Picture(width: 7_680, height: 4_320)
    let path = "/mandelbrot.png?width=\(picture.width)&height=\(picture.height)&escape=\(picture.escape)"
    let fleet = try await BenchFleet(options, workers: 2)
    let client = try RawClient(port: fleet.port)
    var times: (fleet: [Double], bare: [Double], firstByte: [Double]) = ([], [], [])
    var used: (gateway: Double, all: Double, bare: Double) = (0, 0, 0)
    var bytes = 0
    // The first round warms both up, and is not counted.
    for round in 0...(options.isSmoke ? 1 : 11) {
        let before = (gateway: fleet.coordinatorProcessorSeconds, all: fleet.processorSeconds)
        var began = seconds()
        var firstByte: Double?
        let answer = try client.request("GET", path) { _ in firstByte = firstByte ?? seconds() - began }
        let took = seconds() - began
        let after = (gateway: fleet.coordinatorProcessorSeconds, all: fleet.processorSeconds)
        began = seconds()
        let own = ownProcessorSeconds()
        let strips = await BareLoop(picture).run(threads: 2)
        let (bare, bareUsed) = (seconds() - began, ownProcessorSeconds() - own)
        guard answer.status == 200, try answer.body == file(of: strips, picture) else {
            throw BenchError("the picture is not the bare loop's: \(answer.status), \(answer.body.count) bytes")
        }
        bytes = answer.body.count
        guard round > 0 else { continue }
        times.fleet.append(took)
        times.bare.append(bare)
        times.firstByte.append(firstByte ?? took)
        used.gateway += after.gateway - before.gateway
        used.all += after.all - before.all
        used.bare += bareUsed
    }
    await fleet.stop()
    let (took, bare) = (percentile(times.fleet, 50), percentile(times.bare, 50))
    let size = "\(picture.width) x \(picture.height), escape \(picture.escape)"
    report.line("\(size): \(picture.stripCount) strips, \(bytes >> 10) KiB, medians of \(times.fleet.count) in turn")
    report.line("fleet: \(short(took * 1_000)) ms, its first byte after \(ms(times.firstByte)) ms")
    report.line("bare loop, 2 threads: \(short(bare * 1_000)) ms; every file equal to the fleet's")
    report.line("ratio: \(short(bare / took)); of the processor time: \(short(used.bare / max(used.all, 0.01)))")
    report.goal("at least 0.94 of the bare loop", isMet: bare >= 0.94 * took)
    let share = used.gateway / max(used.all, 0.01) * 100
    report.line("coordinator's processor time: \(short(share)) % of the fleet's \(short(used.all)) s")
    report.goal("at most 5 %", isMet: share <= 5)
}

private func ms(_ times: [Double]) -> String { short(percentile(times, 50) * 1_000) }

/// Makes all strips of a picture, each on the thread that is free first.
private final class BareLoop: Sendable {
    private let picture: Picture
    private let next = Atomic(0)
    private let strips: Mutex<[StripImage?]>

    init(_ picture: Picture) {
        self.picture = picture
        strips = Mutex(Array(repeating: nil, count: picture.stripCount))
    }

    func run(threads: Int) async -> [StripImage?] {
        await withDiscardingTaskGroup { group in
            for _ in 0..<threads { group.addTask { self.work() } }
        }
        return strips.withLock { $0 }
    }

    private func work() {
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < picture.stripCount else { return }
            let strip = MandelbrotStrip.compute(picture, rows: picture.strip(index)) { false }
            strips.withLock { $0[index] = strip }
        }
    }
}

private func file(of strips: [StripImage?], _ picture: Picture) throws -> [UInt8] {
    var assembly = PNGAssembly(picture)
    var file = assembly.header
    for case let strip? in strips { file += try assembly.append(strip) }
    return file + assembly.trailer
}

/// What the way through the gateway and a worker adds to one tile, the fleet idle: kernel and compression of the same tile
/// are measured in this process, in turn.
func benchTile(_ options: Options, _ report: Report) async throws {
    let rounds = options.isSmoke ? 5 : 500
    // All of the set, all inside, its border at three depths, and far outside.
    let tiles = [(0, 0, 0), (3, 3, 3), (3, 2, 3), (8, 111, 119), (14, 7_195, 7_651), (4, 15, 0)]
    let fleet = try await BenchFleet(options, workers: 2)
    let client = try RawClient(port: fleet.port)
    var shares: [Double] = []
    let began = fleet.processorSeconds
    var computing = 0.0
    for (z, x, y) in tiles {
        let tile = try Picture.tile(z: z, x: x, y: y)
        var times: (trips: [Double], kernel: [Double], shares: [Double]) = ([], [], [])
        for _ in 0..<rounds {
            var began = seconds()
            let answer = try client.request("GET", "/tiles/\(z)/\(x)/\(y).png")
            let trip = (seconds() - began) * 1_000
            began = seconds()
            let own = ownProcessorSeconds()
            let strips = (0..<tile.stripCount).map { index in
                MandelbrotStrip.compute(tile, rows: tile.strip(index)) { false }
            }
            let kernel = (seconds() - began) * 1_000
            computing += ownProcessorSeconds() - own
            guard answer.status == 200, try answer.body == file(of: strips, tile) else {
                throw BenchError("tile \(z)/\(x)/\(y) is not the kernel's: \(answer.status) \(answer.text.prefix(200))")
            }
            times.trips.append(trip)
            times.kernel.append(kernel)
            times.shares.append(trip - kernel)
        }
        let (trip, kernel, share) = (times.trips, times.kernel, times.shares)
        report.line(
            "tile \(z)/\(x)/\(y), \(tile.stripCount) strips: \(short(percentile(trip, 50))) ms, kernel "
                + "\(short(percentile(kernel, 50))) ms; the rest: median \(short(percentile(share, 50))) ms, "
                + "p99 \(short(percentile(share, 99))) ms")
        shares += share
    }
    let spent = (fleet.processorSeconds - began - computing) / Double(tiles.count * rounds) * 1_000
    await fleet.stop()
    let share = percentile(shares, 50)
    report.line(
        "beside the kernel, all \(tiles.count) tiles: median \(short(share)) ms; of the fleet's processor time "
            + "\(short(spent)) ms a tile")
    report.goal("at most 0.5 ms", isMet: share <= 0.5)
}

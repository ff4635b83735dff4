internal import Glibc
internal import Synchronization

/// Ten pages that follow a fleet of 1,000 members: how long after a change each has it, and what all of them cost.
func benchWindow(_ options: Options, _ report: Report) async throws {
    let crowd = options.isSmoke ? 20 : 1_000
    try await measureChanges(options, report, members: crowd)
    try await measureNoop(options, report, members: crowd)
}

private let pagesOpen = 10
private let jobsUnderWay = 100

/// When each page saw what: nanoseconds of the monotonic clock, by kind and id, as far as they came.
private final class Sightings: Sendable {
    private let moments = Mutex<[String: [UInt64]]>([:])

    func take(_ line: String) {
        guard let id = number("id", in: line), let at = number("at", in: line),
            let kind = line.split(separator: "\"").dropFirst(2).first(where: { $0 != ":" })
        else { return }
        moments.withLock { $0["\(kind) \(Int(id))", default: []].append(UInt64(at)) }
    }

    subscript(_ name: String) -> [UInt64] { moments.withLock { $0[name] ?? [] } }
}

private struct Change {
    var name: String
    /// Before the request that caused it was sent.
    var began: UInt64
}

/// So many jobs run one task at a time each, of half a second, so that all of them get on.
private func busyFleet(_ options: Options) async throws -> BenchFleet {
    let fleet = try await BenchFleet(options, workers: 2, slots: jobsUnderWay / 2) { worker in
        (0..<jobsUnderWay / 2).flatMap { ["--resource", "place-\(worker * jobsUnderWay / 2 + $0)=1"] }
    }
    let client = try RawClient(port: fleet.port)
    for job in 0..<jobsUnderWay {
        _ = try submit(
            """
            {"kernel":"sleep","params":{"ms":500},"count":100000,"needs":{"counts":{"place-\(job)":1}}}
            """, client)
    }
    while try number("tasksLeased", in: client.request("GET", "/v1/overview").text) ?? 0 < Double(jobsUnderWay) {
        pauseMilliseconds(50)
    }
    return fleet
}

private func measureChanges(_ options: Options, _ report: Report, members: Int) async throws {
    let fleet = try await busyFleet(options)
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(members)", BenchFleet.token])
    let sightings = Sightings()
    let pages = try await LoadGenerator(
        options, ["pages", "\(fleet.port)", "\(pagesOpen)", BenchFleet.token], onSeen: { sightings.take($0) })
    // One that is undone before the fleet is looked at was never there: so each is awaited.
    let changes = try makeChanges(fleet, rounds: options.isSmoke ? 2 : 50) { change in
        let limit = seconds() + 20
        while sightings[change.name].count < pagesOpen {
            for generator in [load, pages] { try generator.check() }
            guard seconds() < limit else {
                throw BenchError("\(sightings[change.name].count) of \(pagesOpen) pages saw \(change.name)")
            }
            pauseMilliseconds(2)
        }
        pauseMilliseconds(UInt32.random(in: 0...250))
    }
    var all: [Double] = []
    for kind in ["job-new", "job-over", "member-new", "member-gone"] {
        let delays = changes.filter { $0.name.hasPrefix(kind) }
            .flatMap { change in sightings[change.name].map { Double(Int64($0) - Int64(change.began)) / 1e6 } }
        all += delays
        report.line(
            "\(kind): \(delays.count) sightings, median \(short(percentile(delays, 50))) ms, p95 "
                + "\(short(percentile(delays, 95))) ms, longest \(short(percentile(delays, 100))) ms")
    }
    report.line("the pages: \(pages.last); the members: \(load.troubles) connections broken or requests refused")
    await pages.stop()
    report.goal(
        "a change is on each of \(pagesOpen) pages within 250 ms (p95): \(short(percentile(all, 95))) ms",
        isMet: percentile(all, 95) <= 250)
    try await measureCost(options, report, fleet)
    await load.stop()
    await fleet.stop()
}

/// Members that come and go, jobs that are asked for and end, at moments that have nothing to do with when the fleet is looked at.
private func makeChanges(_ fleet: BenchFleet, rounds: Int, awaited: (Change) throws -> Void) throws -> [Change] {
    let client = try RawClient(port: fleet.port)
    var changes: [Change] = []
    func note(_ name: String, _ began: UInt64) throws {
        changes.append(Change(name: name, began: began))
        try awaited(changes[changes.count - 1])
    }
    func id(_ answer: RawClient.Answer) throws -> Int {
        guard (200..<300).contains(answer.status), let id = number("id", in: answer.text) else {
            throw BenchError("refused: \(answer.status) \(answer.text)")
        }
        return Int(id)
    }
    for round in 0..<rounds {
        var began = monotonicNanoseconds()
        // Nobody has what it needs.
        let waits = "{\"kernel\":\"noop\",\"count\":1,\"needs\":{\"counts\":{\"nothing\":1}}}"
        let job = try id(client.request("POST", "/v1/jobs", waits))
        try note("job-new \(job)", began)
        began = monotonicNanoseconds()
        let joined = try client.request("POST", "/v1/members", "{\"name\":\"guest-\(round)\",\"role\":\"client\"}")
        let member = try id(joined)
        try note("member-new \(member)", began)
        began = monotonicNanoseconds()
        _ = try client.request("DELETE", "/v1/jobs/\(job)")
        try note("job-over \(job)", began)
        began = monotonicNanoseconds()
        _ = try client.request("DELETE", "/v1/members/\(member)")
        try note("member-gone \(member)", began)
    }
    return changes
}

/// The coordinator's processor time with the pages open and without, in turn.
private func measureCost(_ options: Options, _ report: Report, _ fleet: BenchFleet) async throws {
    var (with, without): ([Double], [Double]) = ([], [])
    for _ in 0..<(options.isSmoke ? 1 : 7) {
        for isOpen in [false, true] {
            let pages =
                isOpen
                ? try await LoadGenerator(options, ["pages", "\(fleet.port)", "\(pagesOpen)", BenchFleet.token]) : nil
            let (used, began) = (fleet.coordinatorProcessorSeconds, seconds())
            try await Task.sleep(for: options.isSmoke ? .milliseconds(200) : .seconds(6))
            let share = (fleet.coordinatorProcessorSeconds - used) / (seconds() - began)
            if isOpen { with.append(share) } else { without.append(share) }
            await pages?.stop()
        }
    }
    let cost = percentile(zip(with, without).map { $0 - $1 }, 50) * 100
    report.line(
        "the coordinator's processor: \(short(percentile(with, 50) * 100)) % of a core with \(pagesOpen) pages, "
            + "\(short(percentile(without, 50) * 100)) % without; differences in turn: "
            + zip(with, without).map { short(($0 - $1) * 100) }.joined(separator: ", "))
    report.goal("\(pagesOpen) pages take at most 2 % of a core: \(short(cost)) %", isMet: cost <= 2)
}

private func measureNoop(_ options: Options, _ report: Report, members: Int) async throws {
    let count = options.isSmoke ? 20_000 : 500_000
    let fleet = try await BenchFleet(options, workers: 2)
    let load = try await LoadGenerator(options, ["members", "\(fleet.port)", "\(members)", BenchFleet.token])
    _ = try noopRate(fleet, count)
    var (with, without): ([Double], [Double]) = ([], [])
    for round in 0..<(options.isSmoke ? 1 : 9) {
        // Either comes first as often.
        for isOpen in round % 2 == 0 ? [false, true] : [true, false] {
            let pages =
                isOpen
                ? try await LoadGenerator(options, ["pages", "\(fleet.port)", "\(pagesOpen)", BenchFleet.token]) : nil
            let rate = try noopRate(fleet, count)
            if isOpen { with.append(rate) } else { without.append(rate) }
            await pages?.stop()
        }
    }
    await load.stop()
    await fleet.stop()
    let ratio = percentile(with, 50) / percentile(without, 50)
    let ratios = zip(with, without).map { short($0 / $1) }.joined(separator: ", ")
    report.line(
        "noop: \(short(percentile(with, 50))) tasks/s with \(pagesOpen) pages, \(short(percentile(without, 50))) without; "
            + "ratios in turn: \(ratios)")
    report.goal("at least 0.95 of the rate without: \(short(ratio))", isMet: ratio >= 0.95)
}

private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

internal import MusterKernels
internal import MusterNumbers

/// Random numbers into the set, in deliveries of the largest and of the usual size.
func benchNumbers(_ options: Options, _ report: Report) async throws {
    let range = 10_000_000
    let count = options.isSmoke ? 1_000_000 : 20_000_000
    for size in [1_000_000, 1_000] {
        let set = NumberSet(range: range)
        var took = 0.0
        for _ in 0..<(count / size) {
            let batch = RandomNumbers.make(count: size, range: range)
            let began = seconds()
            set.merge(batch)
            took += seconds() - began
        }
        let rate = Double(count) / took
        report.line(
            "\(short(Double(count))) numbers, \(size) at a time: \(short(rate)) numbers/s, "
                + "\(set.count) different ones in \(short(Double(set.bytes) / 1e6)) MB")
        report.goal("at least 20 million numbers/s", isMet: rate >= 20e6)
        report.goal("at most 2 MB", isMet: set.bytes <= 2_000_000)
    }
}

/// Children one after the other, then very many at once.
func benchChildren(_ options: Options, _ report: Report) async throws {
    let fleet = try await BenchFleet(options, workers: 0)
    let client = try RawClient(port: fleet.port)
    try childrenInARow(options, report, client)
    try childrenAtOnce(options, report, client)
    await fleet.stop()
}

private func childrenInARow(_ options: Options, _ report: Report, _ client: RawClient) throws {
    var latencies: [Double] = []
    for round in 1...(options.isSmoke ? 5 : 200) {
        let began = seconds()
        try order(client)
        while try progress(client).received < round * 1_000 {}
        latencies.append((seconds() - began) * 1_000)
    }
    let (median, worst) = (percentile(latencies, 50), percentile(latencies, 99))
    report.line("one by one, order to numbers in /progress: median \(short(median)) ms, p99 \(short(worst)) ms")
    report.goal("median at most 25 ms", isMet: median <= 25)
    report.goal("p99 at most 100 ms", isMet: worst <= 100)
}

private func childrenAtOnce(_ options: Options, _ report: Report, _ client: RawClient) throws {
    let count = options.isSmoke ? 40 : 2_000
    let before = try progress(client).received
    let start = seconds()
    var asked: [Double] = []
    var ends: [Double] = []
    var liveMax = 0
    var ordered = 0
    while ends.count < count {
        // The burst takes some time itself: children are at work meanwhile.
        for _ in ordered..<min(count, ordered + 10) { try order(client) }
        ordered = min(count, ordered + 10)
        let began = seconds()
        let now = try progress(client)
        asked.append((seconds() - began) * 1_000)
        liveMax = max(liveMax, now.live)
        let done = (now.received - before) / 1_000
        if done > ends.count { ends += [Double](repeating: seconds(), count: done - ends.count) }
        if ordered == count, now.live + now.waiting == 0, done < count {
            throw BenchError("\(done) of \(count) children delivered")
        }
        if ordered == count { pauseMilliseconds(2) }
    }
    let part = count / 5
    let first = (ends[2 * part] - ends[part]) / Double(part)
    let last = (ends[count - 1] - ends[count - 1 - part]) / Double(part)
    report.line(
        "\(count) at once: \(short(Double(count) / (ends[count - 1] - start))) children/s, at most \(liveMax) alive")
    report.line("time per child in the second fifth \(short(first * 1_000)) ms, in the last \(short(last * 1_000)) ms")
    report.line(
        "/progress meanwhile: median \(short(percentile(asked, 50))) ms, p99 \(short(percentile(asked, 99))) ms")
    report.goal("never more alive than the bound of 16", isMet: liveMax <= 16)
    report.goal("at the end at most 1.5 x the time of the start", isMet: last <= 1.5 * first)
    report.goal("/progress p99 at most 20 ms", isMet: percentile(asked, 99) <= 20)
}

func order(_ client: RawClient) throws {
    let answer = try client.request("POST", "/create-child")
    guard answer.status == 202 else { throw BenchError("no child: \(answer.status) \(answer.text)") }
}

func progress(_ client: RawClient) throws -> (received: Int, live: Int, waiting: Int) {
    let text = try client.request("GET", "/progress").text
    guard let received = number("received", in: text), let live = number("live", in: text),
        let waiting = number("waiting", in: text)
    else { throw BenchError("/progress says \(text)") }
    return (Int(received), Int(live), Int(waiting))
}

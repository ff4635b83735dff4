internal import Glibc

/// Much short work that comes at once to a fleet that has as many workers as its queue needs, beside one that always has as many as that may.
func benchAutoscale(_ options: Options, _ report: Report) async throws {
    let (count, most) = options.isSmoke ? (400, 4) : (10_000, 16)
    let work = Double(count) * 0.1
    let fixed = try await BenchFleet(options, workers: most)
    let fixedTime: Double
    do {
        let client = try RawClient(port: fixed.port)
        let began = seconds()
        let job = try submitSleeps(count, client)
        while try !isOver(job, client) { pauseMilliseconds(20) }
        fixedTime = seconds() - began
    }
    await fixed.stop()
    let fleet = try await BenchFleet(options, workers: 0, flags: ["--workers-max", "\(most)"])
    let outcome = try scaled(fleet, count)
    await fleet.stop()
    report.line(
        "\(count) tasks of 100 ms at once, 0 to \(most) workers: \(short(outcome.seconds)) s, all there after "
            + "\(short(outcome.allThere)) s; \(most) from the start \(short(fixedTime)) s; ratio "
            + "\(short(outcome.seconds / fixedTime)) x")
    report.line(
        "worker-seconds, from each process's start to its end: \(short(outcome.workerSeconds)), of work \(short(work)); "
            + "ratio \(short(outcome.workerSeconds / work)) x; at most \(outcome.most) at one time")
    report.line("no worker is left \(short(outcome.idleAfter)) s after the end of the work")
    report.goal("at most 1.15 x the fixed fleet's time", isMet: outcome.seconds <= 1.15 * fixedTime)
    report.goal("at most 1.2 x the work", isMet: outcome.workerSeconds <= 1.2 * work)
    report.goal("none left 60 s after", isMet: outcome.idleAfter <= 60)
    report.goal("never more than \(most)", isMet: outcome.most <= most)
}

private struct ScaleOutcome {
    var seconds = 0.0
    var allThere = 0.0
    var workerSeconds = 0.0
    var idleAfter = 0.0
    var most = 0
}

/// Processes are counted by the files that the coordinator has of what it launched, whatever it says itself.
private func scaled(_ fleet: BenchFleet, _ count: Int) throws -> ScaleOutcome {
    let client = try RawClient(port: fleet.port)
    var outcome = ScaleOutcome()
    let began = seconds()
    var (last, askedAt) = (began, began)
    let job = try submitSleeps(count, client)
    while outcome.seconds == 0 || fleet.launchedWorkers > 0 {
        pauseMilliseconds(5)
        let (now, workers) = (seconds(), fleet.launchedWorkers)
        outcome.workerSeconds += Double(workers) * (now - last)
        last = now
        if workers > outcome.most { (outcome.most, outcome.allThere) = (workers, now - began) }
        if outcome.seconds == 0, now - askedAt >= 0.02 {
            askedAt = now
            if try isOver(job, client) { outcome.seconds = seconds() - began }
        }
        if outcome.seconds > 0, now - began - outcome.seconds > 120 {
            throw BenchError("\(workers) workers are left two minutes after the end of the work")
        }
    }
    outcome.idleAfter = seconds() - began - outcome.seconds
    return outcome
}

private func submitSleeps(_ count: Int, _ client: RawClient) throws -> Int {
    try submit("{\"kernel\":\"sleep\",\"params\":{\"ms\":100},\"count\":\(count)}", client)
}

private func isOver(_ job: Int, _ client: RawClient) throws -> Bool {
    let status = try client.request("GET", "/v1/jobs/\(job)").text
    if status.contains("\"state\":\"failed\"") { throw BenchError("the job failed: \(status)") }
    return status.contains("\"state\":\"done\"")
}

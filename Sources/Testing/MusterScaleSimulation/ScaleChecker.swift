internal import MusterCore
internal import MusterSimulation

/// Watches a fleet that has as many workers as its queue needs from outside: it knows processes, and what they were given.
final class ScaleChecker {
    private(set) var violation: String?
    private let faults: ScaleFaults
    /// Longer than this no worker takes to start.
    private let slowestStart: Duration
    private var launchesInVain = 0
    /// How many had work, look by look.
    private var busy: [(count: Int, at: Moment)] = []
    /// Since when there is much to do for more workers than there are.
    private var shortSince: Moment?

    init(_ faults: ScaleFaults) {
        self.faults = faults
        slowestStart = .milliseconds(faults.startMs.upperBound)
    }

    func require(_ condition: Bool, _ words: @autoclosure () -> String) {
        if !condition, violation == nil { violation = words() }
    }

    func launched(alive: Int) {
        require(alive <= faults.most, "\(alive) workers run, of at most \(faults.most)")
        launchesInVain += 1
        let limit = 2 * faults.most + 24
        require(
            !faults.isCalm || launchesInVain <= limit, "\(launchesInVain) launches, and none of them was given anything"
        )
    }

    func granted() { launchesInVain = 0 }

    /// So many have work.
    func looked(busy count: Int, _ now: Moment) {
        busy.removeAll { now - $0.at > Self.busyMax }
        busy.append((count, now))
    }
    private static let busyMax: Duration = .seconds(10)

    /// `left`: those that stay. `isBeyond`: there are more than may be; then those go, too, that have work, and finish it.
    func toldToStop(_ process: ScaleProcess, left: Int, _ now: Moment, idleTime: Duration, isBeyond: Bool) {
        require(
            isBeyond || process.computing.isEmpty,
            "\(process.name) was told to stop though it computes \(process.computing.count) batches")
        guard faults.isCalm else { return }
        let most = busy.filter { now - $0.at < idleTime }.map(\.count).max() ?? 0
        require(
            left >= most,
            "\(process.name) was told to stop, and \(left) stay, though \(most) had work within \(idleTime)")
    }

    func ended(_ process: ScaleProcess, isFault: Bool) {
        require(
            isFault || process.computing.isEmpty,
            "\(process.name) was ended while it computed \(process.computing.count) batches")
    }

    /// A job nothing of which was granted yet; there may be more workers than there are.
    func waits(_ job: JobID, since: Moment, present: Int, _ now: Moment) {
        guard faults.isCalm, present < faults.most else { return }
        let limit = slowestStart * 4 + .seconds(5)
        require(
            now - since <= limit,
            "job \(job) waits for \(now - since), and there are \(present) workers of at most \(faults.most)")
    }

    /// `tasks` that may run side by side, with so much work for one slot, have no result yet.
    func lies(tasks: Int, slotTime: Duration, present: Int, _ now: Moment) {
        let slots = (present + 1) * faults.slots
        let isShort = present < faults.most && tasks > 2 * slots && slotTime > (slowestStart + .seconds(5)) * slots
        shortSince = isShort ? shortSince ?? now : nil
        guard faults.isCalm, let shortSince else { return }
        require(
            now - shortSince <= slowestStart * 4 + .seconds(6),
            "\(present) workers for \(now - shortSince), though \(tasks) tasks wait")
    }

    /// Where nothing is to be done any more, and time has gone by.
    func rested(present: Int, wantsWork: Bool) {
        require(present >= faults.least, "\(present) workers, of at least \(faults.least)")
        require(wantsWork || present == faults.least, "\(present) workers, and nothing for them to do")
    }
}

internal import MusterCore

/// Jobs that workers who ask are not given, and when somebody else is tried for them.
///
/// Work that is not for those that idle may be for others: a vote wants another voter, what failed another worker. So others are launched
/// beside them, as many as one task wants voters, else one; where these are not given it either, the next ones come later, and ever later, of
/// each job by itself.
struct Trials: Sendable {
    private struct Trial: Sendable {
        /// Whoever joins later is a trial of it.
        var since: Moment
        var turn: UInt64
        var backoff: Backoff
        /// Nobody is tried before; nil: it was in vain never, or may be tried again.
        var until: Moment?
        var wasInVain = false
    }

    /// Those that were in vain are remembered while nothing of the job waits; of so many jobs.
    private static let jobsMax = 2_000

    private let backoff: Backoff
    private var trials: [JobID: Trial] = [:]

    init(_ settings: Autoscaler.Settings) { backoff = Backoff(base: settings.vainTime, cap: settings.vainTimeMax) }

    /// What waits now. `newestBusy`: when the last of those joined that have work.
    mutating func note(_ work: [WaitingWork], newestBusy: Moment?, _ now: Moment) {
        var kept: [JobID: Trial] = [:]
        for one in work {
            var trial = trials[one.job] ?? Trial(since: now, turn: one.turn, backoff: backoff)
            // Some of it went out, and one who came for it has work.
            if trial.wasInVain, trial.turn != one.turn, let newestBusy, newestBusy > trial.since {
                trial = Trial(since: now, turn: one.turn, backoff: backoff)
            }
            if let until = trial.until, until <= now { (trial.until, trial.since) = (nil, now) }
            trial.turn = one.turn
            kept[one.job] = trial
        }
        for (job, trial) in trials where kept[job] == nil && trial.until.map({ $0 > now }) == true {
            if kept.count < Self.jobsMax { kept[job] = trial }
        }
        trials = kept
    }

    /// What of it somebody may be launched for: of a job that nobody took, only a trial.
    func hopeful(_ work: [WaitingWork]) -> [WaitingWork] {
        work.compactMap { one in
            guard let trial = trials[one.job], trial.wasInVain else { return one }
            if trial.until != nil { return nil }
            var one = one
            one.count = min(one.count, one.voters ?? 1)
            return one
        }
    }

    /// `declined`: what those that ask are not given, and how many are wanted to try; `newestIdle`: when the last of these joined, nil while
    /// somebody starts. So many are to be there beside them.
    mutating func judge(
        _ declined: [JobID: Int], newestIdle: Moment?, isSettled: Bool, _ now: Moment,
        using random: inout some RandomNumberGenerator
    ) -> Int {
        var wanted = 0
        for (job, voters) in declined.sorted(by: { $0.key < $1.key }) {
            guard var trial = trials[job], trial.until == nil else { continue }
            if isSettled, let newestIdle, newestIdle > trial.since {
                trial.until = now + trial.backoff.next(using: &random)
                trial.wasInVain = true
                trials[job] = trial
            } else {
                wanted = max(wanted, voters)
            }
        }
        return wanted
    }

    /// Until when nobody is launched for any of this; nil: somebody may be.
    func rest(_ work: [WaitingWork]) -> Moment? {
        var earliest: Moment?
        for one in work {
            guard let until = trials[one.job]?.until else { return nil }
            earliest = min(earliest ?? until, until)
        }
        return earliest
    }
}

package import MusterCore

/// Decides how many launched workers there are: as many as what waits needs, between a least and a most.
///
/// Up at once, where more waits than those that are there will have taken before another could have started. Down when for a while
/// fewer would have done: those go that have nothing, and are told in the way in which workers always are, so that nothing is lost.
///
/// The duties of its driver: ask for a decision several times a second, with what is so at that moment; have `WorkerPool` do it; and
/// let those that are to go be granted nothing from that moment on.
package struct Autoscaler: Sendable {
    package struct Settings: Hashable, Sendable {
        /// 0…`most`. From `--workers-min`, whose default this is.
        package var least = 0
        /// 1…`WorkerPool.workersMax`. From `--workers-max`.
        package var most: Int
        /// A start is taken to last so long until one was measured; what was measured counts as no less and no more than the bounds.
        package var startTime: Duration = .seconds(1)
        package var startTimeMin: Duration = .milliseconds(500)
        package var startTimeMax: Duration = .seconds(60)
        /// Fewer are kept when fewer would have done for as long as a start takes, and at least so long.
        package var idleTimeMin: Duration = .seconds(3)
        /// Workers for a job of which nothing is known yet.
        package var unmeasuredMax = 4
        /// Where workers are not given what of a job waits, the next one is launched for that so much later, and ever later.
        package var vainTime: Duration = .seconds(5)
        package var vainTimeMax: Duration = .seconds(300)

        package init(least: Int = 0, most: Int) {
            self.most = min(max(1, most), WorkerPool.workersMax)
            self.least = min(max(0, least), self.most)
        }
    }

    /// A launched worker.
    package struct Worker: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            /// Its process runs, and it is no member: not yet, or no more.
            case starting
            /// It failed and is launched again then.
            case resting(until: Moment)
            /// It has joined. `hasWork`: it holds some, or may: it does not ask for as much as it has. `room`: for what waits; nil: it is given
            /// nothing.
            case member(hasWork: Bool, room: TaskRoom?)
            /// It finishes what it has.
            case stopping
        }
        package var number: Int
        /// Where its process runs: when it was launched; nil: by an earlier coordinator.
        package var launched: Moment?
        package var state: State

        package init(number: Int, launched: Moment? = nil, state: State) {
            (self.number, self.launched, self.state) = (number, launched, state)
        }
    }

    /// How everything is at one moment.
    package struct Look: Hashable, Sendable {
        package var work: [WaitingWork] = []
        /// Whether some task waits, be it one that may not be begun now.
        package var isWaiting = false
        /// By number.
        package var workers: [Worker] = []
        /// Room of workers that others launched.
        package var others: [TaskRoom] = []
        /// What workers that are launched have when nothing runs there: of the one of each number, from 1. Those beyond have what the last has.
        package var launchable: [TaskRoom] = []
        /// Why the last launch failed, if it did; for people.
        package var trouble = ""

        package init() {}
    }

    package struct Decision: Hashable, Sendable {
        /// So many workers are to be there, those that stop not counted.
        package var wanted: Int
        /// Those that go first, where there are more.
        package var going: [Int]
        /// Why, in words: `120 tasks of 0.1 s wait, 16 at most`.
        package var reason: String
    }

    package let settings: Settings
    /// What a start takes, damped; nil: none was measured.
    private var measuredStart: Duration?
    /// When that one was launched that joined last of those that were measured, and how long one takes already that was launched later.
    private var measuredLaunch = Moment.zero
    private var startUnderWay = Duration.zero
    private var needed = RecentPeak()
    private var firstLook: Moment?
    private var history = CrewHistory()
    private var trials: Trials
    private var random: any RandomNumberGenerator & Sendable

    package init(_ settings: Settings, random: any RandomNumberGenerator & Sendable) {
        (self.settings, self.random) = (settings, random)
        trials = Trials(settings)
    }

    /// How long a start takes, as far as is known: for so long work has to be there for it to be worth one.
    package var startTime: Duration {
        let known = max(measuredStart ?? settings.startTime, startUnderWay)
        return max(settings.startTimeMin, min(settings.startTimeMax, known))
    }

    /// For so long fewer must have done.
    package var idleTime: Duration { max(settings.idleTimeMin, startTime) }

    package mutating func decide(_ look: Look, now: Moment) -> Decision {
        learn(look, now)
        let crew = Crew(look.workers, history, horizon: startTime, now)
        if firstLook == nil { needed.add(crew.present, now) }
        firstLook = firstLook ?? now
        trials.note(look.work, newestBusy: history.newest(of: crew.busy), now)
        let plan = plan(look, crew, trials.hopeful(look.work))
        let tried = trials.judge(
            plan.declined, newestIdle: history.newest(of: crew.idle), isSettled: crew.coming == 0, now, using: &random)
        let growth = growth(plan, crew, trials: max(0, tried - crew.coming))
        let used = crew.busy.count + crew.lost.count + plan.needed(of: crew)
        // Whoever comes as a trial comes beside those that stay.
        needed.add(max(used, tried > 0 ? settings.least : 0) + max(growth, min(tried, crew.coming)), now)
        let kept = max(settings.least, needed.largest(within: idleTime, now))
        let going = growth > 0 ? [] : going(crew, kept: kept, now)
        let wanted = min(max(settings.most, crew.present - going.count), crew.present + growth - going.count)
        var reasons = ScaleReasons(settings: settings, look: look, plan: plan, crew: crew)
        (reasons.growth, reasons.going) = (growth, going.count)
        (reasons.startTime, reasons.idleTime) = (startTime, idleTime)
        reasons.restFor = trials.rest(look.work).map { $0 - now }
        return Decision(wanted: wanted, going: going, reason: reasons.words)
    }

    /// How long starts take, and who has joined. A start that is slow tells so before it is over.
    private mutating func learn(_ look: Look, _ now: Moment) {
        for launched in history.note(look.workers, now) {
            let took = now - launched
            measuredStart = measuredStart.map { ($0 + took) / 2 } ?? took
            measuredLaunch = max(measuredLaunch, launched)
        }
        startUnderWay = .zero
        for worker in look.workers where worker.state == .starting && !history.hasJoined(worker) {
            guard let launched = worker.launched, launched > measuredLaunch else { continue }
            startUnderWay = max(startUnderWay, now - launched)
        }
    }

    private func plan(_ look: Look, _ crew: Crew, _ work: [WaitingWork]) -> ScalePlan {
        let own = crew.rooms.map { room in room.room ?? Self.launchable(room.number, look) }
        let free = (1...settings.most).lazy.filter { !crew.numbers.contains($0) }
        let candidates = free.prefix(max(0, settings.most - crew.all)).map { Self.launchable($0, look) }
        var plan = ScalePlan(
            rooms: own + look.others, candidates: Array(candidates), horizon: startTime,
            unmeasuredMax: settings.unmeasuredMax)
        if !work.isEmpty { plan.place(work, able: Abilities(crew.means, look.others, look.launchable)) }
        return plan
    }

    private static func launchable(_ number: Int, _ look: Look) -> TaskRoom {
        guard !look.launchable.isEmpty else { return TaskRoom(means: Resources(.oneCPU)) }
        return look.launchable[min(number, look.launchable.count) - 1]
    }

    /// How many more. None where most starts fail: `WorkerPool` tries those again that did.
    private func growth(_ plan: ScalePlan, _ crew: Crew, trials: Int) -> Int {
        let room = max(0, settings.most - crew.all)
        return min(room, max(crew.startsFail ? 0 : max(plan.launches, trials), settings.least - crew.present))
    }

    /// Those that are too many, and have nothing; beyond the most, others too, which finish what they have.
    private func going(_ crew: Crew, kept: Int, _ now: Moment) -> [Int] {
        let excess = crew.present - min(kept, settings.most)
        guard excess > 0 else { return [] }
        let idle = crew.resting.reversed() + crew.idle.reversed() + crew.starting.reversed()
        let going = Array(idle.prefix(excess))
        // At first nobody knows who has nothing.
        guard let firstLook, now - firstLook >= idleTime else { return going }
        let beyond = max(0, crew.present - settings.most - going.count)
        return going + (crew.lost + crew.busy).reversed().prefix(beyond)
    }
}

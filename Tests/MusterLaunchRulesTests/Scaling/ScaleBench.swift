import MusterCore
import MusterSimulation

@testable import MusterLaunchRules

/// An autoscaler with a clock that tests move, and what it looks at in short words.
struct ScaleBench {
    var autoscaler: Autoscaler
    var now = Moment.zero + .seconds(1_000)
    var look = Autoscaler.Look()
    /// When those were launched that a test saw starting.
    private var launches: [Int: Moment] = [:]

    init(_ least: Int = 0, _ most: Int, slots: Int = 1) {
        autoscaler = Autoscaler(Autoscaler.Settings(least: least, most: most), random: SimRandom(seed: 1))
        look.launchable = [TaskRoom(means: Resources(Amounts(cpus: slots)))]
    }

    /// So many tasks of so many seconds wait; nil: none was measured.
    static func work(_ count: Int, _ seconds: Double?, running: Int = 0, job: Int64 = 1) -> WaitingWork {
        WaitingWork(JobID(job), kernel: "k", count: count, running: running, seconds: seconds)
    }

    mutating func wait(_ work: WaitingWork...) {
        look.work = work
        look.isWaiting = !work.isEmpty
    }

    /// `s`: starts; `b`: has work, for long; `e`: has work that ends soon; `i`: idles and asks; `f`: finishes, and will ask; `q`: nobody knows what
    /// it does; `r`: failed and rests; `x`: stops. By number from 1.
    mutating func workers(_ letters: String) {
        look.workers = letters.enumerated().map { place, letter in
            switch letter {
            case "s": launches[place + 1] = launches[place + 1] ?? now
            case "r", "x": launches[place + 1] = nil
            default: break
            }
            return Autoscaler.Worker(number: place + 1, launched: launches[place + 1], state: state(letter))
        }
        launches = launches.filter { $0.key <= letters.count }
    }

    private func state(_ letter: Character) -> Autoscaler.Worker.State {
        let means = look.launchable[0].means
        switch letter {
        case "s": return .starting
        case "b": return .member(hasWork: true, room: TaskRoom(means: means, free: Amounts()))
        case "e": return .member(hasWork: true, room: TaskRoom(means: means))
        case "i": return .member(hasWork: false, room: TaskRoom(means: means, asks: means.amounts))
        case "f": return .member(hasWork: true, room: TaskRoom(means: means))
        case "q": return .member(hasWork: true, room: nil)
        case "r": return .resting(until: now + .seconds(5))
        case "x": return .stopping
        default: preconditionFailure("no worker is \(letter)")
        }
    }

    mutating func decide() -> Autoscaler.Decision { autoscaler.decide(look, now: now) }

    mutating func decide(_ letters: String, after time: Duration = .zero) -> Autoscaler.Decision {
        now = now + time
        workers(letters)
        return decide()
    }
}

internal import MusterCore

/// Why there are as many launched workers as there are, in words for people.
struct ScaleReasons {
    let settings: Autoscaler.Settings
    let look: Autoscaler.Look
    let plan: ScalePlan
    let crew: Crew
    var growth = 0
    var going = 0
    var startTime = Duration.zero
    var idleTime = Duration.zero
    /// How long nobody is launched because the last ones were given nothing; nil: that keeps nobody.
    var restFor: Duration?

    /// Of causes that nobody wrote here, so many characters.
    private static let causeMax = 200

    var words: String {
        let silent = crew.silent.count
        return silent == 0 ? cause : "\(cause); of \(silent) that run\(silent == 1 ? "s" : "") nothing is heard"
    }

    private var cause: String {
        let count = look.work.reduce(0) { $0 + $1.count }
        guard count > 0 else { return idleWords }
        let waits = waiting(count)
        if crew.startsFail {
            return "\(waits), and starts fail" + (look.trouble.isEmpty ? "" : ": \(look.trouble.prefix(Self.causeMax))")
        }
        if let restFor {
            return
                "\(waits), which the last workers were not given; the next starts in \(Self.seconds(restFor.inSeconds))"
        }
        let coming = growth + crew.starting.count
        if coming > 0 { return "\(waits), \(coming) start\(coming == 1 ? "s" : "")" }
        if plan.placesLeft > 0, crew.all >= settings.most { return "\(waits), \(settings.most) at most" }
        if plan.placesLeft > 0 { return "\(waits), for the workers that have enough, which have work" }
        if !plan.declined.isEmpty { return "\(waits), and are not for those that idle: 'muster job' says why" }
        if let kind = plan.impossible { return "\(waits), which none of these workers could run: \(lack(kind))" }
        if look.work.allSatisfy({ $0.seconds == nil && $0.running > 0 }) {
            return "\(waits), and the first that run tell how long they take"
        }
        return "\(waits), and will have begun before another one could start (\(Self.seconds(startTime.inSeconds)))"
    }

    private var idleWords: String {
        let rest = look.isWaiting ? "nothing that waits may begin now" : "nothing waits"
        if going > 0 { return "\(rest), \(going) \(going == 1 ? "goes" : "go")" }
        if crew.present <= settings.least, settings.least > 0 { return "\(rest), \(settings.least) at least" }
        guard crew.present > 0 else { return rest }
        let atWork = crew.busy.count + crew.lost.count
        let busy = atWork == 0 ? "" : "\(atWork) have work, "
        return "\(rest), \(busy)those too many go after \(Self.seconds(idleTime.inSeconds))"
    }

    /// `120 tasks of 0.1 s wait`; the mean, of those that were measured.
    private func waiting(_ count: Int) -> String {
        let measured = look.work.filter { $0.seconds != nil }
        let tasks = measured.reduce(0) { $0 + $1.count }
        let seconds = measured.reduce(0.0) { $0 + Double($1.count) * $1.seconds! }
        let each = tasks > 0 ? " of \(Self.seconds(seconds / Double(tasks)))" : ""
        return "\(count) task\(count == 1 ? "" : "s")\(each) wait\(count == 1 ? "s" : "")"
    }

    private func lack(_ kind: ScalePlan.Kind) -> String {
        let all = look.launchable + crew.means + look.others
        let able = all.filter { $0.kernels?.contains(kind.kernel) != false }
        guard !able.isEmpty else { return "it is for the kernel \(kind.kernel), which none of them runs" }
        return kind.needs.lack(among: able.map(\.means)) ?? "\(kind.kernel)"
    }

    /// `0.1 s`, `12 s`, `3 ms`, `1 h`.
    static func seconds(_ value: Double) -> String {
        switch value {
        case 3_600...: "\(Int(min(1e9, value / 3_600).rounded())) h"
        case 10...: "\(Int(value.rounded())) s"
        case 0.095...:
            { tenths in tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s" }(
                Int((value * 10).rounded()))
        default: "\(max(1, Int((max(0, value) * 1_000).rounded()))) ms"
        }
    }
}

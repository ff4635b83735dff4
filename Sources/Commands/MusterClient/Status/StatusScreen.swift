internal import MusterAPI
internal import MusterCommandLine
internal import MusterCore

/// The fleet on one screen of text: pure, so that it can be tested without a terminal or a clock.
package enum StatusScreen {
    /// Rows of one list, and then how many more there are.
    static let rowsMax = 12

    /// Lines of at most `width` characters; nil cuts nothing. `now` is in seconds since 1970.
    package static func text(_ status: FleetStatus, now: Double, width: Int?) -> String {
        var lines = [heading(status)]
        lines += ["", members(status)] + launched(status) + table(memberRows(status, now), width)
        lines += ["", work(status)] + status.jobs.prefix(rowsMax).flatMap { job($0, width) }
        lines += more(status.metric("jobs_unfinished") - min(rowsMax, status.jobs.count), "jobs")
        if !status.edges.isEmpty { lines += ["", edges(status)] + table(edgeRows(status), width) }
        lines += ["", numbers(status.numbers), store(status)]
        let warnings = status.warnings
        if !warnings.isEmpty { lines += [""] + warnings.map { "! " + $0 } }
        return lines.map { cut(Terminal.clean($0), width) + "\n" }.joined()
    }

    private static func heading(_ status: FleetStatus) -> String {
        "fleet      \(status.url)\(status.isReady ? "" : ", not ready")"
    }

    private static func members(_ status: FleetStatus) -> String {
        let roles = status.roles.map { "\(Format.count($0.count)) \($0.role)\($0.count == 1 ? "" : "s")" }
        let all = roles.isEmpty ? "none" : roles.joined(separator: ", ")
        return "members    \(all); \(Format.count(status.slots)) slots of live workers"
    }

    /// How many workers were launched because work waits, and why so many.
    private static func launched(_ status: FleetStatus) -> [String] {
        guard let scale = status.scale, let least = scale.least, let most = scale.most else { return [] }
        return [
            "workers    at \(Format.count(scale.workers)) of \(Format.count(least)) to \(Format.count(most)): "
                + (scale.reason ?? "")
        ]
    }

    /// Those that stand out first, then by rank.
    private static func memberRows(_ status: FleetStatus, _ now: Double) -> (TextTable, rest: Int, what: String) {
        var table = TextTable([
            .init("RANK", .right), .init("NAME"), .init("ROLE"), .init("STATE"), .init("SLOTS", .right),
            .init("SINCE", .right),
        ])
        let order = status.members.sorted { one, other in
            (one.isAlive ? 1 : 0, one.rank ?? .max, one.role, one.name)
                < (other.isAlive ? 1 : 0, other.rank ?? .max, other.role, other.name)
        }
        for member in order.prefix(rowsMax) {
            let isWorker = member.role == MemberRole.worker.rawValue
            table.add([
                member.rank.map(String.init) ?? "", member.name, member.role, member.state,
                isWorker ? "\(member.slots)" : "", Format.duration(max(0, now - member.joined)),
            ])
        }
        return (table, order.count - rowsMax, "members")
    }

    private static func work(_ status: FleetStatus) -> String {
        let rate = status.perSecond.map { ", \(Format.rate($0))" } ?? ""
        return "work       \(Format.count(status.metric("jobs_unfinished"))) unfinished jobs, "
            + "\(Format.count(status.metric("tasks_waiting"))) tasks wait, "
            + "\(Format.count(status.metric("tasks_leased"))) run\(rate)"
    }

    private static func job(_ job: JobStatus, _ width: Int?) -> [String] {
        let now = Moment.zero + .seconds(job.seconds)
        var state = ProgressState(
            label: "  job \(job.id) \(job.name.isEmpty ? job.kernel : job.name)", total: job.count, started: .zero)
        (state.done, state.failed, state.waiting) = (job.done + job.failed, job.failed, job.waiting)
        // Its mean rate, so that one look tells it.
        state.tick(now)
        return [ProgressLine.bar(state, now: now, width: width ?? 100)]
    }

    private static func edges(_ status: FleetStatus) -> String {
        let leader = status.leader.map { "edge \($0.edge) leads (term \($0.term))" } ?? "nobody leads"
        return "edges      \(leader), hit ratio \(ratio(status.hits, status.misses))"
    }

    private static func edgeRows(_ status: FleetStatus) -> (TextTable, rest: Int, what: String) {
        var table = TextTable([
            .init("EDGE"), .init("URL"), .init("FOLLOWS", .right), .init("HITS", .right), .init("MISSES", .right),
            .init("RATIO", .right), .init("OBJECTS", .right), .init("BYTES", .right),
        ])
        for edge in status.edges.prefix(rowsMax) {
            let report = edge.report
            func number(_ value: Int?) -> String { value.map(Format.count) ?? "?" }
            table.add([
                edge.member.name, edge.member.url ?? "", report.map { $0.leader.map(String.init) ?? "none" } ?? "?",
                number(report?.hits), number(report?.misses), report.map { ratio($0.hits, $0.misses) } ?? "?",
                number(report?.objects), report.map { Format.bytes($0.bytes) } ?? "?",
            ])
        }
        return (table, status.edges.count - rowsMax, "edges")
    }

    private static func ratio(_ hits: Int, _ misses: Int) -> String {
        hits + misses == 0 ? "-" : Format.percent(hits, of: hits + misses)
    }

    private static func numbers(_ numbers: NumbersProgress) -> String {
        "children   \(Format.count(numbers.childrenLive)) run, \(Format.count(numbers.childrenWaiting)) wait, "
            + "\(Format.count(numbers.childrenDone)) done; \(Format.count(numbers.unique)) different numbers"
    }

    private static func store(_ status: FleetStatus) -> String {
        "store      \(status.metric("store_in_trouble") > 0 ? "cannot write" : "well")"
    }

    private static func table(_ rows: (table: TextTable, rest: Int, what: String), _ width: Int?) -> [String] {
        let text = rows.table.rendered(width: width.map { max(1, $0 - 2) })
        return text.split(separator: "\n").map { "  " + $0 } + more(rows.rest, rows.what)
    }

    private static func more(_ count: Int, _ what: String) -> [String] {
        count > 0 ? ["  … and \(Format.count(count)) \(what) more"] : []
    }

    private static func cut(_ line: String, _ width: Int?) -> String {
        guard let width, width > 0, line.count > width else { return line }
        return line.prefix(width - 1) + "…"
    }
}

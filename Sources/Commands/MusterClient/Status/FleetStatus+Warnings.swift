internal import MusterAPI
internal import MusterCommandLine
internal import MusterCore
internal import MusterMembership

extension FleetStatus {
    /// What somebody should look at, in sentences; the gravest first.
    package var warnings: [String] {
        coordinatorWarnings + memberWarnings + workWarnings + edgeWarnings + childWarnings + limitWarnings
    }

    /// So many of a kind are named one by one.
    static let namedMax = 5

    private var coordinatorWarnings: [String] {
        var found: [String] = []
        if metric("store_in_trouble") > 0 {
            found.append("the store cannot write: the coordinator refuses work until there is room on its disk")
        }
        if !isReady { found.append("the coordinator is not ready: it is beginning or ending") }
        return found
    }

    private var memberWarnings: [String] {
        let silent = members.filter { $0.state == Membership.Standing.suspect.rawValue }
        let distrusted = members.filter { $0.state == "distrusted" }
        return list(silent.map(\.name), "silent, and taken for dead soon", "are")
            + list(distrusted.map(\.name), "wrong too often, so they get no work", "were")
    }

    private var workWarnings: [String] {
        var found: [String] = []
        if metric("jobs_unfinished") > 0, workers.isEmpty {
            if scale == nil {
                found.append("there is work, and no live worker: 'muster worker --join \(url)', or 'muster scale'")
            } else if let scale, scale.workers > 0, scale.joined == 0 {
                found.append("there is work, and no live worker yet: \(scale.reason ?? "")")
            }
        }
        let waiting = jobs.filter { $0.waiting != nil }
        found += waiting.prefix(Self.namedMax).map { "job \($0.id) waits: \($0.waiting ?? "")" }
        if metric("tasks_refused_total") > 0 {
            found.append(
                "workers could not run tasks by their own fault, such as a missing container engine, "
                    + "\(Format.count(metric("tasks_refused_total"))) times: 'muster job' says which")
        }
        let wanted = metric("workers_wanted")
        if metric("workers_launched") < wanted {
            found.append("\(metric("workers_launched")) of \(wanted) workers that are asked for run here")
        }
        return found
    }

    private var edgeWarnings: [String] {
        var found: [String] = []
        for edge in edges {
            if let problem = edge.problem { found.append("\(edge.member.name) does not tell how it is: \(problem)") }
        }
        let leaders = Set(edges.compactMap(\.report).map(\.leader))
        if leaders.count > 1 {
            let named = leaders.map { $0.map { "edge \($0)" } ?? "nobody" }.sorted()
            found.append("edges follow different leaders: \(named.joined(separator: ", "))")
        }
        let listed = Set(edges.compactMap(\.member.number))
        let unlisted = Set(edges.compactMap(\.report).flatMap(\.others).filter(\.isAlive).map(\.id))
            .subtracting(listed)
        return found
            + list(
                unlisted.sorted().map { "edge \($0)" },
                "known to other edges, but not listed at this coordinator (--join)", "are")
    }

    private var childWarnings: [String] {
        let (failed, died) = (numbers.childrenFailed, numbers.childrenDied)
        return failed + died == 0
            ? []
            : ["\(Format.count(failed)) children failed and \(Format.count(died)) died: 'muster children' says why"]
    }

    /// A limit counts so long after it was last met.
    static let limitSeconds = 300.0

    /// In one line, however many there are.
    private var limitWarnings: [String] {
        let met = limits.filter { $0.secondsAgo <= Self.limitSeconds }
        guard let latest = met.first else { return [] }
        let named = met.prefix(Self.namedMax)
            .map { "\($0.name) \($0.count == 1 ? "once" : "\(Format.count($0.count)) times")" }
            .joined(separator: ", ")
        let more = met.count > Self.namedMax ? " and \(met.count - Self.namedMax) more" : ""
        let flag = latest.flag.map { " (\($0) moves it)" } ?? ""
        return [
            "limits were met within \(Int(Self.limitSeconds / 60)) minutes: \(named)\(more); the last one said"
                + "\(flag): \(latest.detail)"
        ]
    }

    /// One sentence for all of a kind: named where they are few.
    private func list(_ names: [String], _ what: String, _ verb: String) -> [String] {
        guard let first = names.first else { return [] }
        let singular = verb == "are" ? "is" : "was"
        if names.count == 1 { return ["\(first) \(singular) \(what)"] }
        if names.count <= Self.namedMax { return ["\(names.joined(separator: ", ")) \(verb) \(what)"] }
        return ["\(Format.count(names.count)) members \(verb) \(what), among them \(first)"]
    }
}

package import MusterCore
internal import MusterJSON
package import MusterWire

/// What each task of a job needs. What is not known is refused wherever it stands: who passed over a need would break it.
extension Needs: WireRequest {
    package static let place = "needs."
    package static let blank = Needs()
    package static let fields: [WireField<Needs>] = [
        .may(
            "cpus", \.amounts.cpus, .integer(1...Limits.slotsMax), "Slots of a worker that each task takes, default 1."),
        .may("memory", \.amounts.memory, NameKinds.memory, "Bytes.", when: { $0.amounts.memory > 0 }),
        .may("gpus", \.amounts.gpus, .integer(0...Limits.gpusMax), when: { $0.amounts.gpus > 0 }),
        .may(
            "counts", \.amounts.counts, NameKinds.counts, "So many of what else workers say that they have.",
            when: { !$0.amounts.counts.isEmpty }),
        .may(
            "labels", \.labels, NameKinds.labels, "Labels that the worker must have, with these values.",
            when: { !$0.labels.isEmpty }),
    ]
}

/// What is counted beside slots, which have a field of their own wherever this stands.
extension Amounts: WireRequest {
    package static let place = "resources."
    package static let blank = Amounts()
    package static let fields: [WireField<Amounts>] = [
        .may("memory", \.memory, NameKinds.memory, "Bytes.", when: { $0.memory > 0 }),
        .may("gpus", \.gpus, .integer(0...Limits.gpusMax), when: { $0.gpus > 0 }),
        .may(
            "counts", \.counts, NameKinds.counts, "Whatever else is counted, by its name.", when: { !$0.counts.isEmpty }
        ),
    ]
}

/// Names that people give what they count, and labels that can be told on a command line.
private enum NameKinds {
    static let memory = WireKind<Int>.integer(0...Limits.memoryBytesMax)

    static var counts: WireKind<[String: Int]> {
        let range = 1...Limits.countMax
        return WireKind(.map(.integer(range), countMax: Limits.countsMax)) { fields, name throws(Problem) in
            guard let (entries, keys) = try fields.entries(name, countMax: Limits.countsMax) else { return nil }
            var (counts, found): (JSONFields, [String: Int]) = (entries, [:])
            for key in keys {
                guard Needs.isName(key) else { throw wrong(key, in: name) }
                found[key] = try counts.int(key, in: range)
            }
            try counts.finish()
            return found
        } write: { counts, json in
            json.beginObject()
            for name in counts.keys.sorted() {
                json.key(named: name)
                json.value(counts[name]!)
            }
            json.endObject()
        }
    }

    private static func wrong(_ key: String, in name: String) -> Problem {
        Problem(
            422, "\"\(name)\" has the name \"\(key)\"; a name is not empty and has no control characters.",
            code: "field")
    }

    static var labels: WireKind<[String: String]> {
        WireKind<[String: String]>.strings(countMax: Limits.labelsMax).as(
            from: { labels, name throws(Problem) in
                guard let wrong = labels.keys.sorted().first(where: { !isLabel($0, labels[$0]!) }) else {
                    return labels
                }
                throw Problem(
                    422,
                    "\"\(name)\" has the label \"\(wrong)\"; a key is not empty and has no =, and neither it nor its value "
                        + "has control characters.", code: "field")
            }, to: { $0 })
    }

    private static func isLabel(_ key: String, _ value: String) -> Bool {
        Needs.isName(key) && !key.contains("=") && (value.isEmpty || Needs.isName(value))
    }
}

package import MusterCore
internal import MusterJSON
package import MusterWire

/// Which jobs a job waits for, among its own fields.
extension Prerequisites: WireType {
    package static let blank = Prerequisites()
    package static let fields: [WireField<Prerequisites>] = [
        .may(
            "after", \.done, jobs, "Jobs that are to be done before it begins; where one is not, it is cancelled.",
            when: { !$0.done.isEmpty }),
        .may(
            "afterAny", \.ended, jobs, "Jobs that are to have ended before it begins, however they did.",
            when: { !$0.ended.isEmpty }),
    ]

    package mutating func check() throws(Problem) {
        self = withoutRepeats
        guard all.count <= Limits.prerequisitesMax else {
            throw Problem(
                422, "A job waits for at most \(Limits.prerequisitesMax) others, not for \(all.count).", code: "field")
        }
    }

    private static let jobs = WireKind<[JobID]>.values(
        .id, "a list of numbers of jobs, from 1", countMax: Limits.prerequisitesMax
    ) {
        $0.int.flatMap { $0 > 0 ? JobID(Int64($0)) : nil }
    } write: {
        $1.value($0.rawValue)
    }
}

internal import MusterWire

/// What went wrong with a call to the coordinator.
struct CallFailure: Error {
    /// The status of its answer; nil when there was none.
    var status: Int?
    var problemType: String
    var reason: String
    var retryAfter: Duration?

    /// It does not know this member (any more).
    var isStranger: Bool { status == 401 && problemType == "/problems/stranger" }
    /// The same call would be refused for ever, by the coordinator's own word.
    var isFinal: Bool { status.map { Problem.isFinal(status: $0, type: problemType) } ?? false }
    /// No answer of a coordinator's: none at all, or somebody else's at its address.
    var isNobodys: Bool { status == nil || !(problemType == "about:blank" || problemType.hasPrefix("/problems/")) }
}

extension CallFailure {
    init(_ problem: Problem) {
        self.init(
            status: problem.status, problemType: problem.type, reason: problem.detail,
            retryAfter: problem.retryAfter.map { .seconds($0) })
    }
}

typealias CallAnswer = Result<[UInt8], CallFailure>

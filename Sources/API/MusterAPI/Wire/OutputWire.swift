package import MusterCore
internal import MusterJSON
package import MusterWire

/// A piece of what a command printed while it runs. Pieces of one stream of one attempt stand behind one another by their offsets:
/// where one begins behind the end of the one before, what is between was let go. The result has all of it, as far as it is kept.
package struct OutputPiece: Hashable, WireRequest {
    package enum Stream: String, CaseIterable, Sendable { case stdout, stderr }

    package var job: JobID
    /// From 0.
    package var task: Int
    /// A task that runs again begins its streams anew.
    package var attempt: Int
    /// When that run was started, as its result says: a coordinator that was started again may give one attempt twice.
    package var startMs: WallClockMs
    package var stream: Stream
    /// Bytes of the stream before it.
    package var offset: Int
    package var text: [UInt8]
    /// Who has the task, by name: the coordinator says it to readers. Empty: nobody said it.
    package var worker = ""

    package init(
        job: JobID, task: Int, attempt: Int, startMs: WallClockMs, stream: Stream, offset: Int, text: [UInt8],
        worker: String = ""
    ) {
        self.worker = worker
        (self.job, self.task, self.attempt, self.startMs) = (job, task, attempt, startMs)
        (self.stream, self.offset, self.text) = (stream, offset, text)
    }

    package static let place = "pieces."
    package static let blank = OutputPiece(
        job: JobID(0), task: 0, attempt: 1, startMs: 0, stream: .stdout, offset: 0, text: [])
    package static let schemaName = "OutputPiece"
    package var bytesExpected: Int { 128 + text.count }
    package static let fields: [WireField<OutputPiece>] = [
        .must("job", \.job, .id),
        .must("task", \.task, .integer(0...Limits.jobTasksMax), "From 0."),
        .must("attempt", \.attempt, .integer(1...Int(Int32.max)), "A task that runs again begins its streams anew."),
        .must("start", \.startMs, .moment, "When this run was started, by its worker's clock, as its result says."),
        .must("stream", \.stream, .choice),
        .must("offset", \.offset, .integer(0...1 << 53), "Bytes of the stream before it."),
        .must(
            "text", \.text, .bytesText, "What was printed: a text, or {\"base64\": TEXT} where it is not UTF-8."),
        .may(
            "worker", \.worker, .prose, "Who has the task; the coordinator says it, whatever a worker says.",
            when: { !$0.worker.isEmpty }),
    ]
}

extension WireKind<[UInt8]> {
    /// A text, or bytes in Base64 where they are none.
    fileprivate static var bytesText: WireKind {
        WireKind(.either(.prose, .object)) { fields, name throws(Problem) in
            guard let value = fields.value(name) else { return nil }
            guard let bytes = value.textBytes else {
                throw fields.wrong(name, value, "a text, or {\"base64\": TEXT}")
            }
            return bytes
        } write: {
            $1.text($0)
        }
    }
}

/// `POST /v1/output`: a worker hands on what commands print whose jobs somebody follows.
package struct OutputDelivery: Hashable, WireRequest {
    /// Of a delivery; a piece may be short.
    package static let piecesMax = 4_096
    /// Bytes of all its pieces together, as they were printed.
    package static let bytesMax = 1 << 20
    /// Of the body: a string spells out some bytes by six.
    package static let bodyBytesMax = 8 << 20

    package var pieces: [OutputPiece]

    package init(_ pieces: [OutputPiece]) { self.pieces = pieces }

    package static let blank = OutputDelivery([])
    package var bytesExpected: Int { pieces.reduce(64) { $0 + $1.bytesExpected } }
    package static let fields: [WireField<OutputDelivery>] = [
        .must("pieces", \.pieces, .objects(countMax: piecesMax))
    ]
}

/// What a worker hears over its stream: the jobs that somebody follows, all of them.
package struct FollowedJobs: Hashable, WireType {
    package var jobs: [JobID]

    package init(_ jobs: [JobID]) { self.jobs = jobs }

    package static let blank = FollowedJobs([])
    package static let fields: [WireField<FollowedJobs>] = [
        .always("jobs", \.jobs, .ids())
    ]
}

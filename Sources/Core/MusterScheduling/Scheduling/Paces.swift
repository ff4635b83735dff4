import MusterCore

/// How long a task took in earlier jobs of the same kernel and parameters: the first batches of the next such job are cut by it.
///
/// It is a guess, and only about jobs without inputs of their own. Until a job's own first report its batches are never larger than a fair
/// share, so that a wrong one costs no more than the end of the job does.
struct Paces: Sendable {
    /// Most kinds of jobs that are remembered; of more, those that were measured last.
    static let kindsMax = 1_000
    /// Jobs with longer parameters are not remembered.
    static let paramsBytesMax = 256

    private struct Kind: Hashable {
        var kernel: String
        var params: [UInt8]

        init?(_ record: JobRecord) {
            guard !record.hasInputs, record.params.count <= Paces.paramsBytesMax else { return nil }
            (kernel, params) = (record.kernel, record.params)
        }
    }

    private var measured: [Kind: (seconds: Double, turn: UInt64)] = [:]
    private var turn: UInt64 = 0

    /// Seconds that a task of a job like this took, or nil.
    func seconds(of record: JobRecord) -> Double? {
        Kind(record).flatMap { measured[$0]?.seconds }
    }

    mutating func note(_ seconds: Double, of record: JobRecord) {
        guard let kind = Kind(record) else { return }
        turn += 1
        measured[kind] = (seconds, turn)
        if measured.count > Self.kindsMax, let oldest = measured.min(by: { $0.value.turn < $1.value.turn }) {
            measured[oldest.key] = nil
        }
    }
}

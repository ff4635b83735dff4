internal import MusterAPI
internal import MusterCore
internal import MusterKernels
internal import MusterScheduling

/// A report as it grows.
struct BatchPart: Sendable {
    let start: Int
    /// Tasks that are in it.
    var count: Int { values.count }
    private var values = LineColumn()
    private var seconds = LineColumn()
    private var failures: [TaskReport.Failure] = []
    private var secondsTotal = 0.0
    private var blobs: [ArraySlice<UInt8>]?
    private(set) var bytes = 0

    init(start: Int, isBinary: Bool) {
        self.start = start
        blobs = isBinary ? [] : nil
    }

    mutating func add(value: [UInt8]) {
        bytes += value.count
        if blobs == nil {
            values.append(line: value)
        } else {
            values.append(line: String(value.count).utf8)
            blobs!.append(value[...])
        }
    }

    mutating func add(failure: TaskFailure, of task: Int) {
        let left = blobs == nil ? failure.value ?? [] : []
        if left.isEmpty || left.count > Limits.valueBytesMax {
            values.append(line: "null".utf8)
        } else {
            values.append(line: left)
        }
        blobs?.append([])
        bytes += failure.reason.utf8.count + left.count
        let reason = String(decoding: failure.reason.utf8.prefix(64 << 10), as: UTF8.self)
        failures.append(TaskReport.Failure(task: task, reason: reason, isOwnFault: failure.isOwnFault))
    }

    /// Those came to something, which is of no use all the same.
    mutating func fail(_ failed: [Int: TaskFailure]) {
        if failed.isEmpty { return }
        for (task, failure) in failed where !failures.contains(where: { $0.task == task }) {
            failures.append(TaskReport.Failure(task: task, reason: failure.reason, isOwnFault: failure.isOwnFault))
        }
        failures.sort { $0.task < $1.task }
    }

    mutating func add(time: Duration) {
        secondsTotal += time.inSeconds
        seconds.append(line: decimalSeconds(time))
    }

    func report(_ offer: LeaseOffer) -> TaskReport? {
        guard values.count > 0 else { return nil }
        return TaskReport(
            key: offer.grant.key, ticket: offer.grant.ticket, start: start, values: values, seconds: seconds,
            failures: failures, secondsTotal: secondsTotal, blobs: blobs)
    }
}

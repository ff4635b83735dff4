/// Which tasks of a run are done already, by their commands with the values in them: `--resume` and `--resume-failed`.
///
/// A task's number says nothing: the input may have changed since. A command that stands in the input twice is done twice when the log
/// has it under two numbers; under one number it was tried again, and the last try counts. Fill it with `add`, then ask `takes`
/// once for each task. Memory is 32 bytes a record while it is filled, 20 bytes a command then.
package struct ResumeSet: Sendable {
    package enum Mode: Hashable, Sendable {
        /// `--resume`: what has ended is done.
        case ended
        /// `--resume-failed`: what has ended well is done.
        case succeeded
    }

    /// Records that a log may have.
    package static let recordsMax = 20_000_000

    package struct TooManyRecords: Error, Hashable, Sendable, CustomStringConvertible {
        package var recordsMax: Int
        package var description: String { "the job log has more than \(recordsMax) records" }
    }

    private struct Record {
        var digest: KeyedDigest
        var seq: Int
        /// Of the records of one number the last counts.
        var order: UInt32
        var hasSucceeded: Bool
    }

    private let mode: Mode
    private let key: KeyedDigest.Key
    private let recordsMax: Int
    private var records: [Record] = []
    /// Sorted; how often each is done and not taken yet stands in `left`.
    private var digests: [KeyedDigest] = []
    private var left: [UInt32] = []

    /// `key`: random, and of this process alone.
    package init(_ mode: Mode, key: KeyedDigest.Key, recordsMax: Int = recordsMax) {
        (self.mode, self.key, self.recordsMax) = (mode, key, recordsMax)
    }

    /// Takes a record of the log, in its order. Not after `takes`.
    package mutating func add(_ line: JobLogLine) throws(TooManyRecords) {
        precondition(digests.isEmpty, "a record after the first question")
        guard records.count < recordsMax else { throw TooManyRecords(recordsMax: recordsMax) }
        records.append(
            Record(
                digest: KeyedDigest(of: line.command, key: key), seq: line.seq, order: UInt32(records.count),
                hasSucceeded: line.hasSucceeded))
    }

    /// Whether a task with this command is done: it is left out then, and counts as one of those that the log has.
    package mutating func takes(command: [UInt8]) -> Bool {
        sort()
        let digest = KeyedDigest(of: command, key: key)
        var (low, high) = (0, digests.count)
        while low < high {
            let middle = (low + high) / 2
            if digests[middle] < digest { low = middle + 1 } else { high = middle }
        }
        guard low < digests.count, digests[low] == digest, left[low] > 0 else { return false }
        left[low] -= 1
        return true
    }

    private mutating func sort() {
        guard !records.isEmpty else { return }
        records.sort { one, other in
            if one.digest != other.digest { return one.digest < other.digest }
            return (one.seq, one.order) < (other.seq, other.order)
        }
        for place in records.indices {
            let record = records[place]
            let isLast =
                place + 1 == records.count || records[place + 1].digest != record.digest
                || records[place + 1].seq != record.seq
            guard isLast, mode == .ended || record.hasSucceeded else { continue }
            if digests.last == record.digest {
                left[left.count - 1] += 1
            } else {
                digests.append(record.digest)
                left.append(1)
            }
        }
        records = []
    }
}

package import MusterCore
internal import MusterJSON

/// In which order a job's results are sent.
package enum ResultOrder: String, CaseIterable, Sendable { case task, arrival }

/// Writes result records as NDJSON, one line a task, the values' own bytes untouched:
/// `{"task": 17, "value": …, "worker": "name", "attempt": 1, "seconds": 0.01}`; a failed task has `error`, and `value` only where it left something all the same. What was voted on has `votes`, the machines that agreed.
package enum ResultLines {
    /// Appends the lines of those of the record's tasks that lie in `tasks`.
    package static func append(_ record: ResultRecord, _ tasks: Range<Int>, to out: inout [UInt8]) {
        let wanted = tasks.clamped(to: record.first..<record.first + record.count)
        guard !wanted.isEmpty else { return }
        var tail = JSONWriter()
        tail.key("worker")
        tail.value(record.worker)
        tail.field("attempt", record.attempt)
        if let votes = record.votes { tail.field("votes", votes) }
        tail.key("seconds")
        let tailBytes = tail.bytes
        var value = Lines(record.valueLines)
        var seconds = Lines(record.secondsLines)
        out.reserveCapacity(
            out.count + record.valueLines.count + record.secondsLines.count + wanted.count * (48 + tailBytes.count))
        for task in record.first..<wanted.upperBound {
            let (text, time) = (value.next(), seconds.next())
            guard task >= wanted.lowerBound else { continue }
            out.append(contentsOf: "{\"task\":".utf8)
            appendDecimal(task, to: &out)
            out.append(contentsOf: record.isFailure ? ",\"error\":".utf8 : ",\"value\":".utf8)
            out.append(contentsOf: text)
            if let output = record.output {
                out.append(contentsOf: ",\"value\":".utf8)
                out.append(contentsOf: output)
            }
            out.append(UInt8(ascii: ","))
            out.append(contentsOf: tailBytes)
            out.append(contentsOf: time)
            out.append(UInt8(ascii: "}"))
            out.append(0x0A)
        }
    }

    private static func appendDecimal(_ number: Int, to out: inout [UInt8]) {
        var rest = number
        let start = out.count
        repeat {
            out.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        out[start...].reverse()
    }

    /// Reads lines one after the other.
    private struct Lines {
        private let bytes: [UInt8]
        private var position = 0
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        mutating func next() -> ArraySlice<UInt8> {
            let end = bytes[position...].firstIndex(of: 0x0A) ?? bytes.endIndex
            defer { position = min(end + 1, bytes.endIndex) }
            return bytes[position..<end]
        }
    }
}

extension ResultRecord {
    fileprivate var isFailure: Bool { if case .failure = outcome { true } else { false } }

    /// Values, or a failure's reason as a JSON string.
    fileprivate var valueLines: [UInt8] {
        switch outcome {
        case .values(let lines): return lines
        case .failure(let reason):
            var json = JSONWriter()
            json.value(reason)
            return json.bytes + [0x0A]
        }
    }
}

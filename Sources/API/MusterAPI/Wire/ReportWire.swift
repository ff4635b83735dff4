package import MusterCore
package import MusterScheduling

/// Task reports as they rest in a worker's outbox and travel in `POST /v1/results`: columns, not an object a task.
///
/// `{"job","first","count","attempt","ticket","start","values":[…],"seconds":[…],"failures":[{"task","error","ownFault"}]}`;
/// a failed task's value is what it left, or null; `ownFault` says that the worker is to blame, and nothing was tried. Where tasks answer bytes, `"binary":true` says so, values are their counts, and the
/// bytes themselves follow the JSON, after a newline.
package enum ReportWire {
    /// Bodies of this type have bytes behind their first line; all others are JSON to the end.
    package static let binaryType = "application/octet-stream"
    private static let newline = UInt8(ascii: "\n")

    /// One report as an object's text, and its bytes if it has any.
    package static func text(of report: TaskReport) -> [UInt8] {
        var json = JSONWriter(reserving: 512 + report.values.bytes.count + report.seconds.bytes.count)
        json.beginObject()
        report.key.write(to: &json)
        json.field("ticket", report.ticket)
        json.field("start", report.start)
        json.key("values")
        json.array(lines: report.values.bytes)
        json.key("seconds")
        json.array(lines: report.seconds.bytes)
        if !report.failures.isEmpty {
            json.key("failures")
            json.beginArray()
            for failure in report.failures {
                json.beginObject()
                json.field("task", failure.task)
                json.field("error", failure.reason)
                if failure.isOwnFault { json.field("ownFault", true) }
                json.endObject()
            }
            json.endArray()
        }
        if report.blobs != nil { json.field("binary", true) }
        json.endObject()
        guard let blobs = report.blobs else { return json.bytes }
        var text = json.bytes
        text.reserveCapacity(blobs.reduce(text.count + 1) { $0 + $1.count })
        text.append(newline)
        for blob in blobs { text.append(contentsOf: blob) }
        return text
    }

    /// Whether a kept text is all there: a process that was killed while it wrote leaves less.
    package static func isWhole(_ text: [UInt8]) -> Bool {
        let (head, bytes) = parts(of: text)
        guard let value = try? JSONValue(parsing: Array(head)), let report = try? report(value, from: MemberID(0))
        else { return false }
        return (try? sizes(of: report.values).reduce(0, +)) == bytes.count || !report.isBinary
    }

    private static func parts(of text: [UInt8]) -> (head: ArraySlice<UInt8>, bytes: ArraySlice<UInt8>) {
        let end = text.firstIndex(of: newline) ?? text.endIndex
        return (text[..<end], text[min(end + 1, text.endIndex)...])
    }

    /// A delivery's body from reports' texts.
    package static func body(joining texts: [[UInt8]]) -> (bytes: [UInt8], isBinary: Bool) {
        let parts = texts.map(parts(of:))
        let isBinary = parts.contains { !$0.bytes.isEmpty }
        var json = JSONWriter(reserving: 64 + texts.reduce(0) { $0 + $1.count + 1 })
        json.beginObject()
        json.key("reports")
        json.beginArray()
        for part in parts { json.raw(part.head) }
        json.endArray()
        json.endObject()
        guard isBinary else { return (json.bytes, false) }
        var body = json.bytes
        body.append(newline)
        for part in parts { body.append(contentsOf: part.bytes) }
        return (body, true)
    }

    /// `isBinary`: the body has bytes behind its first line.
    package static func reports(
        in body: [UInt8], isBinary: Bool = false, from member: MemberID
    ) throws(Problem) -> [TaskReport] {
        guard isBinary else {
            let reports = try heads(in: body, from: member)
            for report in reports { try requirePlain(report) }
            return reports
        }
        var (head, bytes) = parts(of: body)
        var reports = try heads(in: Array(head), from: member)
        for place in reports.indices where reports[place].isBinary {
            let sizes = try sizes(of: reports[place].values)
            guard sizes.allSatisfy({ $0 <= bytes.count }), sizes.reduce(0, +) <= bytes.count else {
                throw Problem(422, "The reports speak of more bytes than the \(body.count) of the body.", code: "field")
            }
            var blobs: [ArraySlice<UInt8>] = []
            for size in sizes {
                blobs.append(bytes.prefix(size))
                bytes = bytes.dropFirst(size)
            }
            reports[place].blobs = blobs
        }
        guard bytes.isEmpty else {
            throw Problem(422, "\(bytes.count) bytes of the body belong to no report.", code: "field")
        }
        return reports
    }

    private static func requirePlain(_ report: TaskReport) throws(Problem) {
        guard !report.isBinary else {
            throw Problem(422, "\"binary\" reports need a body of the type \(binaryType).", code: "field")
        }
    }

    /// How many bytes each task of a binary report has: 0 for a failed one.
    private static func sizes(of values: LineColumn) throws(Problem) -> [Int] {
        var sizes: [Int] = []
        for line in values.lines {
            if line.elementsEqual("null".utf8) {
                sizes.append(0)
                continue
            }
            guard let size = Int(String(decoding: line, as: UTF8.self)), (0...Limits.blobBytesMax).contains(size) else {
                throw Problem(
                    422, "A binary report's values are counts of bytes, 0 to \(Limits.blobBytesMax) each.",
                    code: "field")
            }
            sizes.append(size)
        }
        return sizes
    }

    private static func heads(in body: [UInt8], from member: MemberID) throws(Problem) -> [TaskReport] {
        var fields = try JSONFields(body: body)
        let values = try fields.required("reports", fields.array("reports"))
        try fields.finish()
        guard values.count <= 1_000 else {
            throw Problem(422, "\"reports\" has \(values.count) entries; at most 1000.", code: "field")
        }
        var reports: [TaskReport] = []
        for value in values { reports.append(try report(value, from: member)) }
        return reports
    }

    private static func report(_ value: JSONValue, from member: MemberID) throws(Problem) -> TaskReport {
        var fields = try JSONFields(value, path: "reports.")
        let key = try LeaseKey(from: &fields, member: member)
        let ticket = try fields.required("ticket", fields.string("ticket"))
        let start = try fields.int("start", in: 0...Limits.jobTasksMax) ?? key.first
        let values = try fields.required("values", fields.column("values"))
        let seconds = try fields.required("seconds", fields.column("seconds"))
        let failures = try failures(fields.array("failures") ?? [])
        let isBinary = try fields.bool("binary") ?? false
        try fields.finish()
        guard values.count == seconds.count, values.count > 0 else {
            throw Problem(
                422, "\"values\" (\(values.count)) and \"seconds\" (\(seconds.count)) must be as many, and not none.")
        }
        // The longest cannot be longer than all: what is short is not looked through.
        if values.bytes.count > Limits.valueBytesMax,
            let long = values.lines.first(where: { $0.count > Limits.valueBytesMax })
        {
            throw Problem(
                422, "A value in \"reports.values\" has \(long.count) bytes; at most \(Limits.valueBytesMax).",
                code: "field")
        }
        guard seconds.bytes.count <= 33 * seconds.count else {
            throw Problem(422, "\"reports.seconds\" must hold numbers of at most 32 digits each.", code: "field")
        }
        return TaskReport(
            key: key, ticket: ticket, start: start, values: values, seconds: seconds, failures: failures,
            secondsTotal: try total(seconds), blobs: isBinary ? [] : nil)
    }

    private static func failures(_ values: [JSONValue]) throws(Problem) -> [TaskReport.Failure] {
        var failures: [TaskReport.Failure] = []
        for value in values {
            var fields = try JSONFields(value, path: "reports.failures.")
            let task = try fields.required("task", fields.int("task", in: 0...Limits.jobTasksMax))
            let reason = try fields.string("error", bytesMax: Limits.valueBytesMax) ?? "no reason given"
            let isOwnFault = try fields.bool("ownFault") ?? false
            try fields.finish()
            failures.append(TaskReport.Failure(task: task, reason: reason, isOwnFault: isOwnFault))
        }
        return failures
    }

    /// The sum of a column of non-negative numbers.
    private static func total(_ seconds: LineColumn) throws(Problem) -> Double {
        var total = 0.0
        for line in seconds.lines {
            if line.count == 1, line.first == UInt8(ascii: "0") { continue }
            guard let number = JSONValue(checked: line).double, number >= 0 else {
                let shown = JSONFields.shown(JSONValue(checked: line))
                throw Problem(422, "\"reports.seconds\" must hold numbers from 0, not \(shown).", code: "field")
            }
            total += number
        }
        return total
    }

    /// The answer to a delivery: a verdict a report, in order.
    package static func reply(_ verdicts: [ReportVerdict]) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("reports")
        json.beginArray()
        for verdict in verdicts {
            json.beginObject()
            switch verdict {
            case .recorded(let count):
                json.field("verdict", "recorded")
                json.field("recorded", count)
            case .stale: json.field("verdict", "stale")
            case .forged: json.field("verdict", "forged")
            case .again(let reason):
                json.field("verdict", "again")
                json.field("reason", reason)
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    package static func verdicts(in body: [UInt8]) throws(Problem) -> [ReportVerdict] {
        var fields = try JSONFields(body: body)
        var verdicts: [ReportVerdict] = []
        for value in try fields.array("reports") ?? [] {
            var entry = try JSONFields(value, path: "reports.")
            switch try entry.string("verdict") {
            case "recorded": verdicts.append(.recorded(try entry.int("recorded", in: 0...Int.max) ?? 0))
            case "stale": verdicts.append(.stale)
            case "forged": verdicts.append(.forged)
            case let other: verdicts.append(.again(try entry.string("reason", bytesMax: 4096) ?? other ?? "no verdict"))
            }
        }
        return verdicts
    }
}

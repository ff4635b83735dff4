package import MusterCore

/// Task reports as they rest in a worker's outbox and travel in `POST /v1/results`: columns, not an object a task.
///
/// `{"job","first","count","attempt","ticket","start","values":[…],"seconds":[…],"failures":[{"task","error"}]}`;
/// a failed task's value is null.
package enum ReportWire {
    /// One report as an object's text.
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
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    /// A delivery's body from reports' texts.
    package static func body(joining texts: [[UInt8]]) -> [UInt8] {
        var json = JSONWriter(reserving: 32 + texts.reduce(0) { $0 + $1.count + 1 })
        json.beginObject()
        json.key("reports")
        json.beginArray()
        for text in texts { json.raw(text) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    package static func reports(in body: [UInt8], from member: MemberID) throws(Problem) -> [TaskReport] {
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
        try fields.finish()
        guard values.count == seconds.count, values.count > 0 else {
            throw Problem(
                422, "\"values\" (\(values.count)) and \"seconds\" (\(seconds.count)) must be as many, and not none.")
        }
        return TaskReport(
            key: key, ticket: ticket, start: start, values: values, seconds: seconds, failures: failures,
            secondsTotal: try total(seconds))
    }

    private static func failures(_ values: [JSONValue]) throws(Problem) -> [TaskReport.Failure] {
        var failures: [TaskReport.Failure] = []
        for value in values {
            var fields = try JSONFields(value, path: "reports.failures.")
            let task = try fields.required("task", fields.int("task", in: 0...Limits.jobTasksMax))
            let reason = try fields.string("error", bytesMax: Limits.valueBytesMax) ?? "no reason given"
            try fields.finish()
            failures.append(TaskReport.Failure(task: task, reason: reason))
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

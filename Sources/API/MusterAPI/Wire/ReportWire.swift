package import MusterCore
internal import MusterJSON
package import MusterScheduling
package import MusterWire

/// Task reports as they rest in a worker's outbox and travel in `POST /v1/results`: columns, not an object a task.
///
/// A failed task's value is what it left, or null. Where tasks answer bytes, `"binary":true` says so, values are their counts, and
/// the bytes themselves follow the JSON, after a newline.
package enum ReportWire {
    /// Bodies of this type have bytes behind their first line; all others are JSON to the end.
    package static let binaryType = "application/octet-stream"
    private static let newline = UInt8(ascii: "\n")

    /// One report as an object's text, and its bytes if it has any.
    package static func text(of report: TaskReport) -> [UInt8] {
        let json = report.json
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
        guard let value = try? JSONValue(parsing: Array(head)), let report = try? TaskReport(value)
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
        var reports = try Delivery(body: body).reports
        for place in reports.indices { reports[place].key.member = member }
        return reports
    }

    /// The answer to a delivery: a verdict a report, in order.
    package static func reply(_ verdicts: [ReportVerdict]) -> [UInt8] {
        ListAnswer(verdicts.map { VerdictForm($0) }).body
    }

    package static func verdicts(in body: [UInt8]) throws(Problem) -> [ReportVerdict] {
        try ListAnswer<VerdictForm>(body: body).items.map(\.verdict)
    }
}

/// `POST /v1/results`, but for bytes behind it.
package struct Delivery: WireRequest {
    fileprivate var reports: [TaskReport]

    package static let blank = Delivery(reports: [])
    package static let fields: [WireField<Delivery>] = [
        .must(
            "reports", \.reports, .objects(countMax: 1_000),
            "What became of granted tasks, a value and a time each; a failed task's value is what it left, or null.")
    ]
}

extension TaskReport: WireRequest {
    package static let place = "reports."
    package var bytesExpected: Int { 512 + values.bytes.count + seconds.bytes.count }
    /// Where no start is given, it is that of the grant.
    package static let blank = TaskReport(
        key: .blank, ticket: "", start: -1, values: LineColumn(), seconds: LineColumn(), failures: [], secondsTotal: 0)
    package static let fields: [WireField<TaskReport>] = [
        .part(\.key),
        .must("ticket", \.ticket, .string),
        .may("start", \.start, .integer(0...Limits.jobTasksMax)),
        .must("values", \.values, .column(of: .any, 1...Limits.jobTasksMax)),
        .must("seconds", \.seconds, .column(of: .number(0...1e15), 1...Limits.jobTasksMax)),
        .may("failures", \.failures, .objects(), when: { !$0.failures.isEmpty }),
        .may(
            "binary", \.hasBytes, .boolean, "Only in a body of bytes, which follow its first line.",
            when: \.hasBytes),
    ]

    private var hasBytes: Bool {
        get { isBinary }
        set { blobs = newValue ? [] : nil }
    }

    package mutating func check() throws(Problem) {
        if start < 0 { start = key.first }
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
        secondsTotal = try Self.total(seconds)
    }

    /// The sum of a column of non-negative numbers.
    private static func total(_ seconds: LineColumn) throws(Problem) -> Double {
        var total = 0.0
        for line in seconds.lines {
            if line.count == 1, line.first == UInt8(ascii: "0") { continue }
            guard let number = JSONValue(line: line).double, number >= 0 else {
                let shown = JSONFields.shown(JSONValue(line: line))
                throw Problem(422, "\"reports.seconds\" must hold numbers from 0, not \(shown).", code: "field")
            }
            total += number
        }
        return total
    }
}

extension TaskReport.Failure: WireRequest {
    package static let blank = TaskReport.Failure(task: 0, reason: "no reason given")
    package static let fields: [WireField<TaskReport.Failure>] = [
        .must("task", \.task, .integer(0...Limits.jobTasksMax)),
        .may("error", \.reason, .text(0...Limits.valueBytesMax)),
        .may(
            "ownFault", \.isOwnFault, .boolean, "The worker is to blame, and nothing was tried.",
            when: \.isOwnFault),
    ]
}

/// A verdict's word, and what goes with it.
package struct VerdictForm: WireType, WireListed {
    enum Word: String, CaseIterable, Sendable { case recorded, stale, forged, again }

    private var word = Word.again
    private var recorded: Int?
    private var reason: String?

    private init() {}

    init(_ verdict: ReportVerdict) {
        switch verdict {
        case .recorded(let count): (word, recorded) = (.recorded, count)
        case .stale: word = .stale
        case .forged: word = .forged
        case .again(let why): reason = why
        }
    }

    var verdict: ReportVerdict {
        switch word {
        case .recorded: .recorded(recorded ?? 0)
        case .stale: .stale
        case .forged: .forged
        case .again: .again(reason ?? "no verdict")
        }
    }

    package static let blank = VerdictForm()
    package static let schemaName = "Verdict"
    package static let listName = "reports"
    package static let listSchemaName = "Verdicts"
    package static let listFields = madeListFields
    package static let fields: [WireField<VerdictForm>] = [
        .always("verdict", \.word, .word),
        .may("recorded", \.recorded, .integer),
        .may("reason", \.reason, .prose(upTo: 4_096)),
    ]
}

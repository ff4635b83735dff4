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

    /// A delivery's body from reports' texts. `number`: of a message that brings it.
    package static func body(joining texts: [[UInt8]], number: Int? = nil) -> (bytes: [UInt8], isBinary: Bool) {
        let parts = texts.map(parts(of:))
        let isBinary = parts.contains { !$0.bytes.isEmpty }
        var json = JSONWriter(reserving: 64 + texts.reduce(0) { $0 + $1.count + 1 })
        json.beginObject()
        if let number { json.field("number", number) }
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
        let (head, bytes) = isBinary ? parts(of: body) : ([], [])
        var reports = try Delivery(body: isBinary ? Array(head) : body).reports
        try complete(&reports, bytes, isBinary: isBinary, from: member)
        return reports
    }

    /// Those of a binary message, and its number.
    static func numberedReports(in message: [UInt8], of member: MemberID) throws(Problem) -> ([TaskReport], Int) {
        let (head, bytes) = parts(of: message)
        var numbered = try Numbered(body: Array(head))
        try complete(&numbered.delivery.reports, bytes, isBinary: true, from: member)
        return (numbered.delivery.reports, numbered.number)
    }

    /// Those of a text.
    static func numberedReports(_ fields: JSONFields, of member: MemberID) throws(Problem) -> ([TaskReport], Int) {
        var numbered = try Numbered(consuming: fields)
        try complete(&numbered.delivery.reports, [], isBinary: false, from: member)
        return (numbered.delivery.reports, numbered.number)
    }

    /// What a body says of reports, and then their bytes, make them whole.
    private static func complete(
        _ reports: inout [TaskReport], _ bytes: ArraySlice<UInt8>, isBinary: Bool, from member: MemberID
    ) throws(Problem) {
        for place in reports.indices { reports[place].key.member = member }
        guard isBinary else {
            for report in reports { try requirePlain(report) }
            return
        }
        var bytes = bytes
        let count = bytes.count
        for place in reports.indices where reports[place].isBinary {
            let sizes = try sizes(of: reports[place].values)
            guard sizes.allSatisfy({ $0 <= bytes.count }), sizes.reduce(0, +) <= bytes.count else {
                throw Problem(422, "The reports speak of more bytes than the \(count) behind them.", code: "field")
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

    /// The answer to a delivery: a verdict a report, in order.
    package static func reply(_ verdicts: [ReportVerdict]) -> [UInt8] {
        ListAnswer(verdicts.map { VerdictForm($0) }).body
    }

    /// The answer to a message that brought one.
    package static func reply(_ verdicts: [ReportVerdict], number: Int) -> [UInt8] {
        NumberedVerdicts(list: ListAnswer(verdicts.map { VerdictForm($0) }), number: number).body
    }

    package static func verdicts(in body: [UInt8]) throws(Problem) -> [ReportVerdict] {
        try ListAnswer<VerdictForm>(body: body).items.map(\.verdict)
    }
}

extension ReportWire {
    /// A delivery over a WebSocket.
    private struct Numbered: WireRequest {
        var delivery = Delivery.blank
        var number = 0

        static let blank = Numbered()
        static let fields: [WireField<Numbered>] = [
            .part(\.delivery), .must("number", \.number, .integer(1...1 << 53)),
        ]
    }

    private struct NumberedVerdicts: WireType {
        var list: ListAnswer<VerdictForm>
        var number: Int

        static let blank = NumberedVerdicts(list: .blank, number: 0)
        static let fields: [WireField<NumberedVerdicts>] = [.part(\.list), .always("number", \.number, .integer)]
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

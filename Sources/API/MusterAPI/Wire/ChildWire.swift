package import MusterCore
internal import MusterJSON
package import MusterLaunchRules
package import MusterWire

/// `POST /create-child` and `POST /v1/children`: so many children, each with so many numbers.
package struct ChildrenRequest: Hashable, WireRequest {
    package var count: Int
    package var numbers: Int

    package init(count: Int = 1, numbers: Int = Limits.childNumbersDefault) {
        (self.count, self.numbers) = (count, numbers)
    }

    package static let mayBeEmpty = true
    package static let blank = ChildrenRequest()
    package static let fields: [WireField<ChildrenRequest>] = [
        .may("count", \.count, .integer(1...Limits.childrenAtOnceMax), "How many, 1 to 10,000; default 1."),
        .may(
            "numbers", \.numbers, .integer(1...Limits.childNumbersMax),
            "How many numbers each brings, 1 to 10,000,000; default 1,000."),
    ]
}

/// `POST /v1/children/{id}/numbers`: the next part of a child's numbers, behind `offset` that are recorded.
package struct NumbersReport: Hashable, WireRequest {
    package var offset: Int
    package var numbers: [UInt32]
    /// Lines that were no number, in this part.
    package var rejected: Int
    package var isLast: Bool

    package init(offset: Int, numbers: [UInt32], rejected: Int, isLast: Bool) {
        (self.offset, self.numbers, self.rejected, self.isLast) = (offset, numbers, rejected, isLast)
    }

    /// Throws a 422 for a number out of 1…`range`.
    package init(body: [UInt8], range: Int) throws(Problem) {
        try self.init(body: body)
        guard numbers.allSatisfy({ (1...range).contains(Int($0)) }) else {
            throw Problem(422, "\"numbers\" must hold whole numbers from 1 to \(range).", code: "field")
        }
    }

    package var bytesExpected: Int { 64 + numbers.count * 9 }
    package static let blank = NumbersReport(offset: 0, numbers: [], rejected: 0, isLast: false)
    package static let fields: [WireField<NumbersReport>] = [
        .may("offset", \.offset, .integer(0...Int(Int32.max)), "How many of its numbers are recorded already."),
        .may("rejected", \.rejected, .integer(0...Int(Int32.max)), "Lines that were no number."),
        .may("last", \.isLast, .boolean, "There are no more."),
        .must("numbers", \.numbers, numberList, "Whole numbers from 1 to the range."),
    ]
}

extension NumbersReport {
    /// What is no number from 1, or too large for any range, is read as 0.
    private static var numberList: WireKind<[UInt32]> {
        let most = Limits.childReportMax
        return WireKind<[UInt32]>(.list(.integer(1...Limits.numberRangeMax), 0...most)) {
            fields, name throws(Problem) in
            guard let column = try fields.column(name) else { return nil }
            guard column.count <= most else {
                throw Problem(422, "\"\(name)\" has \(column.count) entries; at most \(most).", code: "field")
            }
            return read(column)
        } write: { numbers, json in
            json.beginArray()
            for number in numbers { json.value(Int(number)) }
            json.endArray()
        }
    }

    private static func read(_ column: LineColumn) -> [UInt32] {
        var numbers: [UInt32] = []
        numbers.reserveCapacity(column.count)
        var value: UInt64 = 0
        var isNumber = true
        for byte in column.bytes {
            switch byte {
            case 0x0A:
                numbers.append(isNumber ? UInt32(value) : 0)
                (value, isNumber) = (0, true)
            case 0x30...0x39:
                value = value * 10 + UInt64(byte - 0x30)
                // One that is too large stays so, and small enough to go on with.
                if value > UInt32.max { (value, isNumber) = (0, false) }
            default: isNumber = false
            }
        }
        return numbers
    }
}

/// The answer: numbers of the child that are recorded by now, and whether it has no more to do.
package struct NumbersVerdict: Hashable, WireType {
    package var received: Int
    package var isDone: Bool

    package init(received: Int, isDone: Bool) { (self.received, self.isDone) = (received, isDone) }

    package static let blank = NumbersVerdict(received: 0, isDone: false)
    package static let schemaName = "Recorded"
    package static let fields: [WireField<NumbersVerdict>] = [
        .must("received", \.received, .integer), .always("done", \.isDone, .boolean),
    ]
}

/// A child as the coordinator tells of it.
package struct ChildStatus: Hashable, WireType, WireListed {
    package var id: ChildID
    package var name: String
    /// Nil in the answer to a request for children, which gives ids and names only; then all below is empty too.
    package var state: ChildState?
    package var numbers: Int?
    package var received = 0
    package var rejected = 0
    package var attempts = 0
    private var createdMs: WallClockMs = 0
    private var endedMs: WallClockMs?
    /// Empty when it never did.
    package var reason = ""

    /// Seconds since 1970.
    package var created: Double { Double(createdMs) / 1_000 }

    package static func name(of id: ChildID) -> String { "child-\(id)" }

    private init(id: ChildID, name: String) { (self.id, self.name) = (id, name) }

    package init(_ record: ChildRecord) {
        self.init(id: record.id, name: Self.name(of: record.id))
        (state, numbers) = (record.state, record.isForeign ? nil : record.wanted)
        (received, rejected, attempts) = (record.received, record.rejected, record.attempt)
        (createdMs, endedMs, reason) = (record.createdMs, record.endedMs, record.reason)
    }

    private var known: ChildState {
        get { state ?? .queued }
        set { state = newValue }
    }

    package static let place = "children."
    package static let blank = ChildStatus(id: ChildID(0), name: "")
    package static let schemaName = "Child"
    package static let listName = "children"
    package static let listSchemaName = "Children"
    package static let listFields = madeListFields
    package static let fields: [WireField<ChildStatus>] = [
        .must("id", \.id, .id),
        .always("name", \.name, .prose),
        .always("state", \.known, .word),
        .may(
            "numbers", \.numbers, .integer,
            "How many it is to bring; a foreign child's are what it brings."),
        .always("received", \.received, .integer),
        .always("rejected", \.rejected, .integer),
        .always("attempts", \.attempts, .integer),
        .always("created", \.createdMs, .moment),
        .may("ended", \.endedMs, .moment),
        .may("reason", \.reason, .prose(upTo: 64 << 10), "Why it died last.", when: { !$0.reason.isEmpty }),
    ]

    package mutating func check() { if name.isEmpty { name = Self.name(of: id) } }
}

/// A child in the answer to a request for children.
package struct ChildName: Hashable, WireListed {
    package var id: ChildID
    package var name: String { ChildStatus.name(of: id) }

    package init(id: ChildID) { self.id = id }

    package static let schemaName = "ChildName"
    package static let listName = "children"
    package static let listSchemaName = "ChildNames"
    package static let listFields = madeListFields
    package static let fields: [WireField<ChildName>] = [.always("id", \.id, .id), .told("name", \.name, .prose)]
}

/// `GET /progress`.
package struct NumbersProgress: Hashable, WireType {
    package var unique: Int
    package var received: Int
    /// Lines and numbers that were none, or out of the range.
    package var rejected: Int
    package var range: Int
    package var childrenWaiting: Int
    package var childrenLive: Int
    /// Sums since ever, as the numbers are.
    package var childrenDone: Int
    package var childrenDied: Int
    package var childrenFailed: Int
    package var childrenCancelled: Int

    /// Of the whole range.
    package var percentage: Double { min(100, 100 * Double(unique) / Double(range)) }
    package var duplicates: Int { max(0, received - unique) }
    package var childrenLeft: Int { childrenWaiting + childrenLive }

    package init(unique: Int, received: Int, rejected: Int, range: Int, children: Children) {
        (self.unique, self.received, self.rejected, self.range) = (unique, received, rejected, range)
        (childrenWaiting, childrenLive) = (children.waitingCount, children.liveCount)
        (childrenDone, childrenDied) = (children.counters.done, children.counters.died)
        (childrenFailed, childrenCancelled) = (children.counters.failed, children.counters.cancelled)
    }

    private init() {
        (unique, received, rejected, range) = (0, 0, 0, 1)
        (childrenWaiting, childrenLive, childrenDone) = (0, 0, 0)
        (childrenDied, childrenFailed, childrenCancelled) = (0, 0, 0)
    }

    package static let blank = NumbersProgress()
    package static let schemaName = "Progress"
    package static let fields: [WireField<NumbersProgress>] = [
        .must("uniqueNumbers", \.unique, .integer),
        .told("percentage", \.percentage, .number(0...100)),
        .always("received", \.received, .integer),
        .told("duplicates", \.duplicates, .integer),
        .must("range", \.range, .integer(1...Int.max)),
        .always("rejected", \.rejected, .integer),
        .group(
            "children",
            [
                .always("waiting", \.childrenWaiting, .integer), .always("live", \.childrenLive, .integer),
                .always("done", \.childrenDone, .integer), .always("died", \.childrenDied, .integer),
                .always("failed", \.childrenFailed, .integer), .always("cancelled", \.childrenCancelled, .integer),
            ]),
    ]
}

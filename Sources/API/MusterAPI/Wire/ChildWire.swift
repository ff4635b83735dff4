package import MusterCore
package import MusterScheduling

/// `POST /create-child` and `POST /v1/children`: so many children, each with so many numbers.
package struct ChildrenRequest: Hashable, Sendable {
    package var count: Int
    package var numbers: Int

    package init(count: Int = 1, numbers: Int = Limits.childNumbersDefault) {
        self.count = count
        self.numbers = numbers
    }

    /// No body is one child with its usual numbers.
    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body, emptyAllowed: true)
        count = try fields.int("count", in: 1...Limits.childrenAtOnceMax) ?? 1
        numbers = try fields.int("numbers", in: 1...Limits.childNumbersMax) ?? Limits.childNumbersDefault
        try fields.finish()
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("count", count)
        json.field("numbers", numbers)
        json.endObject()
        return json.bytes
    }
}

/// `POST /v1/children/{id}/numbers`: the next part of a child's numbers, behind `offset` that are recorded.
package struct NumbersReport: Hashable, Sendable {
    package var offset: Int
    package var numbers: [UInt32]
    /// Lines that were no number, in this part.
    package var rejected: Int
    package var isLast: Bool

    package init(offset: Int, numbers: [UInt32], rejected: Int, isLast: Bool) {
        self.offset = offset
        self.numbers = numbers
        self.rejected = rejected
        self.isLast = isLast
    }

    /// Throws a 422 for a number out of 1…`range`.
    package init(body: [UInt8], range: Int) throws(Problem) {
        var fields = try JSONFields(body: body)
        offset = try fields.int("offset", in: 0...Int(Int32.max)) ?? 0
        rejected = try fields.int("rejected", in: 0...Int(Int32.max)) ?? 0
        isLast = try fields.bool("last") ?? false
        let column = try fields.required("numbers", fields.column("numbers"))
        try fields.finish()
        guard column.count <= Limits.childReportMax else {
            throw Problem(
                422, "\"numbers\" has \(column.count) entries; at most \(Limits.childReportMax).", code: "field")
        }
        numbers = []
        numbers.reserveCapacity(column.count)
        var value = 0
        var isNumber = true
        for byte in column.bytes {
            switch byte {
            case 0x0A:
                guard isNumber, (1...range).contains(value) else {
                    throw Problem(422, "\"numbers\" must hold whole numbers from 1 to \(range).", code: "field")
                }
                numbers.append(UInt32(value))
                value = 0
            case 0x30...0x39:
                value = value * 10 + Int(byte - 0x30)
                // One that is too large stays so, and small enough to go on with.
                if value > range { (value, isNumber) = (0, false) }
            default: isNumber = false
            }
        }
    }

    package var body: [UInt8] {
        var json = JSONWriter(reserving: 64 + numbers.count * 9)
        json.beginObject()
        json.field("offset", offset)
        json.field("rejected", rejected)
        json.field("last", isLast)
        json.key("numbers")
        json.beginArray()
        for number in numbers { json.value(number) }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

/// The answer: numbers of the child that are recorded by now, and whether it has no more to do.
package struct NumbersVerdict: Hashable, Sendable {
    package var received: Int
    package var isDone: Bool

    package init(received: Int, isDone: Bool) {
        self.received = received
        self.isDone = isDone
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        received = try fields.required("received", fields.int("received", in: 0...Int.max))
        isDone = try fields.bool("done") ?? false
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("received", received)
        json.field("done", isDone)
        json.endObject()
        return json.bytes
    }
}

/// A child as the coordinator tells of it.
package struct ChildStatus: Hashable, Sendable {
    package var id: ChildID
    package var name: String
    /// Nil in the answer to a request for children, which gives ids and names only; then all below is empty too.
    package var state: ChildState?
    /// How many it shall bring; nil for a foreign child, which brings what it brings.
    package var numbers: Int?
    package var received = 0
    package var rejected = 0
    package var attempts = 0
    /// Seconds since 1970.
    package var created = 0.0
    /// Why it died last; empty when it never did.
    package var reason = ""

    package static func name(of id: ChildID) -> String { "child-\(id)" }

    package init(_ value: JSONValue) throws(Problem) {
        var fields = try JSONFields(value, path: "children.")
        id = ChildID(Int64(try fields.required("id", fields.int("id", in: 1...Int.max))))
        name = try fields.string("name") ?? Self.name(of: id)
        state = try fields.string("state").flatMap { ChildState(rawValue: $0) }
        numbers = try fields.int("numbers", in: 0...Int.max)
        received = try fields.int("received", in: 0...Int.max) ?? 0
        rejected = try fields.int("rejected", in: 0...Int.max) ?? 0
        attempts = try fields.int("attempts", in: 0...Int.max) ?? 0
        created = try fields.double("created", in: 0...1e12) ?? 0
        reason = try fields.string("reason", bytesMax: 64 << 10) ?? ""
    }

    /// From `{"children": […]}`.
    package static func list(of body: [UInt8]) throws(Problem) -> [ChildStatus] {
        var fields = try JSONFields(body: body)
        var list: [ChildStatus] = []
        for value in try fields.array("children") ?? [] { list.append(try ChildStatus(value)) }
        return list
    }

    package static func write(_ record: ChildRecord, to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", record.id.rawValue)
        json.field("name", name(of: record.id))
        json.field("state", record.state.rawValue)
        if !record.isForeign { json.field("numbers", record.wanted) }
        json.field("received", record.received)
        json.field("rejected", record.rejected)
        json.field("attempts", record.attempt)
        json.field("created", Double(record.createdMs) / 1_000)
        if let ended = record.endedMs { json.field("ended", Double(ended) / 1_000) }
        if !record.reason.isEmpty { json.field("reason", record.reason) }
        json.endObject()
    }
}

/// `GET /progress`.
package struct NumbersProgress: Hashable, Sendable {
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
    package var percentage: Double { 100 * Double(unique) / Double(range) }
    package var duplicates: Int { received - unique }
    package var childrenLeft: Int { childrenWaiting + childrenLive }

    package init(unique: Int, received: Int, rejected: Int, range: Int, children: Children) {
        (self.unique, self.received, self.rejected, self.range) = (unique, received, rejected, range)
        (childrenWaiting, childrenLive) = (children.waitingCount, children.liveCount)
        (childrenDone, childrenDied) = (children.counters.done, children.counters.died)
        (childrenFailed, childrenCancelled) = (children.counters.failed, children.counters.cancelled)
    }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        unique = try fields.required("uniqueNumbers", fields.int("uniqueNumbers", in: 0...Int.max))
        range = try fields.required("range", fields.int("range", in: 1...Int.max))
        received = try fields.int("received", in: 0...Int.max) ?? 0
        rejected = try fields.int("rejected", in: 0...Int.max) ?? 0
        let children = try fields.required("children", fields.value("children"))
        var counts = try JSONFields(children, path: "children.")
        childrenWaiting = try counts.int("waiting", in: 0...Int.max) ?? 0
        childrenLive = try counts.int("live", in: 0...Int.max) ?? 0
        childrenDone = try counts.int("done", in: 0...Int.max) ?? 0
        childrenDied = try counts.int("died", in: 0...Int.max) ?? 0
        childrenFailed = try counts.int("failed", in: 0...Int.max) ?? 0
        childrenCancelled = try counts.int("cancelled", in: 0...Int.max) ?? 0
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("uniqueNumbers", unique)
        json.field("percentage", percentage)
        json.field("received", received)
        json.field("duplicates", duplicates)
        json.field("range", range)
        json.field("rejected", rejected)
        json.key("children")
        json.beginObject()
        json.field("waiting", childrenWaiting)
        json.field("live", childrenLive)
        json.field("done", childrenDone)
        json.field("died", childrenDied)
        json.field("failed", childrenFailed)
        json.field("cancelled", childrenCancelled)
        json.endObject()
        json.endObject()
        return json.bytes
    }
}

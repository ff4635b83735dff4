/// The name of an image: a whole number from 0 to 2^63 - 1.
package struct ImageID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    /// 0 or more.
    package init(_ rawValue: Int64) {
        precondition(rawValue >= 0, "\(rawValue) is no image's id")
        self.rawValue = rawValue
    }

    /// From a segment of a path, unescaped: decimal digits, no sign, no leading zeros. Throws a `Problem` (422) with the
    /// offending text for anything else.
    package init(text: String) throws(Problem) {
        let digits = text.utf8
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30 || digits.count == 1,
            let number = Int64(text)
        else {
            throw Problem(
                422, "\"\(text.prefix(80))\" is no image's id; ids are whole numbers from 0 to \(Int64.max).",
                code: "id")
        }
        rawValue = number
    }

    package var description: String { String(rawValue) }
    package static func < (a: ImageID, b: ImageID) -> Bool { a.rawValue < b.rawValue }
}

/// An image as its origin tells of it: the answer to `PUT`, and a line of `GET /images`.
package struct ImageStatus: Hashable, Sendable {
    package var id: ImageID
    /// Bytes.
    package var size: UInt64
    /// Of the change that brought these bytes; grows over the whole origin.
    package var version: UInt64
    /// With its quotes.
    package var etag: String
    package var type: String
    /// Why it cannot be served; nil: it can.
    package var damage: String?

    package init(id: ImageID, size: UInt64, version: UInt64, etag: String, type: String, damage: String? = nil) {
        (self.id, self.size, self.version, self.etag, self.type) = (id, size, version, etag, type)
        self.damage = damage
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", id.rawValue)
        json.field("size", size)
        json.field("version", version)
        json.field("etag", etag)
        json.field("type", type)
        if let damage { json.field("damage", damage) }
        json.endObject()
    }
}

/// One change of an origin: an item of `GET /v1/changes`, and the data of an event named `change`.
package struct ImageChange: Hashable, Sendable {
    package var id: ImageID
    package var version: UInt64
    /// With its quotes; nil: the image was deleted.
    package var etag: String?

    package init(id: ImageID, version: UInt64, etag: String?) {
        (self.id, self.version, self.etag) = (id, version, etag)
    }

    package var isDeletion: Bool { etag == nil }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("id", id.rawValue)
        json.field("version", version)
        json.key("etag")
        if let etag { json.value(etag) } else { json.null() }
        json.field("deleted", isDeletion)
        json.endObject()
    }

    /// Throws a `Problem` for what is no change.
    package init(fields: JSONFields) throws(Problem) {
        var fields = fields
        id = ImageID(Int64(try fields.required("id", fields.int("id", in: 0...Int.max))))
        version = UInt64(try fields.required("version", fields.int("version", in: 1...Int.max)))
        etag = try fields.string("etag")
        fields.allowNull("etag")
        _ = try fields.bool("deleted")
        try fields.finish()
    }
}

/// `GET /v1/changes`: what became of images since a version, oldest first, each image once, with its latest change.
package struct ImageChanges: Hashable, Sendable {
    /// Tells this origin's versions from those of any other, an emptied one included.
    package var origin: String
    /// The latest change of all.
    package var version: UInt64
    /// The origin does not know all that happened since then, or never was there: whoever holds copies must check or drop
    /// each, and goes on from `version`. No changes are listed then.
    package var isReset: Bool
    package var changes: [ImageChange]
    /// Ask again since this version for the rest; nil: this is all.
    package var next: UInt64?

    package init(origin: String, version: UInt64, isReset: Bool, changes: [ImageChange], next: UInt64?) {
        (self.origin, self.version, self.isReset) = (origin, version, isReset)
        (self.changes, self.next) = (changes, next)
    }

    package var body: [UInt8] {
        var json = JSONWriter(reserving: 128 + changes.count * 120)
        json.beginObject()
        json.field("origin", origin)
        json.field("version", version)
        json.field("reset", isReset)
        json.key("changes")
        json.beginArray()
        for change in changes { change.write(to: &json) }
        json.endArray()
        json.key("next")
        if let next { json.value(next) } else { json.null() }
        json.endObject()
        return json.bytes
    }

    /// Throws a `Problem` for what is no such answer.
    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        origin = try fields.string("origin") ?? ""
        version = UInt64(try fields.required("version", fields.int("version", in: 0...Int.max)))
        isReset = try fields.bool("reset") ?? false
        changes = []
        for item in try fields.array("changes") ?? [] {
            changes.append(try ImageChange(fields: JSONFields(item, path: "changes.")))
        }
        next = try fields.int("next", in: 0...Int.max).map { UInt64($0) }
    }
}

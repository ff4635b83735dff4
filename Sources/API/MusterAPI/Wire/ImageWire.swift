package import MusterWire

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
package struct ImageStatus: Hashable, WireType {
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

    package static let blank = ImageStatus(id: ImageID(0), size: 0, version: 0, etag: "", type: "")
    package static let schemaName = "Image"
    package static let fields: [WireField<ImageStatus>] = [
        .always("id", \.id, .image),
        .always("size", \.size, .integer, "Bytes."),
        .must("version", \.version, .integer(1...Int.max), "Of the change that brought these bytes."),
        .must("etag", \.etag, .prose, "With its quotes."),
        .always("type", \.type, .prose),
        .may("damage", \.damage, .prose, "Why it cannot be served."),
    ]
}

/// `GET /images`: some of an origin's images, by their ids.
package struct ImagePage: Hashable, WireType {
    /// Of all images.
    package var count: Int
    package var images: [ImageStatus]
    /// Ask for those after this one; nil: there are no more.
    package var next: ImageID?

    package init(count: Int, images: [ImageStatus], next: ImageID?) {
        (self.count, self.images, self.next) = (count, images, next)
    }

    package var bytesExpected: Int { 128 + images.count * 160 }
    package static let blank = ImagePage(count: 0, images: [], next: nil)
    package static let schemaName = "Images"
    package static let fields: [WireField<ImagePage>] = [
        .always("count", \.count, .integer, "Of all images."),
        .always("images", \.images, .objects()),
        .always("next", \.next, .image, "Ask for those after this id; null: there are no more."),
    ]
}

/// One change of an origin: an item of `GET /v1/changes`, and the data of an event named `change`.
package struct ImageChange: Hashable, WireType {
    package var id: ImageID
    package var version: UInt64
    /// With its quotes; nil: the image was deleted.
    package var etag: String?

    package init(id: ImageID, version: UInt64, etag: String?) {
        (self.id, self.version, self.etag) = (id, version, etag)
    }

    package var isDeletion: Bool { etag == nil }

    package static let blank = ImageChange(id: ImageID(0), version: 0, etag: nil)
    package static let schemaName = "ImageChange"
    package static let fields: [WireField<ImageChange>] = [
        .must("id", \.id, .image),
        .must("version", \.version, .integer(1...Int.max)),
        .always("etag", \.etag, .prose),
        .told("deleted", \.isDeletion, .boolean),
    ]

    package init(fields: JSONFields) throws(Problem) { try self.init(consuming: fields) }
}

/// `GET /images/{id}/size`.
package struct ImageSize: Hashable, WireType {
    package var id: ImageID
    /// Bytes.
    package var size: UInt64

    package init(id: ImageID, size: UInt64) { (self.id, self.size) = (id, size) }

    package static let blank = ImageSize(id: ImageID(0), size: 0)
    package static let schemaName = "ImageSize"
    package static let fields: [WireField<ImageSize>] = [
        .always("id", \.id, .image), .must("size", \.size, .integer, "Bytes."),
    ]
}

extension WireKind where Value == ImageID {
    static var image: WireKind {
        WireKind<Int64>.integer.as(from: { number, _ in ImageID(number) }, to: \.rawValue)
    }
}

/// `GET /v1/changes`: what became of images since a version, oldest first, each image once, with its latest change.
package struct ImageChanges: Hashable, WireType {
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

    package var bytesExpected: Int { 128 + changes.count * 120 }
    package static let blank = ImageChanges(origin: "", version: 0, isReset: false, changes: [], next: nil)
    package static let schemaName = "ImageChanges"
    package static let fields: [WireField<ImageChanges>] = [
        .always("origin", \.origin, .prose, "Tells this origin's versions from any other's."),
        .must("version", \.version, .integer, "The latest change of all."),
        .always("reset", \.isReset, .boolean, "What happened since is not known: check every copy."),
        .always("changes", \.changes, .objects()),
        .always("next", \.next, .integer, "Ask since this version for the rest."),
    ]
}

internal import MusterJSON
package import MusterWire

/// A file as its origin tells of it: the answer to `PUT /files/{sha256}`.
package struct FileStatus: Hashable, WireType {
    package var digest: FileDigest
    /// Bytes.
    package var size: UInt64
    /// So long it is kept at least, and longer where somebody asks for it.
    package var keptSeconds: Int

    package init(digest: FileDigest, size: UInt64, keptSeconds: Int) {
        (self.digest, self.size, self.keptSeconds) = (digest, size, keptSeconds)
    }

    package static let blank = FileStatus(digest: .none, size: 0, keptSeconds: 0)
    package static let schemaName = "File"
    package static let fields: [WireField<FileStatus>] = [
        .must("sha256", \.digest, FileDigest.wire),
        .must("size", \.size, .integer, "Bytes."),
        .always("keptSeconds", \.keptSeconds, .integer, "It is kept for so long at least."),
    ]
}

/// Some files by their names: the body of `POST /files/missing` and `POST /files/batch`.
package struct FileNames: Hashable, WireRequest {
    /// In one request.
    package static let countMax = 10_000

    package var files: [FileDigest]

    package init(_ files: [FileDigest]) { self.files = files }

    package var bytesExpected: Int { 32 + files.count * (FileDigest.digitCount + 3) }
    package static let blank = FileNames([])
    package static let fields: [WireField<FileNames>] = [
        .must("files", \.files, FileDigest.wireList, "Their SHA-256 digests.")
    ]
}

/// The answer to `POST /files/missing`.
package struct MissingFiles: Hashable, WireType {
    /// Those of the files asked for that are not here, each once.
    package var missing: [FileDigest]

    package init(_ missing: [FileDigest]) { self.missing = missing }

    package var bytesExpected: Int { 32 + missing.count * (FileDigest.digitCount + 3) }
    package static let blank = MissingFiles([])
    package static let schemaName = "MissingFiles"
    package static let fields: [WireField<MissingFiles>] = [
        .must("missing", \.missing, FileDigest.wireList, "Those that are not here, each once.")
    ]
}

/// `POST /files/keep`: keep these for so long from now on, or longer if somebody else asks for more.
package struct KeepFiles: Hashable, WireRequest {
    /// Without a number, and what a file has that came just now.
    package static let secondsDefault = 3_600
    /// 30 days.
    package static let secondsMax = 2_592_000

    package var files: [FileDigest]
    package var seconds: Int

    package init(_ files: [FileDigest], seconds: Int = secondsDefault) { (self.files, self.seconds) = (files, seconds) }

    package var bytesExpected: Int { 64 + files.count * (FileDigest.digitCount + 3) }
    package static let blank = KeepFiles([])
    package static let fields: [WireField<KeepFiles>] = [
        .must("files", \.files, FileDigest.wireList, "Their SHA-256 digests."),
        .may("seconds", \.seconds, .integer(1...secondsMax), "1 to 2592000 (30 days), default 3600; never shortens."),
    ]
}

/// The answer.
package struct KeptFiles: Hashable, WireType {
    package var kept: Int
    package var missing: [FileDigest]

    package init(kept: Int, missing: [FileDigest]) { (self.kept, self.missing) = (kept, missing) }

    package var bytesExpected: Int { 64 + missing.count * (FileDigest.digitCount + 3) }
    package static let blank = KeptFiles(kept: 0, missing: [])
    package static let schemaName = "KeptFiles"
    package static let fields: [WireField<KeptFiles>] = [
        .must("kept", \.kept, .integer, "So many files are here, and are kept for so long."),
        .must("missing", \.missing, FileDigest.wireList, "Those that are not here, each once."),
    ]
}

/// The answer to `POST /files`.
package struct StoredFiles: Hashable, WireType {
    package var stored: Int
    package var known: Int

    package init(stored: Int, known: Int) { (self.stored, self.known) = (stored, known) }

    package static let blank = StoredFiles(stored: 0, known: 0)
    package static let schemaName = "StoredFiles"
    package static let fields: [WireField<StoredFiles>] = [
        .must("stored", \.stored, .integer, "So many files are new."),
        .must("known", \.known, .integer, "So many were here already."),
    ]
}

extension FileDigest {
    /// What is read over.
    static let none = FileDigest(bytes: [UInt8](repeating: 0, count: byteCount))
}

extension Schema {
    /// A file's name.
    package static let digest = Schema.text(64...64, pattern: "^[0-9a-f]{64}$")
}

private let wanted = "a SHA-256 as 64 hexadecimal digits in lower case"

extension FileDigest {
    static let wire = WireKind<FileDigest>(.digest) { fields, name throws(Problem) in
        guard let value = fields.value(name) else { return nil }
        guard let digest = value.string.flatMap({ FileDigest(hex: $0) }) else {
            throw fields.wrong(name, value, wanted)
        }
        return digest
    } write: {
        $1.value($0.description)
    }

    static let wireList = WireKind<[FileDigest]>.values(.digest, wanted, countMax: FileNames.countMax) {
        $0.string.flatMap { FileDigest(hex: $0) }
    } write: {
        $1.value($0.description)
    }
}

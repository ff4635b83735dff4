package import MusterWire

/// Many small files in one body: each is a line, `SHA256 SIZE`, and behind its end so many bytes; nothing stands between them. In
/// answers a line without bytes may stand for a file: `SHA256 -`, it is not here, or `SHA256 >`, it is too large for this.
///
/// Why not tar: its names would be of no use, its numbers have several spellings and its headers several dialects, and 10 KB of
/// a file would be 10.5. This has one spelling, a length before whatever has a length, and is made and read by a line of shell.
package enum FileSet {
    package static let contentType = "application/vnd.muster.files"
    /// Bytes of one file in a set.
    package static let fileBytesMax = 1 << 20
    /// Bytes of a set's files.
    package static let bytesMax = 64 << 20
    /// Bytes of a whole body: with the lines, which have at most 73 bytes.
    package static let bodyBytesMax = bytesMax + FileNames.countMax * 73

    /// What stands before a file.
    package static func line(_ digest: FileDigest, size: Int) -> [UInt8] {
        digest.hex + Array(" \(size)\n".utf8)
    }

    package static func line(missing digest: FileDigest) -> [UInt8] { digest.hex + Array(" -\n".utf8) }

    package static func line(tooLarge digest: FileDigest) -> [UInt8] { digest.hex + Array(" >\n".utf8) }

    /// What a set holds.
    package enum Item: Hashable, Sendable {
        case file(FileDigest, [UInt8])
        /// In answers.
        case missing(FileDigest)
        /// In answers: it is to be had by itself.
        case tooLarge(FileDigest)
    }
}

/// Reads a set as it comes, whatever the pieces.
///
/// Nothing is held but the file that is coming in. The bytes are not looked at: whoever takes a file holds it against its name.
package struct FileSetReader: Sendable {
    private enum Part {
        case line
        case bytes(FileDigest, count: Int)
    }

    /// Whether lines without bytes may stand there.
    private let isAnswer: Bool
    private var part = Part.line
    private var held: [UInt8] = []
    /// Files and lines that were read.
    private var count = 0
    private var bytes = 0

    /// `SHA256`, a blank, at most 7 digits, the end of the line.
    private static let lineBytesMax = FileDigest.digitCount + 9

    package init(isAnswer: Bool = false) { self.isAnswer = isAnswer }

    /// What is whole with this piece, in order. Throws a `Problem` (422), after which it is of no more use.
    package mutating func read(_ piece: [UInt8]) throws(Problem) -> [FileSet.Item] {
        var items: [FileSet.Item] = []
        var rest = piece[...]
        while !rest.isEmpty {
            switch part {
            case .line:
                if let item = try readLine(&rest) { items.append(item) }
            case .bytes(let digest, let count):
                let taken = rest.prefix(count - held.count)
                held += taken
                rest = rest.dropFirst(taken.count)
                if held.count < count { continue }
                items.append(.file(digest, held))
                (part, held) = (.line, [])
            }
        }
        return items
    }

    private mutating func readLine(_ rest: inout ArraySlice<UInt8>) throws(Problem) -> FileSet.Item? {
        let taken = rest.prefix(Self.lineBytesMax - held.count)
        guard let end = taken.firstIndex(of: UInt8(ascii: "\n")) else {
            held += taken
            rest = rest.dropFirst(taken.count)
            if held.count >= Self.lineBytesMax { throw wrong("a line of more than \(Self.lineBytesMax) bytes") }
            return nil
        }
        held += taken[..<end]
        rest = rest[rest.index(after: end)...]
        defer { held = [] }
        return try take(line: held)
    }

    private mutating func take(line: [UInt8]) throws(Problem) -> FileSet.Item? {
        let digits = line.prefix(FileDigest.digitCount)
        let size = line.dropFirst(FileDigest.digitCount + 1)
        guard line.count > FileDigest.digitCount + 1, line[FileDigest.digitCount] == UInt8(ascii: " "),
            let digest = FileDigest(hex: digits)
        else { throw wrong("\"\(String(decoding: line.prefix(80), as: UTF8.self))\", which is not \"SHA256 SIZE\"") }
        count += 1
        guard count <= FileNames.countMax else { throw wrong("more than \(FileNames.countMax) files") }
        if isAnswer, size.elementsEqual("-".utf8) { return .missing(digest) }
        if isAnswer, size.elementsEqual(">".utf8) { return .tooLarge(digest) }
        guard size.allSatisfy({ (0x30...0x39).contains($0) }), size.first != UInt8(ascii: "0") || size.count == 1,
            let number = Int(String(decoding: size, as: UTF8.self)), number <= FileSet.fileBytesMax
        else {
            throw wrong(
                "the size \"\(String(decoding: size, as: UTF8.self))\", which is no number from 0 to"
                    + " \(FileSet.fileBytesMax): larger files are sent one by one")
        }
        bytes += number
        guard isAnswer || bytes <= FileSet.bytesMax else { throw wrong("more than \(FileSet.bytesMax) bytes") }
        if number == 0 { return .file(digest, []) }
        part = .bytes(digest, count: number)
        return nil
    }

    /// The body is over. Throws a `Problem` (422) where something is missing.
    package func finish() throws(Problem) {
        switch part {
        case .line where held.isEmpty: return
        case .line: throw wrong("half a line at its end")
        case .bytes(let digest, let count):
            throw wrong("\(held.count) of the \(count) bytes of \(digest) at its end")
        }
    }

    private func wrong(_ what: String) -> Problem {
        Problem(422, "The set of files holds, behind \(count) files, \(what).", code: "file-set")
    }
}

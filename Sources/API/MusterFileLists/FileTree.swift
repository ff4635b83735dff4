package import MusterAPI
package import MusterWire
package import TaskFiles

/// A folder with all that is in it, as a list that is a file itself and goes by its SHA-256.
///
/// `muster-files 1`, the end of the line, then entries in the order of their paths, each ended by a NUL byte: `d PATH` a folder,
/// `f SIZE SHA256 PATH` a file, `x SIZE SHA256 PATH` one that may be run, `l PATH` a symbolic link, with where it leads in a
/// piece of its own behind it. So one folder has one list. Of modes there is no more: who may read is for whoever unpacks it to say.
package struct FileTree: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case folder
        case file(FileDigest, size: UInt64, isProgram: Bool)
        /// It stays inside the folder: `InnerLink`.
        case link(to: [UInt8])
    }

    package struct Entry: Hashable, Sendable {
        package var path: InnerPath
        package var content: Content

        package init(_ path: InnerPath, _ content: Content) { (self.path, self.content) = (path, content) }
    }

    /// Entries of one folder, and bytes of its list.
    package static let entriesMax = 100_000
    package static let bytesMax = 32 << 20

    /// In the order of their paths; each lies in the folder itself or in one that stands before it.
    package let entries: [Entry]

    /// In any order. Throws a `Problem` (422) where they make no tree.
    package init(_ entries: [Entry]) throws(Problem) {
        self.entries = entries.sorted { $0.path < $1.path }
        try check()
    }

    private static let head = Array("muster-files 1\n".utf8)

    package var bytes: [UInt8] {
        var out = Self.head
        for entry in entries {
            switch entry.content {
            case .folder: out += Array("d ".utf8) + entry.path.bytes
            case .file(let digest, let size, let isProgram):
                out += Array("\(isProgram ? "x" : "f") \(size) ".utf8) + digest.hex + [UInt8(ascii: " ")]
                out += entry.path.bytes
            case .link(let target): out += Array("l ".utf8) + entry.path.bytes + [0] + target
            }
            out.append(0)
        }
        return out
    }

    /// Throws a `Problem` (422) for what is no such list in this one spelling.
    package init(reading bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.bytesMax else { throw Self.wrong("\(bytes.count) bytes; at most \(Self.bytesMax)") }
        guard bytes.starts(with: Self.head) else { throw Self.wrong("another beginning than \"muster-files 1\"") }
        var rest = bytes[Self.head.count...]
        var entries: [Entry] = []
        func piece() throws(Problem) -> ArraySlice<UInt8> {
            guard let end = rest.firstIndex(of: 0) else { throw Self.wrong("an entry without an end") }
            defer { rest = rest[(end + 1)...] }
            return rest[..<end]
        }
        while !rest.isEmpty {
            let text = try piece()
            guard entries.count < Self.entriesMax else { throw Self.wrong("more than \(Self.entriesMax) entries") }
            let fields = text.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
            switch (fields.first.map { String(decoding: $0, as: UTF8.self) }, fields.count) {
            case ("d"?, 2...): entries.append(Entry(try Self.path(text.dropFirst(2)), .folder))
            case ("l"?, 2...): entries.append(Entry(try Self.path(text.dropFirst(2)), .link(to: Array(try piece()))))
            case ("f"?, 4), ("x"?, 4):
                guard let size = Self.size(fields[1]), let digest = FileDigest(hex: fields[2]) else {
                    throw Self.wrong("\"\(shownPath(text))\", which has no size or no SHA-256")
                }
                let isProgram = fields[0].first == UInt8(ascii: "x")
                entries.append(Entry(try Self.path(fields[3]), .file(digest, size: size, isProgram: isProgram)))
            default: throw Self.wrong("\"\(shownPath(text))\", which is no entry")
            }
        }
        self.entries = entries
        try check()
    }

    private static func path(_ text: ArraySlice<UInt8>) throws(Problem) -> InnerPath {
        guard let path = try? InnerPath(text), path.bytes.elementsEqual(text), !path.isRoot else {
            throw wrong("\"\(shownPath(text))\", which is no path inside it")
        }
        return path
    }

    private static func size(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard text.count <= 15, text.first != UInt8(ascii: "0") || text.count == 1,
            text.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return UInt64(String(decoding: text, as: UTF8.self))
    }

    private func check() throws(Problem) {
        guard entries.count <= Self.entriesMax else {
            throw Self.wrong("\(entries.count) entries; at most \(Self.entriesMax)")
        }
        var folders: Set<InnerPath> = [.root]
        var last: InnerPath?
        for entry in entries {
            let path = entry.path
            if let last, path <= last { throw Self.wrong("\(path) twice, or not in order") }
            last = path
            guard !path.isRoot, folders.contains(path.folder) else {
                throw Self.wrong("\(path), whose folder it does not have")
            }
            switch entry.content {
            case .folder: folders.insert(path)
            case .link(let target):
                guard InnerLink.staysInside(target, at: path) else {
                    throw Self.wrong("the link \(path), which leads out of it, to \(shownPath(target))")
                }
            case .file: break
            }
        }
    }

    private static func wrong(_ what: String) -> Problem {
        Problem(422, "The list of a folder has \(what).", code: "files")
    }
}

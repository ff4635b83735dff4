internal import MusterAPI
internal import MusterFileLists
internal import MusterJSON
internal import TaskFiles

extension FuzzTarget {
    static let fileLists = [
        FuzzTarget("file-tree", readTree),
        FuzzTarget("task-input", readInput),
        FuzzTarget("inner-path", readPath),
    ]

    /// A list has one spelling, and nothing in it lies or leads outside.
    private static func readTree(_ bytes: [UInt8]) throws {
        guard let tree = try? FileTree(reading: bytes) else { return }
        try promise(tree.bytes == bytes, "a list has two spellings")
        for entry in tree.entries {
            try promise(
                !entry.path.isRoot && (try? InnerPath(entry.path.bytes)) == entry.path, "\(entry.path) is no path")
            if case .link(let target) = entry.content {
                try promise(InnerLink.staysInside(target, at: entry.path), "\(entry.path) leads out")
            }
        }
        try promise((try? FileTree(tree.entries.reversed())) == tree, "another order made another list")
    }

    private static func readInput(_ bytes: [UInt8]) throws {
        guard let json = try? JSONValue(parsing: bytes), let input = try? TaskInput(json) else { return }
        try promise((try? TaskInput(JSONValue(parsing: input.bytes))) == input, "an input changed as it was written")
        for item in input.files {
            try promise(!item.path.parts.contains { $0.elementsEqual("..".utf8) }, "\(item.path) leads out")
        }
    }

    /// A path in one spelling; a file that is given goes by such a one.
    private static func readPath(_ bytes: [UInt8]) throws {
        if let given = try? GivenPath(bytes) { try promise(given.place == bytes, "it is opened elsewhere") }
        guard let path = try? InnerPath(bytes) else { return }
        try promise((try? InnerPath(path.bytes)) == path, "\(path) does not read back")
        try promise(path.bytes.count <= InnerPath.bytesMax && path.parts.count <= InnerPath.partsMax, "it is too long")
        let joined = Array(path.parts.joined(separator: [0x2F]))
        try promise(joined == path.bytes, "parts are not all of \(path)")
        if !path.isRoot { try promise((try? path.folder.appending(InnerPath(path.name))) == path, "\(path) in parts") }
        for folder in path.folders { try promise(folder < path, "\(folder) does not stand before \(path)") }
    }
}

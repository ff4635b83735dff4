internal import Glibc
package import MusterCommandLine

/// The folder of `--results`: for each task a folder of its number with `stdout`, `stderr` and `exitcode`, which is written last.
/// A folder belongs to one command; nothing in it is ever written over.
package struct ResultsFolder: Sendable {
    /// Says whose it is.
    private static let marker = "command"

    package let path: String
    /// Whether this run made the marker, and the folder itself.
    private let madeMarker: Bool
    private let madeFolder: Bool
    /// The largest number of a task that is there.
    package let lastNumber: Int

    /// Takes the folder for this command. `goesOn`: one that has results of it already is right, too. Throws a `CommandError` for a
    /// folder that holds something else.
    package init(_ path: String, command: [UInt8], goesOn: Bool) throws(CommandError) {
        self.path = path
        madeFolder = mkdir(path, 0o777) == 0
        guard madeFolder || errno == EEXIST else {
            throw .system(.cannotCreate, "cannot make the folder \(path)", errno: errno)
        }
        let names = try Self.names(in: path)
        lastNumber = names.compactMap { Int($0) }.max() ?? 0
        let there = Self.read(path + "/" + Self.marker, bytesMax: command.count + 2)
        madeMarker = there == nil && names.isEmpty
        if madeMarker {
            try Self.write(command + [0x0A], to: path + "/" + Self.marker)
        } else if there == nil {
            throw CommandError(
                .cannotCreate, "--results: \(path) holds files that are no results; give a folder of its own")
        } else if there != command + [0x0A] {
            throw CommandError(
                .cannotCreate,
                "--results: \(path) holds results of another command, which \(path)/\(Self.marker) names; give another folder"
            )
        }
        if !madeMarker, !goesOn {
            throw CommandError(
                .cannotCreate,
                "--results: \(path) holds results of this command; give another folder, or --joblog with --resume to go on"
            )
        }
    }

    /// Takes back what this run made: there was no job.
    package func abandon() {
        if madeMarker { unlink(path + "/" + Self.marker) }
        if madeFolder { rmdir(path) }
    }

    /// Throws a `CommandError` where a task of this number has left something before.
    package func write(_ end: TaskEnd, number: Int) throws(CommandError) {
        let folder = "\(path)/\(number)"
        guard mkdir(folder, 0o777) == 0 else {
            throw .system(.cannotCreate, "cannot make the folder \(folder)", errno: errno)
        }
        try Self.write(end.stdout, to: folder + "/stdout")
        try Self.write(end.stderr, to: folder + "/stderr")
        try Self.write(Array("\(end.code)\n".utf8), to: folder + "/exitcode")
    }

    private static func names(in path: String) throws(CommandError) -> [String] {
        guard let folder = opendir(path) else { throw .system(.noInput, "cannot read \(path)", errno: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The beginning of a file; nil where there is none.
    private static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = Glibc.read(file, &bytes, bytesMax)
        return Array(bytes[..<max(0, count)])
    }

    /// A new file.
    private static func write(_ bytes: [UInt8], to path: String) throws(CommandError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw .system(.cannotCreate, "cannot make \(path)", errno: errno) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(.inputOutput, "cannot write \(path)", errno: errno) }
            rest = rest.dropFirst(count)
        }
    }
}

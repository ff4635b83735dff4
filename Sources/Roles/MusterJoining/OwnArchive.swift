internal import Glibc
internal import MusterCrypto
internal import MusterKernels
package import MusterRole
internal import MusterSystem

/// This program and every library it has loaded, loader and C library included, as an archive that runs on any Linux with
/// this processor, whatever C library that has. `muster-native/muster` starts it. The licences of all that are in it.
package enum OwnArchive {
    static let root = "muster-native"
    private static let pieceBytes = 1 << 20

    /// Written to `path`. Blocks for some seconds. Answers its length and checksum. Throws `NodeError`.
    package static func write(to path: String, version: String) throws(NodeError) -> (size: UInt64, checksum: [UInt8]) {
        let libraries = LoadedLibraries.paths
        guard let loader = libraries.first(where: { name(of: $0).hasPrefix("ld-") }) else {
            throw NodeError(.setup, "this program has no loader: it cannot be handed to others")
        }
        let sink = try ArchiveSink(path)
        try sink.add("\(root)/muster", Array(launcher(loader: name(of: loader)).utf8), mode: 0o755)
        try sink.add("\(root)/libexec/muster", file: "/proc/self/exe", mode: 0o755)
        for library in libraries { try sink.add("\(root)/lib/\(name(of: library))", file: library, mode: 0o755) }
        for file in try Notices(ofFiles: libraries, version: version).files(createdAt: Notices.builtAt) {
            try sink.add("\(root)/\(file.name)", file.bytes, mode: 0o644)
        }
        return try sink.finish()
    }

    private static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

    /// The loader is given the libraries' place, and does not look at what the machine knows of its own.
    static func launcher(loader: String) -> String {
        """
        #!/bin/sh
        # Starts Muster with the libraries beside it, the C library and its loader too.
        root=$(cd "$(dirname "$0")" && pwd -P) || exit 71
        exec "$root/lib/\(loader)" --inhibit-cache --library-path "$root/lib" "$root/libexec/muster" "$@"

        """
    }
}

/// Takes files, writes a compressed archive of them.
private final class ArchiveSink {
    private let output: FileSink
    private let gzip = GzipStream(level: 6)

    init(_ path: String) throws(NodeError) { output = try FileSink(path) }

    func add(_ name: String, _ bytes: [UInt8], mode: Int) throws(NodeError) {
        try write(TarFile.header(name: name, size: bytes.count, mode: mode))
        try write(bytes)
        try write(TarFile.padding(after: bytes.count))
    }

    func add(_ name: String, file path: String, mode: Int) throws(NodeError) {
        guard let bytes = try readWhole(path, bytesMax: 1 << 30) else {
            throw NodeError(.files, "\(path) is no longer there: start the coordinator again")
        }
        try add(name, bytes, mode: mode)
    }

    func finish() throws(NodeError) -> (size: UInt64, checksum: [UInt8]) {
        try write(TarFile.end)
        try output.write(gzip.finish())
        return try output.finish()
    }

    private func write(_ bytes: [UInt8]) throws(NodeError) {
        if !bytes.isEmpty { try output.write(gzip.append(bytes)) }
    }
}

/// A file that is written beside its name, hashed meanwhile, and gets the name when it is whole.
final class FileSink {
    private let path: String
    private let beside: String
    private let file: Int32
    private var digest: SHA256? = SHA256()
    private var size: UInt64 = 0

    init(_ path: String) throws(NodeError) {
        self.path = path
        beside = path + ".part"
        file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw NodeError(.files, "cannot write \(beside): \(String(cString: strerror(errno)))") }
    }

    deinit {
        if file >= 0 { close(file) }
        unlink(beside)
    }

    /// Blocks.
    func write(_ bytes: [UInt8]) throws(NodeError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw NodeError(.files, "cannot write \(beside): \(String(cString: strerror(errno)))")
            }
            written += count
        }
        digest?.update(bytes)
        size += UInt64(bytes.count)
    }

    func finish() throws(NodeError) -> (size: UInt64, checksum: [UInt8]) {
        guard rename(beside, path) == 0 else {
            throw NodeError(.files, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return (size, digest.take()!.finish())
    }
}

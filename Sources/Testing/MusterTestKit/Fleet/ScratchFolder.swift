internal import FoundationEssentials
internal import Glibc

/// A new empty folder for one test.
package struct ScratchFolder: Sendable {
    package let path: String

    /// Throws `FleetError` when there is no room for it in `/tmp`.
    package init() throws {
        // Whatever TMPDIR says: names of sockets in it have 107 bytes at most.
        var template = Array("/tmp/muster-fleet-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            mkdtemp(buffer.baseAddress!).map { String(cString: $0) }
        }
        guard let made else { throw FleetError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))") }
        path = made
    }

    package func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Throws when there is no such file.
    package func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path + "/" + name)))
    }

    /// Throws when it cannot be written.
    package func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(filePath: path + "/" + name))
    }

    /// The names in a folder of it, sorted; none when it is not there.
    package func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).sorted()
    }
}

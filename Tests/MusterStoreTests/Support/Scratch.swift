import FoundationEssentials
import Glibc

/// A folder of one test, removed when the test ends.
struct Scratch: Sendable {
    let folder: String

    init() {
        var template = Array("/tmp/muster-store-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        self.folder = folder
        Cleanup.add { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// The folder of another process's test, which that one removes.
    init(adopting folder: String) { self.folder = folder }

    func file(_ name: String) -> String { folder + "/" + name }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: file(name))))
    }

    /// Replaces a file, or with `inPlace` its bytes only, which whoever has it open then sees.
    func write(_ bytes: [UInt8], to name: String, inPlace: Bool = false) throws {
        if inPlace {
            let file = open(file(name), O_WRONLY)
            defer { close(file) }
            guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw POSIXError(.EIO) }
        } else {
            try Data(bytes).write(to: URL(filePath: file(name)), options: .atomic)
        }
    }

    /// Permission bits of a file, nil when there is none.
    func mode(_ name: String) -> mode_t? {
        var status = stat()
        return stat(file(name), &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    func size(_ name: String) -> Int {
        var status = stat()
        return stat(file(name), &status) == 0 ? Int(status.st_size) : 0
    }
}

internal import Glibc
internal import MusterCommandLine

/// What is to be printed of one task.
package struct Printed: Hashable, Sendable {
    package var stdout: [UInt8]
    package var stderr: [UInt8]

    package init(stdout: [UInt8] = [], stderr: [UInt8] = []) { (self.stdout, self.stderr) = (stdout, stderr) }

    var count: Int { stdout.count + stderr.count }
}

/// Puts what tasks printed into the order of their numbers. What comes before its turn is held: a little in memory, the rest in a
/// file without a name.
package struct HeldOutput: ~Copyable {
    private enum Place {
        case memory(Printed)
        case file(offset: Int, stdout: Int, stderr: Int)
    }

    /// The task whose turn it is.
    package private(set) var next = 0
    private var held: [Int: Place] = [:]
    private var memoryBytes = 0
    private let memoryBytesMax: Int
    private let folder: String
    private var file: Int32 = -1
    private var fileBytes = 0

    /// `folder`: where the file is made when one is needed.
    package init(memoryBytesMax: Int = 8 << 20, folder: String) {
        self.memoryBytesMax = memoryBytesMax
        self.folder = folder
    }

    deinit { if file >= 0 { close(file) } }

    /// Tasks that wait for their turn.
    package var heldCount: Int { held.count }

    /// Takes what a task printed, and prints what is due. Throws what `print` throws, and a `CommandError` where there is no room.
    package mutating func take(_ task: Int, _ printed: Printed, print: (Printed) throws -> Void) throws {
        guard task == next else { return try hold(task, printed) }
        next += 1
        try print(printed)
        try printDue(print)
    }

    /// Nothing more comes: prints what is held, in order, and passes over what is missing.
    package mutating func finish(print: (Printed) throws -> Void) throws {
        for task in held.keys.sorted() {
            next = task
            try printDue(print)
        }
    }

    private mutating func printDue(_ print: (Printed) throws -> Void) throws {
        while let place = held.removeValue(forKey: next) {
            next += 1
            switch place {
            case .memory(let printed):
                memoryBytes -= printed.count
                try print(printed)
            case .file(let offset, let stdout, let stderr):
                let bytes = try read(offset, stdout + stderr)
                try print(Printed(stdout: Array(bytes[..<stdout]), stderr: Array(bytes[stdout...])))
            }
        }
        if held.isEmpty, fileBytes > 0 {
            ftruncate(file, 0)
            fileBytes = 0
        }
    }

    private mutating func hold(_ task: Int, _ printed: Printed) throws {
        guard memoryBytes + printed.count > memoryBytesMax else {
            memoryBytes += printed.count
            held[task] = .memory(printed)
            return
        }
        try write(printed.stdout + printed.stderr)
        held[task] = .file(
            offset: fileBytes - printed.count, stdout: printed.stdout.count, stderr: printed.stderr.count)
    }

    private mutating func write(_ bytes: [UInt8]) throws(CommandError) {
        if file < 0 {
            file = Self.namelessFile(in: folder)
            guard file >= 0 else { throw trouble("cannot make a file in \(folder)") }
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(fileBytes)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw trouble("cannot hold output in \(folder)") }
            fileBytes += count
            rest = rest.dropFirst(count)
        }
    }

    private static func namelessFile(in folder: String) -> Int32 {
        var path = Array("\(folder)/muster-run-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        if file >= 0 {
            unlink(path)
            _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        }
        return file
    }

    private func read(_ offset: Int, _ count: Int) throws(CommandError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let file = file
            let place = got
            let now = bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress! + place, count - place, off_t(offset + place))
            }
            if now < 0, errno == EINTR { continue }
            guard now > 0 else { throw trouble("cannot read what was held in \(folder)") }
            got += now
        }
        return bytes
    }

    private func trouble(_ attempt: String) -> CommandError {
        .system(
            .inputOutput,
            "\(attempt) (TMPDIR), where output waits for that of earlier tasks; --unordered holds none", errno: errno)
    }
}

internal import CommandTemplates
internal import Glibc
internal import MusterAPI
package import MusterCommandLine
internal import RunRules

/// The file of `--joblog`: a line for each task that ended, written as its result comes, and at once.
///
/// A log that is gone on with is read first: what it has need not be run. Nobody else writes it meanwhile.
package final class JobLogFile {
    private let path: String
    private let file: Int32
    private var done: ResumeSet?
    /// Commands that failed at some time, and whether they succeeded at another.
    private var failures: [[UInt8]: Bool] = [:]
    /// The largest number of a task in it.
    package private(set) var lastNumber = 0
    /// Tasks that `takes` said yes to, and those of them whose command has only ever failed.
    package private(set) var skipped = 0
    package private(set) var skippedFailures = 0

    /// Throws a `CommandError` for a file that cannot be written, is another run's, or is no job log.
    package init(_ path: String, resumes: RunFlags.Resume?) throws(CommandError) {
        self.path = path
        file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw .system(.cannotCreate, "cannot write the job log \(path)", errno: errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw CommandError(.temporary, "another run writes the job log \(path)")
        }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CommandError(.cannotCreate, "the job log \(path) is no regular file")
        }
        if status.st_size == 0 {
            try append(JobLogLine.header)
        } else if resumes == nil, hasNoRecord(status.st_size) {
            // Of a run that never began.
        } else if let resumes {
            try read(resumes)
        } else {
            throw CommandError(
                .cannotCreate,
                "the job log \(path) is there already: --resume goes on with it, --resume-failed runs again what failed; "
                    + "or give another file")
        }
    }

    private func hasNoRecord(_ size: off_t) -> Bool {
        let header = JobLogLine.header + [0x0A]
        var bytes = [UInt8](repeating: 0, count: header.count)
        return size == header.count && pread(file, &bytes, bytes.count, 0) == bytes.count && bytes == header
    }

    deinit { if file >= 0 { close(file) } }

    package var isEmpty: Bool { lastNumber == 0 }

    private func read(_ resumes: RunFlags.Resume) throws(CommandError) {
        var random = SystemRandomNumberGenerator()
        var done = ResumeSet(
            resumes == .failed ? .succeeded : .ended, key: KeyedDigest.Key(using: &random))
        var reader = JobLogReader()
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        do {
            var place: off_t = 0
            while true {
                let count = piece.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, place) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw CommandError.system(.noInput, "cannot read \(path)", errno: errno) }
                if count == 0 { break }
                place += off_t(count)
                try reader.feed(piece[..<count]) { line in
                    try done.add(line)
                    note(line)
                }
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.data, "the job log \(path): \(error)")
        }
        // The end of a line that was never written whole.
        guard ftruncate(file, off_t(reader.wholeBytes)) == 0 else {
            throw .system(.cannotCreate, "cannot write the job log \(path)", errno: errno)
        }
        self.done = done
        if reader.wholeBytes == 0 { try append(JobLogLine.header) }
    }

    private func note(_ line: JobLogLine) {
        lastNumber = max(lastNumber, line.seq)
        if !line.hasSucceeded {
            failures[line.command] = failures[line.command] ?? false
        } else if failures[line.command] != nil {
            failures[line.command] = true
        }
    }

    /// Whether a task with this command need not be run: once for each time that the log has it.
    package func takes(_ command: [UInt8]) -> Bool {
        guard done?.takes(command: command) == true else { return false }
        skipped += 1
        if failures[command] == false { skippedFailures += 1 }
        return true
    }

    package func append(_ end: TaskEnd, number: Int, command: [UInt8]) throws(CommandError) {
        let line = JobLogLine(
            seq: number, host: end.worker, startMs: Int((end.start ?? 0) * 1_000), runtimeMs: Int(end.seconds * 1_000),
            receive: (end.stdoutBytes ?? end.stdout.count) + (end.stderrBytes ?? end.stderr.count),
            exitval: end.hasTimedOut ? -1 : end.code, signal: end.hasTimedOut ? Int(SIGTERM) : end.signalNumber,
            command: command)
        try append(line.bytes)
    }

    /// One write for each line: a crash leaves whole ones.
    private func append(_ line: [UInt8]) throws(CommandError) {
        var rest = (line + [0x0A])[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(.inputOutput, "cannot write the job log \(path)", errno: errno) }
            rest = rest.dropFirst(count)
        }
    }
}

internal import Glibc
internal import MusterCore
package import MusterFileLists
package import MusterJSON
package import MusterWire

/// How one task ended, and what it printed: a line of the job's results.
package struct TaskEnd: Hashable, Sendable {
    /// From 0 on.
    package var task: Int
    package var worker = ""
    package var attempt = 1
    /// Why it failed; nil: it has not.
    package var reason: String?
    /// Nil: no command of it ended.
    package var exitCode: Int?
    /// The signal that ended it, without SIG.
    package var signal: String?
    package var stdout: [UInt8] = []
    package var stderr: [UInt8] = []
    /// How many bytes there were, where not all came back.
    package var stdoutBytes: Int?
    package var stderrBytes: Int?
    /// When it began, in seconds since 1970; nil: nobody says.
    package var start: Double?
    package var seconds = 0.0
    /// What it returned, under the names that it is to have.
    package var files: [FileItem] = []
    /// What the worker says of it, as it came.
    package var value: JSONValue?

    package init(task: Int) { self.task = task }

    /// Throws a `Problem` for what is no line of results of such a job.
    package init(line: ArraySlice<UInt8>) throws(Problem) {
        task = 0
        guard let members = JSONValue(line: line).members else { throw Self.trouble }
        for (key, value) in members {
            switch key {
            case "task": task = value.int ?? -1
            case "worker": worker = value.string ?? ""
            case "attempt": attempt = value.int ?? 1
            case "error": reason = value.string ?? ""
            case "value": self.value = value
            case "seconds": seconds = value.double ?? 0
            default: break
            }
        }
        guard (0..<Limits.jobTasksMax).contains(task) else { throw Self.trouble }
        try read()
        if !(0...1e11).contains(seconds) { seconds = 0 }
    }

    private mutating func read() throws(Problem) {
        guard let members = value?.members else {
            // A task that nobody could run left nothing.
            guard reason != nil else { throw Self.trouble }
            return
        }
        for (key, value) in members {
            switch key {
            case "exitCode": exitCode = value.int.flatMap { (0...255).contains($0) ? $0 : nil }
            case "signal": signal = value.string
            case "stdout": stdout = value.string.map { Array($0.utf8) } ?? []
            case "stderr": stderr = value.string.map { Array($0.utf8) } ?? []
            case "stdoutBase64": stdout = value.string.flatMap(Base64.decoded) ?? []
            case "stderrBase64": stderr = value.string.flatMap(Base64.decoded) ?? []
            case "stdoutBytes": stdoutBytes = value.int.flatMap { (0...1 << 50).contains($0) ? $0 : nil }
            case "stderrBytes": stderrBytes = value.int.flatMap { (0...1 << 50).contains($0) ? $0 : nil }
            case "start": start = value.double.flatMap { (0...1e11).contains($0) ? $0 : nil }
            case "seconds": seconds = value.double ?? seconds
            case "files": files = try FileItem.list(value, "files")
            default: break
            }
        }
    }

    private static var trouble: Problem {
        Problem(502, "a line of its results is none of commands; 'muster results' prints what they are")
    }

    package var hasFailed: Bool { reason != nil }

    /// It ended well, and what it returned did not come: to the fleet it is done.
    package private(set) var hasLostFiles = false
    package mutating func loseFiles(_ reason: String) {
        (self.reason, exitCode, hasLostFiles) = (reason, nil, true)
    }

    /// What a shell would say of it: its exit code, 128 and more for a signal; 255 where it never ran, or left not what it should. One whose time was over has
    /// not succeeded, even if it ended well when it was asked to: 143, as if by SIGTERM.
    package var code: Int {
        guard hasFailed else { return exitCode ?? 0 }
        if hasTimedOut, exitCode ?? 0 == 0 { return 128 + Int(SIGTERM) }
        // It ended well, and yet not as it should: what it returns did not come, for instance.
        return exitCode == 0 ? 255 : exitCode ?? 255
    }

    /// Of what a signal ended; 0: none did.
    package var signalNumber: Int { signal == nil ? 0 : max(0, code - 128) }

    /// Its time was over.
    package var hasTimedOut: Bool { reason?.hasPrefix("timed out") == true }
}

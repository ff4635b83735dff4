import Glibc
import Synchronization

/// A shell that runs a script when it is told to, or when this process has ended, however that was.
final class Watchdog: @unchecked Sendable {  // the file is touched by whoever takes it out, once
    private let file: Mutex<UnsafeMutablePointer<FILE>?>

    init(_ script: String) {
        file = Mutex(popen("exec >/dev/null 2>&1; trap '' INT TERM; cat; \(script)", "we"))
    }

    deinit { end() }

    /// Returns when the script has ended.
    func end() {
        let file = file.withLock { file in
            defer { file = nil }
            return file
        }
        if let file { pclose(file) }
    }
}

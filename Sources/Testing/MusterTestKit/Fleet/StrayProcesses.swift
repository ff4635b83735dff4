internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// Kills what tests have started and not ended, when the test program ends.
enum StrayProcesses {
    private static let known = Mutex<[ChildProcess]>([])
    private static let atExit: Void = {
        atexit { StrayProcesses.killAll() }
    }()

    static func add(_ child: ChildProcess) {
        _ = atExit
        known.withLock { known in
            known.removeAll { $0.status != nil }
            known.append(child)
        }
    }

    private static func killAll() {
        for child in known.withLock({ $0 }) { child.kill() }
    }
}

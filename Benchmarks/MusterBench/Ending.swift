internal import Dispatch
internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// The end of this program before its time: by a signal, or by an error in a benchmark. Fleets and members are processes of their
/// own, in groups that no Ctrl-C reaches: left behind, they would take the machine from whoever measures next.
enum Ending {
    /// Of SIGTERM before SIGKILL.
    private static let grace = Duration.seconds(5)
    private static let hasBegun = Atomic(false)

    /// From here on SIGINT, SIGTERM and SIGHUP end what was started, then this process as they would have. By sources, not by a
    /// thread that waits with the signals blocked: Dispatch's main loop unblocks them.
    static func watchSignals() {
        let queue = DispatchQueue(label: "ending")
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            // It holds itself: it is never cancelled.
            source.setEventHandler {
                withExtendedLifetime(source) { endAll() }
                signal(number, SIG_DFL)
                kill(getpid(), number)
            }
            source.resume()
        }
    }

    /// Ends all children and removes their folders. Whoever comes second waits for the end of the process: what was started ends, so
    /// that benchmarks fail meanwhile.
    static func endAll() {
        if hasBegun.exchange(true, ordering: .relaxed) { while true { pause() } }
        // A benchmark may be starting some.
        for _ in 0..<10 {
            let running = ChildProcess.running
            if running.isEmpty { break }
            ChildProcess.end(running, within: grace)
        }
        removeFolders()
    }

    /// Those of this process, which have its number in their names.
    private static func removeFolders() {
        guard let folder = opendir(".build/bench") else { return }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.split(separator: "-").dropFirst().first == "\(getpid())" { names.append(name) }
        }
        closedir(folder)
        for name in names {
            guard let child = try? ChildProcess(executable: "/bin/rm", arguments: ["-rf", ".build/bench/" + name])
            else {
                continue
            }
            while child.status == nil { usleep(10_000) }
        }
    }
}

import FoundationEssentials
import Glibc
import Synchronization

@testable import MusterLaunch

/// A folder for launchers that run shell scripts, and the ends they told. Ends what still runs when it goes.
final class LauncherBench: Sendable {
    let folder: String
    private let told = Mutex<[LaunchExit]>([])

    init() {
        var template = Array("/tmp/muster-launch-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        // Only those whose records are still there run still.
        for file in files where file.hasSuffix(".pid") {
            if let record = LaunchRecord(path: path(file)), LaunchRecord(pid: record.pid) == record {
                kill(record.pid, SIGKILL)
            }
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Tells its ends to this bench; with `listens` false to nobody.
    func launcher(fleet: String = "fleet", executable: String = "/bin/sh", listens: Bool = true) -> ProcessLauncher {
        let launcher = ProcessLauncher(directory: folder, fleet: fleet, executable: executable)
        if listens { listen(to: launcher) }
        return launcher
    }

    func listen(to launcher: ProcessLauncher) {
        launcher.onExit { [weak self] exit in self?.told.withLock { $0.append(exit) } }
    }

    static func script(_ name: String, _ text: String, environment: [String: String] = [:]) -> LaunchSpec {
        LaunchSpec(name: name, arguments: ["-c", text], environment: environment)
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }
    var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

    func text(_ name: String) -> String? {
        (try? Data(contentsOf: URL(filePath: path(name)))).map { String(decoding: $0, as: UTF8.self) }
    }

    func write(_ text: String, to name: String) { try? Data(text.utf8).write(to: URL(filePath: path(name))) }

    /// The ends told so far, in order.
    var exits: [LaunchExit] { told.withLock { $0 } }
    func reasons(_ name: String) -> [String] { exits.filter { $0.name == name }.map(\.reason) }

    /// The reasons of the ends under a name once there are so many; fewer where they did not come within 60 s.
    func reasons(_ name: String, count: Int) async -> [String] {
        _ = await holds { self.reasons(name).count >= count }
        return reasons(name)
    }

    /// Waits until a condition holds. False: it did not within 60 s.
    func holds(_ condition: @Sendable () -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while !condition() {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}

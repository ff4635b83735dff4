internal import CSpawn
internal import Glibc
internal import MusterSystem
internal import Synchronization

/// Launches processes of this same program on this machine. A file a process in a folder of the coordinator's says what runs,
/// so that the next coordinator on the same folder finds it.
package final class ProcessLauncher: Launcher {
    private enum Running {
        /// Being started; and stopped as soon as it is, if that was asked for meanwhile.
        case arriving(stopWithin: Duration?)
        case own(ChildProcess)
        /// Launched by an earlier coordinator: not ours to wait for, but to watch and to signal.
        case adopted(AdoptedProcess)
    }

    private struct State {
        var running: [String: Running] = [:]
        var handler: (@Sendable (LaunchExit) -> Void)?
        /// Ends that nobody listened to yet.
        var untold: [LaunchExit] = []
    }

    private let directory: String
    private let fleet: String
    private let executable: String
    private let state = Mutex(State())

    /// `directory` exists and is the coordinator's own; `fleet` tells its processes from those of other fleets.
    package init(directory: String, fleet: String, executable: String = "/proc/self/exe") {
        self.directory = directory
        self.fleet = fleet
        self.executable = executable
    }

    package func onExit(_ handler: @escaping @Sendable (LaunchExit) -> Void) {
        let untold = state.withLock { state in
            state.handler = handler
            defer { state.untold = [] }
            return state.untold
        }
        for exit in untold { handler(exit) }
    }

    package func launch(_ spec: LaunchSpec) async throws(LaunchError) {
        let isFree = state.withLock { state in
            guard state.running[spec.name] == nil else { return false }
            state.running[spec.name] = .arriving(stopWithin: nil)
            return true
        }
        guard isFree else { return }
        do throws(LaunchError) {
            let process = try start(spec)
            let before = state.withLock { state in
                defer { state.running[spec.name] = .own(process) }
                return state.running[spec.name]
            }
            if case .arriving(let grace?) = before { stop(spec.name, grace: grace) }
            Task { [weak self] in
                let status = await process.wait()
                self?.ended(spec.name, "\(status)")
            }
        } catch {
            state.withLock { $0.running[spec.name] = nil }
            throw error
        }
    }

    private func start(_ spec: LaunchSpec) throws(LaunchError) -> ChildProcess {
        var environment = Environment.handedDown
        environment[LaunchRecord.labelName] = label(spec.name)
        environment.merge(spec.environment) { _, new in new }
        let process = try ChildProcess(
            executable: executable, arguments: spec.arguments, environment: environment,
            output: spec.sharesOutput ? .errorFile(path: logPath(spec.name)) : .file(path: logPath(spec.name)),
            killsGroupAtExit: true)
        // Without it the next coordinator would not know the process; it ends by itself then, as an orphan.
        LaunchRecord(pid: process.pid)?.write(to: recordPath(spec.name))
        return process
    }

    /// With the directory's own number, so that a copy of it takes nobody else's processes for its own.
    func label(_ name: String) -> String {
        var status = stat()
        stat(directory, &status)
        return "\(fleet)/\(status.st_dev):\(status.st_ino)/\(name)"
    }

    private func recordPath(_ name: String) -> String { "\(directory)/\(name).pid" }
    private func logPath(_ name: String) -> String { "\(directory)/\(name).log" }

    /// Before the name is free again.
    private func forget(_ name: String) {
        unlink(recordPath(name))
        unlink(logPath(name))
    }

    /// Why it ended, if it said so. At most 300 bytes.
    private static func lastLine(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: 300)
        let count = pread(file, &bytes, bytes.count, max(0, size - off_t(bytes.count)))
        guard let line = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: "\n")).last else { return "" }
        return String(decoding: line, as: UTF8.self)
    }

    private func ended(_ name: String, _ reason: String) {
        let lastWords = Self.lastLine(of: logPath(name))
        forget(name)
        let exit = LaunchExit(name: name, reason: [reason, lastWords].filter { !$0.isEmpty }.joined(separator: ": "))
        let handler = state.withLock { state in
            state.running[name] = nil
            if state.handler == nil { state.untold.append(exit) }
            return state.handler
        }
        handler?(exit)
    }

    package func adopt(expecting environment: [String: String]) async throws(LaunchError) -> [String] {
        for file in listDirectory(directory) where file.hasSuffix(".pid") {
            let name = String(file.dropLast(4))
            let isKnown = state.withLock { $0.running[name] != nil }
            if isKnown { continue }
            guard let record = LaunchRecord(path: recordPath(name)), record.isAlive(label: label(name)),
                let process = AdoptedProcess(record)
            else {
                forget(name)
                continue
            }
            state.withLock { $0.running[name] = .adopted(process) }
            process.onExit { [weak self] in self?.ended(name, "") }
            if !record.carries(environment) { stop(name, grace: .zero) }
        }
        return state.withLock { $0.running.keys.sorted() }
    }

    package func killAll() {
        for running in state.withLock({ Array($0.running.values) }) {
            switch running {
            case .own(let process): process.killGroup()
            case .adopted(let process): process.signal(SIGKILL)
            case .arriving: break
            }
        }
    }

    package func stop(_ name: String, grace: Duration) {
        let running = state.withLock { state in
            if case .arriving = state.running[name] { state.running[name] = .arriving(stopWithin: grace) }
            return state.running[name]
        }
        switch running {
        case .own(let process):
            process.signal(SIGTERM)
            Task { if await process.wait(atMost: grace) == nil { process.killGroup() } }
        case .adopted(let process):
            process.signal(SIGTERM)
            Task {
                try? await Task.sleep(for: grace)
                process.signal(SIGKILL)
            }
        case .arriving, nil: break
        }
    }
}

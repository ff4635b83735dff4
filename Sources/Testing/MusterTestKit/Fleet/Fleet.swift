internal import FoundationEssentials
internal import Glibc
package import MusterHTTPClient
internal import MusterLaunch
internal import Synchronization

/// A fleet of real `muster` processes in a scratch folder, on a free port of 127.0.0.1.
///
/// `Fleet.run` gives one to a test and ends all of it afterwards, whatever happens in between. The coordinator comes back on
/// the same port and data directory each time it is started.
package final class Fleet: Sendable {
    private struct State {
        var coordinator: FleetProcess?
        var port = 0
        var processes: [FleetProcess] = []
    }

    package let folder: ScratchFolder
    package let http = HTTPClient()
    package let token = "fleet-token"
    /// What the data directory is on; nil: the scratch folder's own disk.
    package let disk: SmallDisk?
    private let flags: [String]
    private let limits: String?
    private let state = Mutex(State())

    private init(flags: [String], diskBytes: Int?, limits: String?) throws {
        folder = try ScratchFolder()
        (self.flags, self.limits) = (flags, limits)
        guard let diskBytes else {
            disk = nil
            return
        }
        let path = folder.path + "/data"
        guard mkdir(path, 0o700) == 0, let disk = SmallDisk(over: path, bytes: diskBytes) else {
            folder.remove()
            throw FleetError("cannot mount a small disk over \(path): that needs root")
        }
        self.disk = disk
    }

    /// Runs `body` with a fleet that has a coordinator with these flags, and no workers yet. With `diskBytes` its data
    /// directory is on a disk of that size; `limits` is what a shell does before it becomes the coordinator: `ulimit -n 256`.
    package static func run(
        flags: [String] = [], diskBytes: Int? = nil, limits: String? = nil, _ body: (Fleet) async throws -> Void
    ) async throws {
        let fleet = try Fleet(flags: flags, diskBytes: diskBytes, limits: limits)
        do {
            try await fleet.startCoordinator()
            try await body(fleet)
        } catch {
            fleet.printLastWords()
            await fleet.end()
            throw error
        }
        await fleet.end()
    }

    /// Kills what runs and removes the folder.
    private func end() async {
        http.close()
        for process in state.withLock({ $0.processes }) { await process.kill() }
        for pid in launchedProcesses() { Glibc.kill(-pid, SIGKILL) }
        disk?.remove()
        folder.remove()
    }

    /// For whoever reads a failed test: what the latest processes said last.
    private func printLastWords() {
        for process in state.withLock({ $0.processes.suffix(5) }) {
            print("process \(process.child.pid) said:")
            for line in process.transcript.errors.suffix(8) { print("    " + line) }
        }
    }

    /// What the coordinator launched and has not seen end, by the files that it keeps of it.
    package func launchedProcesses(_ prefix: String = "") -> [Int32] {
        let directory = dataDirectory + "/coordinator/launched"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return files.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".pid") }.compactMap { file in
            let text = (try? String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)) ?? ""
            return text.split(separator: " ").first.flatMap { Int32($0) }.flatMap { $0 > 1 ? $0 : nil }
        }
    }

    // MARK: Roles

    /// `--data` of the coordinator.
    package var dataDirectory: String { folder.path + "/data" }
    var databasePath: String { dataDirectory + "/coordinator/muster.sqlite" }
    package var url: String { "http://127.0.0.1:\(port)" }
    package var port: Int { state.withLock { $0.port } }

    /// The running coordinator, or the last one that ran.
    package var coordinator: FleetProcess {
        guard let process = state.withLock({ $0.coordinator }) else {
            preconditionFailure("no coordinator was started")
        }
        return process
    }

    /// Returns once it listens. Throws `FleetError` with what it said when it does not.
    package func startCoordinator() async throws {
        let process = try launchCoordinator()
        let prefix = "listening on http://"
        let port: Int = try await eventually("the coordinator listens") {
            if let status = process.child.status {
                throw FleetError("the coordinator ended with \(status): \(process.transcript.errors)")
            }
            let line = process.transcript.output.first { $0.hasPrefix(prefix) }
            return line.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
        }
        state.withLock { $0.port = port }
    }

    private func launchCoordinator() throws -> FleetProcess {
        let process = try start(["coordinator", "--data", dataDirectory, "--port", "\(port)"] + flags, limits: limits)
        state.withLock { $0.coordinator = process }
        return process
    }

    /// Starts one and kills it so soon after, whether it listens by then or not.
    package func startAndKillCoordinator(after time: Duration) async throws {
        let process = try launchCoordinator()
        try await Task.sleep(for: time)
        await process.kill()
    }

    /// SIGKILL, then a new one on the same port and data.
    package func crashCoordinator() async throws {
        await coordinator.kill()
        try await startCoordinator()
    }

    /// A worker of this name with a data directory of the same name: started again, it is the same member.
    package func startWorker(
        _ name: String, slots: Int = 1, flags: [String] = [], environment: [String: String] = [:]
    ) throws -> FleetProcess {
        try start(
            ["worker", "--join", url, "--name", name, "--slots", "\(slots)", "--data", "\(folder.path)/\(name)"]
                + flags,
            environment: environment)
    }

    /// Starts any `muster` command with the fleet's token and URL in its environment. Throws `LaunchError`.
    package func start(
        _ arguments: [String], environment: [String: String] = [:], limits: String? = nil
    ) throws -> FleetProcess {
        var common = ["PATH": "/usr/bin:/bin", "MUSTER_TOKEN": token, "MUSTER_URL": url]
        // The engine that the tests' own commands speak to.
        common["DOCKER_HOST"] = getenv("DOCKER_HOST").map { String(cString: $0) }
        let process = try FleetProcess(
            arguments, environment: common.merging(environment) { $1 }, workingDirectory: folder.path, limits: limits)
        state.withLock { $0.processes.append(process) }
        return process
    }
}

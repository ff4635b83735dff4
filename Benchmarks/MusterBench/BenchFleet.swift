internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// A coordinator and workers, each a process of its own, in a scratch directory beside the build.
final class BenchFleet: Sendable {
    static let token = "bench"
    let url: String
    let port: UInt16
    let coordinator: ChildProcess
    private let workers: [ChildProcess]
    private let directory: String

    init(
        _ options: Options, workers count: Int, slots: Int = 1, flags: [String] = [], workerFlags: [String] = [],
        flagsOfWorker: (Int) -> [String] = { _ in [] }
    ) async throws {
        directory = ".build/bench/fleet-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        for path in [".build/bench", directory] { mkdir(path, 0o700) }
        let listening = Mutex<String?>(nil)
        coordinator = try ChildProcess(
            executable: options.binary,
            arguments: [
                "coordinator", "--port", "0", "--data", directory, "--token", Self.token, "--log-level", "error",
            ] + flags,
            output: .lines { line in
                guard line.text.hasPrefix("listening on ") else { return }
                listening.withLock { $0 = String(line.text.dropFirst(13)) }
            }, killsGroupAtExit: true)
        var found: String?
        for _ in 0..<1_000 {
            found = listening.withLock { $0 }
            if found != nil { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        guard let found, let port = found.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw BenchError("the coordinator did not start: run \(options.binary) coordinator to see why")
        }
        (url, self.port) = (found, port)
        var started: [ChildProcess] = []
        for index in 0..<count {
            started.append(
                try ChildProcess(
                    executable: options.binary,
                    arguments: [
                        "worker", "--join", found, "--slots", "\(slots)", "--data", directory, "--token", Self.token,
                        "--log-level", "error",
                    ] + workerFlags + flagsOfWorker(index), output: .discard, killsGroupAtExit: true))
        }
        workers = started
        let client = try RawClient(port: port)
        while try client.request("GET", "/servers").text.split(separator: "\"slots\"").count <= count {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func stop() async {
        for child in workers + [coordinator] { child.terminate() }
        for child in workers + [coordinator] where await child.wait(atMost: .seconds(20)) == nil {
            child.kill()
            _ = await child.wait()
        }
        await removeBenchFolder(directory)
    }

    /// Processes of workers that the coordinator launched and has not seen end.
    var launchedWorkers: Int {
        guard let folder = opendir(directory + "/coordinator/launched") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("worker-"), name.hasSuffix(".pid") { count += 1 }
        }
        return count
    }

    /// Resident memory of the coordinator now, in megabytes.
    var coordinatorMegabytes: Double {
        let status = readText("/proc/\(coordinator.pid)/status") ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first).flatMap { Double($0) }.map { $0 / 1_024 } ?? 0
    }

    /// Processor seconds that all processes of the fleet have used so far.
    var processorSeconds: Double { ([coordinator] + workers).reduce(0) { $0 + Self.processorSeconds(of: $1) } }

    /// Of the coordinator's process.
    var coordinatorPID: Int32 { coordinator.pid }

    /// Of the coordinator alone.
    var coordinatorProcessorSeconds: Double { Self.processorSeconds(of: coordinator) }

    static func processorSeconds(of child: ChildProcess) -> Double { processorSeconds(of: child.pid) }

    static func processorSeconds(of pid: Int32) -> Double {
        var (clock, time) = (clockid_t(), timespec())
        guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

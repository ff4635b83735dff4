internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// An origin of a fleet, a process of its own, which counts what of its files it is asked for.
final class BenchOrigin: Sendable {
    let url: String
    private let process: ChildProcess
    private let directory: String
    private let lines: Lines

    init(_ options: Options, of fleet: BenchFleet) async throws {
        directory = ".build/bench/origin-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        for path in [".build/bench", directory] { mkdir(path, 0o700) }
        let lines = Lines()
        process = try ChildProcess(
            executable: options.binary,
            arguments: [
                "origin", "--no-samples", "--port", "0", "--data", directory, "--token", BenchFleet.token, "--join",
                fleet.url, "--log-level", "error", "--access-log", "common",
            ],
            output: .lines { lines.take($0.text) }, killsGroupAtExit: true)
        for _ in 0..<1_000 where lines.url == nil { try await Task.sleep(for: .milliseconds(10)) }
        guard let url = lines.url else {
            throw BenchError("the origin did not start: run \(options.binary) origin to see why")
        }
        (self.url, self.lines) = (url, lines)
    }

    /// Whole files that it was asked for one by one, and bytes of them, since the last call.
    func takeSent() -> (requests: Int, bytes: Int) { lines.takeSent() }

    func stop() async {
        process.terminate()
        if await process.wait(atMost: .seconds(20)) == nil { process.kill() }
        _ = await process.wait()
        await removeBenchFolder(directory)
    }

    private final class Lines: Sendable {
        private let state = Mutex<(url: String?, requests: Int, bytes: Int)>((nil, 0, 0))

        var url: String? { state.withLock { $0.url } }

        func take(_ line: String) {
            if line.hasPrefix("listening on ") {
                return state.withLock { $0.url = String(line.dropFirst("listening on ".count)) }
            }
            // … "GET /files/SHA256 HTTP/1.1" 200 BYTES
            let parts = line.split(separator: "\"")
            guard parts.count >= 3, parts[1].hasPrefix("GET /files/") else { return }
            let numbers = parts[2].split(separator: " ").compactMap { Int($0) }
            guard numbers.first == 200, numbers.count >= 2 else { return }
            state.withLock { ($0.requests, $0.bytes) = ($0.requests + 1, $0.bytes + numbers[1]) }
        }

        func takeSent() -> (requests: Int, bytes: Int) {
            state.withLock { state in
                defer { (state.requests, state.bytes) = (0, 0) }
                return (state.requests, state.bytes)
            }
        }
    }
}

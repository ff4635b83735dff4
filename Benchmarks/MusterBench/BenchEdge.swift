internal import Glibc
internal import MusterLaunch
internal import Synchronization

/// One edge, a process of its own.
final class BenchEdge: Sendable {
    let url: String
    let port: UInt16
    let process: ChildProcess
    let directory: String
    private let isOwnDirectory: Bool

    /// `directory`: that of an edge that was there before, or that others share; nil makes one.
    init(
        _ options: Options, _ upstream: BenchUpstream, id: Int = 1, directory shared: String? = nil,
        _ arguments: [String] = []
    ) async throws {
        directory = shared ?? ".build/bench/edge-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        isOwnDirectory = shared == nil
        for path in [".build/bench", directory] { mkdir(path, 0o700) }
        let listening = Mutex<String?>(nil)
        process = try ChildProcess(
            executable: options.binary,
            arguments: [
                "edge", "--id", "\(id)", "--data", directory, "--upstream", "http://127.0.0.1:\(upstream.port)",
                "--token", BenchFleet.token, "--log-level", "error",
            ] + (arguments.contains("--port") ? [] : ["--port", "0"]) + arguments,
            output: .lines { line in
                guard line.text.hasPrefix("listening on ") else { return }
                listening.withLock { $0 = String(line.text.dropFirst(13)) }
            }, killsGroupAtExit: true)
        var found: String?
        for _ in 0..<1_000 where found == nil {
            found = listening.withLock { $0 }
            if found == nil { try await Task.sleep(for: .milliseconds(10)) }
        }
        guard let found, let port = found.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw BenchError("the edge did not start: run \(options.binary) edge --id \(id) to see why")
        }
        (url, self.port) = (found, port)
    }

    func kill() async {
        process.kill()
        _ = await process.wait()
    }

    func stop() async {
        process.terminate()
        if await process.wait(atMost: .seconds(20)) == nil { await kill() }
        if isOwnDirectory { await removeBenchFolder(directory) }
    }

    /// Resident memory now, in megabytes.
    var megabytes: Double {
        let status = readText("/proc/\(process.pid)/status") ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first).flatMap { Double($0) }.map { $0 / 1_024 } ?? 0
    }
}

/// cert.pem and key.pem in a folder: signed by itself, with a key of P-256.
struct BenchCertificate {
    let folder = ".build/bench/tls-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    init() async throws {
        for path in [".build/bench", folder] { mkdir(path, 0o700) }
        _ = try await secondsOf(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=IP:127.0.0.1 -keyout \(folder)/key.pem -out \(folder)/cert.pem")
    }
}

/// One of the benchmarks' own.
func removeBenchFolder(_ directory: String) async {
    guard directory.hasPrefix(".build/bench/") else { return }
    _ = try? await ChildProcess(executable: "/bin/rm", arguments: ["-rf", directory]).wait()
}

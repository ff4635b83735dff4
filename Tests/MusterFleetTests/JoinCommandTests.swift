import FoundationEssentials
import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import MusterWire
import Testing

/// The line of `muster join-command`, run by a shell that has nothing of this fleet.
@Suite(.timeLimit(.minutes(5))) struct JoinCommandTests {
    private static func offer(_ fleet: Fleet, _ flags: [String] = []) async throws -> (line: String, sha256: String) {
        let asked = try fleet.start(["join-command", "--json"] + flags)
        #expect(try await asked.exitCode() == 0)
        var fields = try JSONFields(body: Array(asked.transcript.output.joined().utf8))
        return (try fields.string("command", bytesMax: 16_384) ?? "", try fields.string("sha256") ?? "")
    }

    private static func run(_ line: String, _ fleet: Fleet, home: String) throws -> FleetProcess {
        try fleet.start(
            ["--version"], environment: ["HOME": home, "MUSTER_TOKEN": "", "MUSTER_URL": ""],
            limits: line + " || exit 9")
    }

    private static func mode(of path: String) -> UInt32 {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test func theLineMakesAWorkerThatComputes() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try await Fleet.run { fleet in
            let (line, _) = try await Self.offer(fleet)
            let worker = try Self.run(line + " --name joined --slots 1", fleet, home: folder.path)
            let done = try await fleet.end(
                of: fleet.submit(JobRequest(kernel: "noop", count: 20)), within: .seconds(120))
            #expect(done.state == .done && done.workers == ["joined": 20])
            #expect(Self.mode(of: folder.path + "/muster-worker/join.token") == 0o600)
            #expect(Self.mode(of: folder.path + "/muster-worker") == 0o700)
            // Where every user of the machine may look.
            let shown = try (FileManager.default.contentsOfDirectory(atPath: "/proc")).compactMap { Int32($0) }.filter {
                let words = (try? Data(contentsOf: URL(filePath: "/proc/\($0)/cmdline"))) ?? Data()
                let text = String(decoding: words, as: UTF8.self)
                return text.contains(folder.path) && text.contains("worker") && !text.contains("umask")
            }
            let token = try String(contentsOfFile: folder.path + "/muster-worker/join.token", encoding: .utf8)
            for pid in shown {
                let words = try Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline"))
                #expect(!String(decoding: words, as: UTF8.self).contains(token.dropLast()))
            }
            #expect(!shown.isEmpty)
            await worker.kill()
        }
    }

    /// Whoever stands between cannot change what is run.
    @Test func whatIsNotWhatWasPromisedIsNotRun() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try await Fleet.run { fleet in
            let (line, sum) = try await Self.offer(fleet)
            #expect(sum.count == 64)
            let other = line.replacing(sum, with: String(sum.reversed()))
            #expect(try await Self.run(other, fleet, home: folder.path).exitCode() == 9)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/muster-worker")
            #expect(left.sorted() == ["join.token", "muster.tar.gz"])
        }
    }
}

import Glibc
import MusterAPI
import MusterHTTPClient
import MusterKernels
import MusterTestKit
import MusterWire
import Testing

/// `muster render`, `muster up`, and what old clients ask for.
@Suite(.timeLimit(.minutes(3))) struct RenderCommandTests {
    private static func arguments(_ sample: SamplePicture) -> [String] {
        sample.query.split(separator: "&").map { "--" + $0 }
    }

    @Test func theFileIsThePicture() async throws {
        let sample = try SamplePicture.quick.get()
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            try fleet.folder.write([1, 2, 3], to: "out.png")
            let process = try fleet.start(["render", "-o", "out.png"] + Self.arguments(sample))
            let outcome = try await fleet.outcome(of: process)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            expectSame(try fleet.folder.read("out.png"), sample.file)
            #expect(!fleet.folder.names(in: ".").contains { $0.contains(".part") })
            let servers = try await fleet.muster("servers")
            #expect(servers.exitCode == 0)
            #expect(servers.output.last?.contains("worker") == true)
        }
    }

    /// What stands at the path decides how it is written.
    @Test func oddPlacesForTheFile() async throws {
        let sample = try SamplePicture.quick.get()
        try await Fleet.run { fleet in
            _ = try fleet.startWorker("worker")
            let arguments = Self.arguments(sample)
            try fleet.folder.write([1], to: "target.png")
            chmod(fleet.folder.path + "/target.png", 0o600)
            symlink("target.png", fleet.folder.path + "/link.png")
            #expect(try await fleet.outcome(of: fleet.start(["render", "-o", "link.png"] + arguments)).exitCode == 0)
            expectSame(try fleet.folder.read("target.png"), sample.file)
            var status = stat()
            lstat(fleet.folder.path + "/link.png", &status)
            #expect(status.st_mode & S_IFMT == S_IFLNK)
            stat(fleet.folder.path + "/target.png", &status)
            #expect(status.st_mode & 0o777 == 0o600)
            // A pipe is written to, not replaced.
            mkfifo(fleet.folder.path + "/pipe", 0o600)
            let reader = open(fleet.folder.path + "/pipe", O_RDONLY | O_NONBLOCK)
            defer { close(reader) }
            // F_SETPIPE_SZ, which the module of the C library does not have.
            #expect(fcntl(reader, 1031, 1 << 20) >= sample.file.count)
            #expect(try await fleet.outcome(of: fleet.start(["render", "-o", "pipe"] + arguments)).exitCode == 0)
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = read(reader, &bytes, bytes.count)
            expectSame(Array(bytes.prefix(max(0, count))), sample.file)
            let directory = try await fleet.outcome(of: fleet.start(["render", "-o", "."] + arguments))
            #expect(directory.exitCode == 73)
            #expect(directory.errors.count == 1, "\(directory.errors)")
        }
    }

    enum End: String, CaseIterable { case coordinatorKilled, workersGone, terminated, interrupted }

    /// No file, and nothing left beside its place.
    @Test(arguments: End.allCases)
    func noFileFromABrokenPicture(_ end: End) async throws {
        let sample = try SamplePicture.long.get()
        try await Fleet.run(flags: ["--grace-seconds", "0.1", "--wait-seconds", "1"]) { fleet in
            let worker = try fleet.startWorker("worker")
            try await fleet.awaitWorkers(1)
            let render = try fleet.start(["render", "-o", "out.png"] + Self.arguments(sample))
            try await eventually("the picture grows") {
                let part = fleet.folder.names(in: ".").first { $0.hasPrefix("out.png.part") }
                return try part.map { try !fleet.folder.read($0).isEmpty } ?? false
            }
            switch end {
            case .coordinatorKilled: await fleet.coordinator.kill()
            case .workersGone: await worker.kill()
            case .terminated: render.terminate()
            case .interrupted: kill(render.pid, SIGINT)
            }
            let code = [End.terminated: 143, .interrupted: 130][end] ?? 75
            #expect(try await render.exitCode(within: .seconds(30)) == code)
            #expect(!fleet.folder.names(in: ".").contains { $0.hasPrefix("out.png") })
        }
    }

    @Test func refusalsOfRender() async throws {
        try await Fleet.run(flags: ["--wait-seconds", "0.2"]) { fleet in
            let none = try await fleet.muster("render", "-o", "out.png")
            #expect(none.exitCode == 75)
            #expect(none.errors.contains { $0.contains("No worker") }, "\(none.errors)")
            let huge = try await fleet.muster("render", "-o", "out.png", "--width", "1000000", "--height", "1000000")
            #expect(huge.exitCode == 65)
            #expect(huge.errors.contains { $0.contains("1000000 x 1000000") }, "\(huge.errors)")
            for wrong in [
                ["--re", "nan"], ["--span", "0"], ["--im", "inf"], ["--width", "0"], ["--palette", "pink"],
            ] {
                let process = try fleet.start(["render", "-o", "out.png"] + wrong)
                #expect(try await fleet.outcome(of: process).exitCode == 64, "\(wrong)")
            }
            #expect(try await fleet.muster("render", "-o", "no/such/folder.png").exitCode == 73)
            await fleet.coordinator.kill()
            #expect(try await fleet.muster("render", "-o", "out.png").exitCode == 69)
            #expect(!fleet.folder.names(in: ".").contains { $0.contains(".png") })
        }
    }

    @Test func classicStripsMakeTheWhole() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            _ = try fleet.startWorker("first")
            _ = try fleet.startWorker("second")
            try await fleet.awaitWorkers(2)
            func ask(_ form: String) async throws -> DecodedPicture {
                var request = HTTPClientRequest("POST", fleet.url + "/get_mbrot", timeout: .seconds(60))
                request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
                request.body = Array(form.utf8)
                let response = try await fleet.http.send(request)
                guard response.status == 200, response.header("content-type") == "image/png" else {
                    throw FleetError("\(form): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
                }
                return try DecodedPicture(response.body)
            }
            let whole = try await ask("width=200&escape=300&server=10.0.0.1&port=1")
            #expect(whole.width == 200)
            // 200 / 3 is rounded down: the last two columns are in no strip.
            for total in [1, 3, 8] {
                let columns = 200 / total
                for id in 0..<total {
                    let strip = try await ask("id=\(id)&total=\(total)&width=200&escape=300&server=x&port=y")
                    #expect((strip.width, strip.height) == (columns, whole.height))
                    let isSame = strip.pixels == whole.columns(id * columns..<(id + 1) * columns)
                    #expect(isSame, "strip \(id) of \(total)")
                }
            }
        }
    }
}

import MusterAPI
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterVolunteers
import MusterWire
import Testing

@testable import MusterJoining

/// What comes to machines that are nobody yet: each service alone.
@Suite struct VisitorServiceTests {
    private func listener(_ url: String? = nil) -> Listener {
        Listener(HTTPServer.Configuration(), advertisedURL: url)
    }

    @Test("the program is had by its code, which the offer tells")
    func program() async throws {
        try await withBench { bench in
            let program = ProgramArchive(directory: bench.folder + "/program", version: "test") { path, _ in
                let sink = try FileSink(path)
                try sink.write(Array("a program".utf8))
                return try sink.finish()
            }
            let service = JoinService(
                bench.common, tokens: bench.tokens, listener: listener("https://fleet.example/"), program: program)
            let offer = await service.joinOffer()
            #expect(offer.url == "https://fleet.example" && offer.program?.bytes == 9)
            let code = try #require(offer.program?.path.split(separator: "/").last.map(String.init))
            do {
                let status = try await bench.ask(service, .program, id: code).status
                #expect(status == 200)
            }
            do {
                let status = try await bench.ask(service, .program, id: String(code.reversed()) + "0").status
                #expect(status == 404)
            }
        }
    }

    @Test("without volunteers there is no installer")
    func installer() async throws {
        try await withBench { bench in
            let service = InstallerService(bench.common, listener: listener(), volunteers: nil, version: "test")
            for name in service.routes.keys {
                let answer = try await bench.ask(service, name)
                #expect(answer.status == 404, "\(name)")
            }
        }
    }
}

import MusterCallbacks
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterHTTPClient
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import Testing

@testable import MusterCoordinator

/// Commands to members whose streams the test holds.
@Suite struct CommandServiceTests {
    /// Stands for the members' streams.
    private final class Lines: MemberLines {
        let streams: [MemberID: HTTPStream]
        init(_ ids: [Int64]) { streams = Dictionary(uniqueKeysWithValues: ids.map { (MemberID($0), HTTPStream()) }) }
        func stream(of member: MemberID, _ fleet: borrowing Fleet) -> HTTPStream? { streams[member] }
    }

    private func service(_ bench: ServiceBench, _ lines: Lines) -> CommandService {
        let callbacks = Callbacks(client: HTTPClient(HTTPClient.Configuration(usesProxies: false)))
        let service = CommandService(bench.common, callbacks: callbacks, lines: lines, lastID: 0)
        bench.onEffects { [weak service] effect, fleet in
            switch effect {
            case .command(let effect): service?.perform(effect, &fleet)
            case .store(let writes): service?.commit(writes)
            default: break
            }
        }
        for (id, stream) in lines.streams.sorted(by: { $0.key < $1.key }) {
            bench.member(id.rawValue, "m\(id)")
            bench.lock.handle(.membership(.connectionOpened(id, connection: 1)))
            bench.lock.handle(.command(.connected(id, seen: CommandID(0))))
            _ = stream.taken()
        }
        return service
    }

    @Test("a command goes to all others, and is over when they have it")
    func delivered() async throws {
        try await withBench { bench in
            let lines = Lines([1, 2])
            let service = service(bench, lines)
            let secret = bench.common.authenticator.secret(of: MemberID(1))
            let sent = try await bench.ask(service, .sendCommand, token: secret, body: #"{"command":"GO"}"#)
            #expect(sent.status == 202, "\(sent.text)")
            #expect(lines.streams[MemberID(2)]?.taken().contains("GO") == true)
            #expect(lines.streams[MemberID(1)]?.taken() == "")
            let open = try await bench.ask(service, .command, token: bench.tokens.read, id: "1").text
            #expect(open.contains(#""outcome":"pending""#), "\(open)")
            bench.lock.handle(.command(.acknowledged(MemberID(2), through: CommandID(1))))
            let over = try await bench.ask(service, .command, token: bench.tokens.read, id: "1").text
            #expect(over.contains(#""outcome":"delivered""#) && !over.contains(#""outcome":"pending""#), "\(over)")
            await service.end(of: CommandID(1), within: .seconds(60))
        }
    }

    @Test("who waits for a command's end waits no longer than it said")
    func patience() async throws {
        try await withBench { bench in
            let service = service(bench, Lines([1, 2]))
            _ = try await bench.ask(service, .sendCommand, token: bench.tokens.admin, body: #"{"command":"GO"}"#)
            let began = ContinuousClock.now
            await service.end(of: CommandID(1), within: .milliseconds(30))
            #expect(ContinuousClock.now - began >= .milliseconds(30))
            #expect(bench.lock.withLock { $0.core.commands.openCount } == 1)
        }
    }

    @Test("a receiver who left has not had it, and a restart knows that")
    func gone() async throws {
        try await withBench { bench in
            let service = service(bench, Lines([1, 2]))
            _ = try await bench.ask(service, .sendCommand, token: bench.tokens.admin, body: #"{"command":"GO"}"#)
            bench.lock.handle(.command(.acknowledged(MemberID(1), through: CommandID(1))))
            bench.lock.handle(.membership(.left(MemberID(2))))
            bench.lock.withLock { service.tick(SystemTime.now(), &$0) }
            let told = try await bench.ask(service, .command, token: bench.tokens.read, id: "1").text
            #expect(told.contains(#""outcome":"gone""#), "\(told)")
            #expect(try await bench.common.store.command(CommandID(1))?.end?.exceptions[MemberID(2)] == .gone)
        }
    }
}

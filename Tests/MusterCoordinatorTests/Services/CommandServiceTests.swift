import MusterCallbacks
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterHTTPClient
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServerKit
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterCoordinator

/// Commands to members whose streams the test holds.
@Suite struct CommandServiceTests {
    /// Stands for the members' streams.
    private final class Lines: MemberLines {
        let streams: [MemberID: HTTPStream]
        init(_ ids: [Int64]) { streams = Dictionary(uniqueKeysWithValues: ids.map { (MemberID($0), HTTPStream()) }) }
        func line(of member: MemberID, _ fleet: borrowing Fleet) -> MemberLine? { streams[member].map { .stream($0) } }
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

    /// Holds the store's thread until the latch is opened.
    private func hold(_ store: any Store) async -> Latch {
        let latch = Latch()
        await withCheckedContinuation { waiter in
            store.commit([]) { _ in
                waiter.resume()
                latch.wait()
            }
        }
        return latch
    }

    @Test("commands that become durable together are one write to each receiver, in their order")
    func together() async throws {
        try await withBench { bench in
            let lines = Lines([1, 2])
            let service = service(bench, lines)
            let delivered = Mutex<[Commands.Effect]>([])
            bench.onEffects { [weak service] effect, fleet in
                guard case .command(let effect) = effect else { return }
                if case .deliver = effect { delivered.withLock { $0.append(effect) } }
                service?.perform(effect, &fleet)
            }
            let latch = await hold(bench.common.store)
            let answers = Counter()
            for number in 1...5 {
                service.accept("GO \(number)", from: number == 4 ? MemberID(1) : nil) { result in
                    // Who hears of it finds it open.
                    if case .success(let record) = result,
                        bench.lock.withLock({ $0.core.commands[record.id] }) == record
                    {
                        _ = answers.next()
                    }
                }
            }
            latch.open()
            // The first may be one with the commands, and hear of it before they go out.
            for _ in 0..<2 { try await bench.common.store.commit([]) }
            #expect(answers.value == 5)
            let ids = [[1, 2, 3, 5], [1, 2, 3, 4, 5]].map { $0.map { CommandID($0) } }
            #expect(delivered.withLock { $0 } == [.deliver(MemberID(1), ids[0]), .deliver(MemberID(2), ids[1])])
            for (member, others) in [(Int64(1), ["4"]), (2, [])] {
                let told = try #require(lines.streams[MemberID(member)]?.taken())
                let places = ["1", "2", "3", "4", "5"].filter { !others.contains($0) }
                    .map { told.firstRange(of: "GO \($0)")?.lowerBound }
                #expect(
                    !places.contains(nil) && places.compactMap { $0 } == places.compactMap { $0 }.sorted(), "\(told)")
                #expect(others.allSatisfy { !told.contains("GO \($0)") })
            }
        }
    }

    @Test("an end that the store does not take is stored later")
    func endsAgain() async throws {
        try await withBench { bench in
            let service = service(bench, Lines([1]))
            let store = bench.common.store
            _ = try await bench.ask(service, .sendCommand, token: bench.tokens.admin, body: #"{"command":"GO"}"#)
            let latch = await hold(store)
            // More than the queue holds.
            let refused = Latch()
            while !refused.isOpened { store.commit([]) { if case .failure = $0 { refused.open() } } }
            bench.lock.handle(.command(.acknowledged(MemberID(1), through: CommandID(1))))
            latch.open()
            var end: CommandEnd?
            for _ in 0..<2_000 where end == nil {
                bench.lock.withLock { service.tick(SystemTime.now(), &$0) }
                end = try await store.command(CommandID(1))?.end
                if end == nil { try await Task.sleep(for: .milliseconds(5)) }
            }
            #expect(end?.exceptions == [:])
        }
    }
}

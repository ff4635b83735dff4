import FoundationEssentials
import Glibc
import MusterCore
import MusterCrypto
import MusterFleetCore
import MusterKernels
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterWire
import Synchronization
import Testing

@testable import MusterHTTP

/// What one service needs, and nothing else: the lock over a core, and a store in a folder of its own. No server listens, and there
/// is no other service: what the core decided goes where the test says. Tests of rooms with services have a symbolic link to it.
final class ServiceBench: EffectPerformer {
    let common: Common
    let folder: String
    let tokens: TokenStore
    var lock: FleetLock { common.lock }
    private let onEffect = Mutex<(@Sendable (FleetEffect, inout Fleet) -> Void)?>(nil)

    init() async throws {
        var template = Array("/tmp/muster-service-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        let store = try SQLiteStore(path: folder + "/muster.sqlite")
        tokens = try TokenStore(directory: folder, givenAdmin: nil, givenRead: nil)
        let authenticator = Authenticator(
            key: .random(), tokens: tokens, settings: AccessSettings(), routes: RouteTable.all)
        let core = FleetCore(sealer: authenticator)
        let lock = FleetLock(Restoring(into: core))
        common = Common(lock: lock, store: store, authenticator: authenticator)
        lock.performEffects(by: self)
    }

    func stop() async {
        await common.store.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Where effects go from now on.
    func onEffects(_ body: @escaping @Sendable (FleetEffect, inout Fleet) -> Void) { onEffect.withLock { $0 = body } }

    func perform(_ effects: [FleetEffect], _ fleet: inout Fleet) {
        guard let body = onEffect.withLock({ $0 }) else { return }
        for effect in effects { body(effect, &fleet) }
    }

    /// A member of the core, without a joining.
    @discardableResult
    func member(
        _ id: Int64, _ name: String, role: MemberRole = .worker, callback: String = "", incarnation: String = "",
        token: Int64? = nil
    ) -> MemberRecord {
        let record = MemberRecord(
            id: MemberID(id), name: name, role: role, joinOrder: id, address: "127.0.0.1", slots: 1, labels: [:],
            version: "", joinedMs: 0, incarnation: incarnation, callback: callback, machine: name, token: token)
        lock.handle(.membership(.joined(record)))
        return record
    }

    /// A job of the store and of the core.
    @discardableResult
    func job(_ id: Int64, tasks: Int = 1, kernel: String = "noop") async throws -> JobRecord {
        let record = JobRecord(
            id: JobID(id), kernel: kernel, params: Array("{}".utf8), count: tasks, priority: .batch, hasInputs: false,
            attemptsMax: 1, createdMs: 0, isDeterministic: KernelTable.isDeterministic(kernel))
        try await common.store.commit([.createJob(record)])
        let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
        lock.handle(.work(.jobAdded(RestoredJob(job: stored, recorded: RangeSet()))))
        return record
    }

    /// Asks a service for a route of its own, with what the server would have made of the head.
    func ask(
        _ service: any Service, _ name: RouteName, token: String? = nil, body: String = "", id: String? = nil,
        parameters: [String: String] = [:], query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = []
    ) async throws -> HTTPResponse {
        let spec = RouteTable.spec(name)
        var request = HTTPRequest(
            method: spec.method, target: spec.pattern, path: spec.pattern.split(separator: "/").map(String.init),
            query: query, headers: headers + (token.map { [("Authorization", "Bearer \($0)")] } ?? []),
            peer: HTTPPeer(address: "127.0.0.1"))
        (request.access, request.body) = (name.rawValue, Array(body.utf8))
        request.parameters = id.map { ["id": $0, "code": $0] } ?? parameters
        let handler = try #require(service.routes[name], "\(name) is none of its routes")
        do {
            switch try handler(request) {
            case .respond(let response): return response
            case .task(let work): return try await work()
            case .hold(let answer):
                let exchange = Exchange(try Self.server.get(), target: spec.pattern)
                answer(HeldRequest(exchange))
                return try await eventually { exchange.shared.withLock { $0.response } }
            }
        } catch let problem as Problem {
            return .problem(problem)
        }
    }

    /// Of held requests, none of which comes from there.
    private static let server = Result {
        try ServerCore(HTTPServer.Routes([]), HTTPServer.Limits(), isTLS: false, nil, nil)
    }
}

/// Makes what one service needs, and takes it away again.
func withBench(_ body: (ServiceBench) async throws -> Void) async throws {
    let bench = try await ServiceBench()
    do {
        try await body(bench)
    } catch {
        await bench.stop()
        throw error
    }
    await bench.stop()
}

/// What `look` finds, as soon as it finds something; fails after ten seconds.
func eventually<Value>(_ look: () throws -> Value?) async throws -> Value {
    for _ in 0..<2_000 {
        if let found = try look() { return found }
        try await Task.sleep(for: .milliseconds(5))
    }
    return try #require(try look(), "it never came")
}

extension HTTPResponse {
    var text: String { if case .bytes(let bytes) = body { String(decoding: bytes, as: UTF8.self) } else { "" } }
    var stream: HTTPStream? { if case .stream(let stream) = body { stream } else { nil } }
}

extension HTTPStream {
    /// What was written and not taken yet.
    func taken() -> String {
        let count = bufferedBytes
        guard count > 0, let nobody = OpaquePointer(bitPattern: 8) else { return "" }
        var bytes = [CChar](repeating: 0, count: count)
        let copied = read(into: &bytes, count, nobody)
        return String(decoding: bytes.prefix(copied).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

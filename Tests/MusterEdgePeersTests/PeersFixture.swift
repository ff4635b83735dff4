import FoundationEssentials
import Glibc
import MusterCore
import MusterElection
import MusterHTTP
import MusterHTTPClient
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterEdgePeers

let (one, two, three) = (EdgeID(1)!, EdgeID(2)!, EdgeID(3)!)

/// A term of this edge's.
func term(_ holder: EdgeID, _ counter: UInt64 = 1) -> Term { Term(counter: counter, holder: holder)! }

/// A folder, and what edges among themselves ask for, as edge 1.
final class Bench: Sendable {
    let folder: String
    let threads = ThreadPool(idleMax: 1)
    let client = HTTPClient(HTTPClient.Configuration())

    init() {
        var template = Array("/tmp/muster-peers-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        client.close()
        threads.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func settings(_ configured: [String] = []) -> PeerSettings {
        var settings = PeerSettings(id: one, dataDirectory: folder, token: "t")
        (settings.heartbeat, settings.configured) = (.milliseconds(20), configured)
        return settings
    }

    var peerClient: PeerClient { PeerClient(client, settings()) }

    func purges(_ purge: @escaping @Sendable (PurgePattern) async -> Int = { _ in 0 }) throws -> PurgeKeeper {
        try PurgeKeeper(directory: folder, threads: threads, purge: purge)
    }
}

/// A cache that only notes what it is asked, and ends what it is told to.
final class ScriptedCache: PeerCache {
    struct State {
        var held: [String: Copy] = [:]
        var purged: [PurgePattern] = []
        var warming: [(target: String, done: @Sendable () -> Void)] = []
        var taking: [(target: String, url: String, done: @Sendable (Bool) -> Void)] = []
        var isFull = false
    }
    private let state = Mutex(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var warming: [String] { state.withLock { $0.warming.map(\.target) } }
    var taking: [String] { state.withLock { $0.taking.map(\.target) } }
    var givers: Set<String> { state.withLock { Set($0.taking.map(\.url)) } }
    var purged: [PurgePattern] { state.withLock { $0.purged } }

    func endWarming() { for done in state.withLock({ state in take(&state.warming).map(\.done) }) { done() } }

    func endTaking(isEarly: Bool = false) {
        for done in state.withLock({ state in take(&state.taking).map(\.done) }) { done(isEarly) }
    }

    private func take<Item>(_ items: inout [Item]) -> [Item] {
        defer { items = [] }
        return items
    }

    // MARK: What it is asked

    func copy(of target: String) -> Copy? { state.withLock { $0.held[target] } }
    func recentCopies(_ countMax: Int) -> [Copy] {
        state.withLock { Array($0.held.values.sorted { $0.target < $1.target }.prefix(countMax)) }
    }
    var isHalfFull: Bool { state.withLock { $0.isFull } }

    func warm(_ target: String, _ done: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { $0.warming.append((target, done)) }
        return true
    }

    func take(_ target: String, from url: String, _ done: @escaping @Sendable (Bool) -> Void) -> Bool {
        state.withLock { $0.taking.append((target, url, done)) }
        return true
    }

    func purge(_ pattern: PurgePattern) async -> Int {
        state.withLock { state in
            state.purged.append(pattern)
            return 1
        }
    }
}

/// Another edge, which notes what it is told.
final class ScriptedPeer: Sendable {
    let server: ScriptedUpstream

    /// `status` and `body` by path.
    init(_ answer: @escaping @Sendable (UpRequest) -> (Int, [UInt8])) {
        server = ScriptedUpstream { request, connection in
            let (status, body) = answer(request)
            connection.answer(status, ["Content-Type: application/json"], body)
        }
    }

    deinit { server.stop() }

    var url: String { server.url }

    func bodies(_ path: String) -> [[UInt8]] { server.seen(path).map(\.body) }
}

func copies(_ targets: String...) -> [Copy] { targets.map { Copy(target: $0, version: nil) } }

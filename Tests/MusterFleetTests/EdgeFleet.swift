import MusterHTTPClient
import MusterTestKit
import MusterWire
import Synchronization
import Testing

/// What an edge tells of itself.
struct EdgeStatus {
    var leader: Int?
    var term: Int
    var known: Int

    init(_ response: HTTPClientResponse) throws {
        var fields = try JSONFields(body: response.body)
        leader = try fields.int("leader", in: 1...65_535)
        term = try fields.int("term", in: 0...Int.max) ?? 0
        known = try fields.array("edges")?.count ?? 0
    }
}

/// An origin and edges before it as processes, each edge with a data folder of its own.
final class EdgeFleet {
    let fleet: Fleet
    let origin: ServerProcess
    private(set) var edges: [Int: ServerProcess] = [:]
    private let flags: [String]

    /// Starts an origin, and edges of these ids, each of which knows those before it; or a list of coordinator's members only.
    init(_ fleet: Fleet, _ ids: [Int], _ flags: [String] = [], knowsPeers: Bool = true) async throws {
        (self.fleet, self.flags) = (fleet, flags)
        origin = try await ServerProcess(fleet, ["origin", "--data", fleet.dataDirectory, "--no-samples"])
        for id in ids { try await add(id, knowing: knowsPeers ? ids.filter { edges[$0] != nil } : []) }
    }

    subscript(_ id: Int) -> ServerProcess { edges[id]! }

    func urls(_ ids: [Int]) -> String { ids.map { self[$0].url }.joined(separator: ",") }

    func add(_ id: Int, knowing others: [Int], _ more: [String] = [], port: Int = 0) async throws {
        edges[id] = try await ServerProcess(fleet, arguments(id, knowing: others, "edge") + more, port: port)
    }

    /// Of an edge that keeps its data in this folder.
    func arguments(_ id: Int, knowing others: [Int], _ folder: String) -> [String] {
        ["edge", "--id", "\(id)", "--data", "\(fleet.folder.path)/\(folder)-\(id)", "--upstream", origin.url]
            + ["--fleet-upstream"] + (others.isEmpty ? [] : ["--peers", urls(others)]) + flags
    }

    func status(_ id: Int) async throws -> EdgeStatus { try EdgeStatus(await get(id, "/v1/edge")) }

    func get(_ id: Int, _ path: String, _ headers: [(name: String, value: String)] = []) async throws
        -> HTTPClientResponse
    {
        try await self[id].get(path, [("Authorization", "Bearer " + fleet.token)] + headers)
    }

    /// Whether it serves this without asking anybody.
    func has(_ id: Int, _ path: String) async throws -> Bool {
        try await get(id, path, [("Cache-Control", "only-if-cached")]).status == 200
    }

    func expect(_ id: Int, has path: String) async throws {
        try await eventually("edge \(id) has \(path)") { try await has(id, path) }
    }

    func expect(_ id: Int, forgets path: String) async throws {
        try await eventually("edge \(id) has \(path) no more") { try await !has(id, path) }
    }

    func ask(_ id: Int, _ method: String, _ path: String, _ body: String) async throws -> HTTPClientResponse {
        try await fleet.http.send(self[id].request(method, path, Array(body.utf8), token: fleet.token))
    }

    func purge(_ id: Int, _ what: String) async throws -> String {
        let response = try await ask(id, "POST", "/v1/purge", what)
        guard [200, 202].contains(response.status) else { throw FleetError("a purge answers \(response.status)") }
        return String(decoding: response.body, as: UTF8.self)
    }

    /// Until this one leads by all accounts of these; its term.
    @discardableResult
    func leads(_ leader: Int, among ids: [Int]? = nil, after term: Int = 0) async throws -> Int {
        try await eventually("edge \(leader) leads, after term \(term)") {
            var terms: Set<Int> = []
            for id in ids ?? Array(edges.keys) {
                guard let status = try? await status(id), status.leader == leader else { return nil }
                terms.insert(status.term)
            }
            guard terms.count == 1, let one = terms.first, one > term, one % 65_536 == leader else { return nil }
            return one
        }
    }

    func put(_ id: Int, _ body: [UInt8]) async throws { try await origin.put(id, body) }

    func delete(_ id: Int) async throws {
        let response = try await fleet.http.send(origin.request("DELETE", "/images/\(id)", token: fleet.token))
        guard response.status == 204 || response.status == 200 else { throw FleetError("\(response.status)") }
    }

    /// Every edge's metric of this name.
    func metric(_ id: Int, _ name: String) async throws -> Int? {
        let page = String(decoding: try await get(id, "/metrics").body, as: UTF8.self)
        let line = page.split(separator: "\n").first { $0.hasPrefix("muster_\(name) ") }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
    }
}

/// Asks edges for one path, over and over, until it is told to end.
final class GetLoop: Sendable {
    private let isOver = Atomic(false)
    private let wrong = Mutex<[String]>([])
    private let count = Atomic(0)
    private let tasks: Mutex<[Task<Void, Never>]>

    init(_ fleet: Fleet, _ servers: [ServerProcess], _ path: String, _ body: [UInt8]) {
        tasks = Mutex([])
        let made = servers.map { server in
            let request = server.request("GET", path)
            return Task { await self.run(fleet.http, request, body) }
        }
        tasks.withLock { $0 = made }
    }

    private func run(_ client: HTTPClient, _ request: HTTPClientRequest, _ body: [UInt8]) async {
        while !isOver.load(ordering: .relaxed) {
            do {
                let response = try await client.send(request)
                let word = response.header("X-Cache") ?? "none"
                if response.status != 200 || response.body != body || word != "HIT" {
                    note("\(response.status) \(word)")
                }
            } catch { note("\(error)") }
            count.add(1, ordering: .relaxed)
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    private func note(_ what: String) { wrong.withLock { if $0.count < 10 { $0.append(what) } } }

    /// How many answers came; `wrong`: what was none, or no hit.
    func end() async -> (count: Int, wrong: [String]) {
        isOver.store(true, ordering: .relaxed)
        for task in tasks.withLock({ $0 }) { await task.value }
        return (count.load(ordering: .relaxed), wrong.withLock { $0 })
    }
}

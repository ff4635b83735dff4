import FoundationEssentials
import Glibc
import HTTPCaching
import MusterAPI
import MusterCache
import MusterElection
import MusterHTTP
import MusterHTTPClient
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterEdge

/// Following an origin's changes, without an edge: the origin is a script.
@Suite(.timeLimit(.minutes(2))) struct OriginFollowerTests {
    private final class Told: Sendable {
        private let state = Mutex<[Copy]>([])
        func add(_ copies: [Copy]) { state.withLock { $0 += copies } }
        var copies: [Copy] { state.withLock { $0 } }
    }

    /// A follower, and what it has forgotten.
    private final class Parts: Sendable {
        let folder: String
        let store: CacheStore
        let flights = Flights()
        let floors = ImageFloors()
        let client = HTTPClient(HTTPClient.Configuration())
        let follower: OriginFollower
        let origin: ScriptedUpstream
        private let told = Told()

        init(position: String? = nil, _ script: @escaping ScriptedUpstream.Script) throws {
            var template = Array("/tmp/muster-follower-XXXXXX".utf8CString)
            folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
            if let position { try Data(position.utf8).write(to: URL(filePath: folder + "/origin")) }
            origin = ScriptedUpstream(script)
            store = try CacheStore(directory: nil, limits: CacheLimits(), policy: CachePolicy())
            follower = try OriginFollower(
                EdgeConfiguration.Upstream(url: origin.url, isOfFleet: true, token: "t"), directory: folder, client,
                Forgetter(store, flights, floors, EdgeCounters()))
            follower.changed.connect { [told] in told.add($0) }
        }

        func end() {
            follower.stop()
            origin.stop()
            client.close()
            store.close()
            try? FileManager.default.removeItem(atPath: folder)
        }

        var copies: [Copy] { told.copies }
        var keptPosition: String? {
            (try? Data(contentsOf: URL(filePath: folder + "/origin"))).map { String(decoding: $0, as: UTF8.self) }
        }

        func answer(_ version: UInt64) -> UpstreamResponse {
            let fields: HeaderFields = [
                "Cache-Control": "max-age=3600", "Date": HTTPDate.format(nowMs / 1000),
                "X-Muster-Version": "\(version)",
            ]
            return UpstreamResponse(status: 200, fields: fields, requestTimeMs: nowMs, responseTimeMs: nowMs)
        }

        /// As if it had been fetched.
        func store(_ target: String, _ version: UInt64) {
            let key = CacheKey(origin: origin.url, target: target)
            let head = StoredResponse(
                request: CacheRequest(method: "GET", key: key, fields: [:]), response: answer(version),
                content: .complete(bytes: 1), policy: CachePolicy())
            store.insert(CachedObject(key: key, head: head, body: store.body(SharedBytes([1]), count: 1)))
        }

        func holds(_ target: String) -> Bool {
            !store.variants(CacheKey(origin: origin.url, target: target)).isEmpty
        }

        func isAdmitted(_ image: Int64, _ version: UInt64) -> Bool {
            var isAdmitted = false
            floors.ifAdmitted(image, version) { isAdmitted = true }
            return isAdmitted
        }
    }

    private static func event(_ name: String, _ data: String) -> String { "event: \(name)\ndata: \(data)\n\n" }

    private static func change(_ id: Int, _ version: Int, isDeletion: Bool = false) -> String {
        let tag = isDeletion ? "null" : #""\"x\"""#
        return event("change", #"{"id":\#(id),"version":\#(version),"etag":\#(tag),"deleted":\#(isDeletion)}"#)
    }

    /// A stream of these events, which stays open.
    private static func stream(_ connection: UpConnection, _ events: String) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events)
    }

    private static func page(_ changes: [ImageChange], version: UInt64, next: UInt64? = nil) -> [UInt8] {
        ImageChanges(origin: "o", version: version, isReset: false, changes: changes, next: next).body
    }

    /// Nothing is asked before an answer has shown that the upstream numbers its images.
    @Test func itBeginsWithTheFirstVersionThatCame() async throws {
        let parts = try Parts { request, connection in
            switch request.target {
            case "/v1/events": Self.stream(connection, Self.event("hello", #"{"origin":"o","version":9}"#))
            case "/v1/changes?since=4":
                let change = ImageChange(id: ImageID(1), version: 6, etag: "\"x\"")
                connection.answer(200, [], Self.page([change], version: 9, next: 6))
            case "/v1/changes?since=6":
                let change = ImageChange(id: ImageID(2), version: 9, etag: nil)
                connection.answer(200, [], Self.page([change], version: 9))
            default: connection.answer(404)
            }
        }
        for (target, version) in [("/images/1", 4), ("/images/2", 5), ("/images/3", 3), ("/other", 1)] {
            parts.store(target, UInt64(version))
        }
        parts.follower.start()
        #expect(!parts.follower.isFollowing)
        parts.follower.notice(UpstreamResponse(status: 200, fields: [:], requestTimeMs: 0, responseTimeMs: 0))
        #expect(!parts.follower.isFollowing)
        parts.follower.notice(parts.answer(4))
        try await onThread {
            #expect(holdsAtLast { parts.follower.position == OriginPosition(origin: "o", version: 9) })
        }
        #expect(!parts.holds("/images/1") && !parts.holds("/images/2"))
        #expect(parts.holds("/images/3") && parts.holds("/other"))
        // What was changed is wanted again; what was deleted is not.
        #expect(parts.copies == [Copy(target: "/images/1", version: 6)])
        #expect(!parts.isAdmitted(1, 5) && parts.isAdmitted(1, 6) && !parts.isAdmitted(2, 8))
        #expect(parts.keptPosition == "9 o\n")
        #expect(parts.origin.seen.allSatisfy { $0["authorization"] == "Bearer t" })
        parts.end()
    }

    @Test func itGoesOnWhereItStood() async throws {
        let parts = try Parts(position: "7 o\n") { request, connection in
            guard request["last-event-id"] == "7" else { return connection.answer(400) }
            Self.stream(
                connection,
                Self.event("hello", #"{"origin":"o","version":8}"#) + Self.change(5, 8)
                    + Self.change(6, 9, isDeletion: true))
        }
        for image in 4...6 { parts.store("/images/\(image)?w=1", 7) }
        parts.follower.start()
        try await onThread { #expect(holdsAtLast { parts.keptPosition == "9 o\n" }) }
        #expect(parts.holds("/images/4?w=1") && !parts.holds("/images/5?w=1") && !parts.holds("/images/6?w=1"))
        #expect(parts.copies == [Copy(target: "/images/5?w=1", version: 8)])
        parts.end()
    }

    /// All images may be others, whatever their versions; the rest stays.
    @Test func anotherHistoryIsBegunAnew() async throws {
        let parts = try Parts(position: "7 old\n") { _, connection in
            Self.stream(connection, Self.event("hello", #"{"origin":"new","version":2}"#))
        }
        parts.floors.raise(1, to: 7)
        for target in ["/images/1", "/images/2/size", "/other"] { parts.store(target, 7) }
        parts.follower.start()
        try await onThread { #expect(holdsAtLast { parts.keptPosition == "2 new\n" }) }
        #expect(!parts.holds("/images/1") && !parts.holds("/images/2/size") && parts.holds("/other"))
        #expect(parts.isAdmitted(1, 1))
        parts.end()
    }

    /// Where a copy's giver stood, and whether it may be stored by one that stood at 7 of "o".
    static let givers: [(String?, Bool)] = [
        ("7 o", true), ("8 o", true), ("6 o", false), ("9 other", false), (nil, false), ("nonsense", false),
    ]

    @Test(arguments: givers) func copies(_ theirs: String?, _ isCurrent: Bool) throws {
        let parts = try Parts(position: "7 o\n") { _, connection in connection.answer(404) }
        var fields = parts.answer(5).fields
        if let theirs { fields.set(CopySource.positionField, theirs) }
        let response = UpstreamResponse(status: 200, fields: fields, requestTimeMs: 0, responseTimeMs: 0)
        let source = CopySource(url: "", position: parts.follower.position)
        #expect(parts.follower.isCurrent(response, source) == isCurrent)
        let plain = UpstreamResponse(status: 200, fields: [:], requestTimeMs: 0, responseTimeMs: 0)
        #expect(parts.follower.isCurrent(plain, source))
        parts.end()
    }
}

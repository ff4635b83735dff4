import FoundationEssentials
import Glibc
import MusterAPI
import MusterHTTP
import MusterServerKit
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterOrigin

/// An origin on a free port with a data directory of its own, which may be stopped and started again.
final class TestOrigin: Sendable {
    let folder: String
    private let running: Mutex<Origin>
    private let change: @Sendable (inout OriginConfiguration) -> Void

    init(_ change: @escaping @Sendable (inout OriginConfiguration) -> Void) async throws {
        var template = Array("/tmp/muster-origin-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        self.change = change
        running = Mutex(try await Self.start(folder, change))
    }

    private static func start(
        _ folder: String, _ change: @Sendable (inout OriginConfiguration) -> Void
    ) async throws -> Origin {
        var configuration = OriginConfiguration(
            dataDirectory: folder, server: HTTPServer.Configuration(), adminToken: "admin", version: "test")
        // More than one, whatever the machine has.
        configuration.server.threads = 4
        configuration.makesSamples = false
        change(&configuration)
        let origin = try await Origin(configuration)
        try origin.start()
        return origin
    }

    var origin: Origin { running.withLock { $0 } }
    var images: String { folder + "/images" }

    /// The origin ends and comes back with what it had.
    func restart() async throws {
        await origin.stop(graceSeconds: 1)
        let again = try await Self.start(folder, change)
        running.withLock { $0 = again }
    }

    func stop() async {
        await origin.stop(graceSeconds: 1)
        try? FileManager.default.removeItem(atPath: folder)
    }

    func ask(
        _ method: String, _ target: String, token: String? = "admin", body: [UInt8]? = nil,
        headers: [(name: String, value: String)] = [], isStream: Bool = false
    ) throws -> RawResponse {
        let client = RawClient(port: origin.port)
        return try #require(
            client.ask(
                method, target, token: token, body: body, headOnly: method == "HEAD" || isStream, headers: headers))
    }

    /// Stores an image; returns its answer's fields.
    @discardableResult
    func put(_ id: Int64, _ bytes: [UInt8], type: String? = nil) throws -> (version: UInt64, etag: String) {
        let headers = type.map { [(name: "Content-Type", value: $0)] } ?? []
        let response = try ask("PUT", "/images/\(id)", body: bytes, headers: headers)
        #expect([200, 201].contains(response.status), "\(response.text)")
        var fields = try JSONFields(body: response.body)
        return (UInt64(try #require(try fields.int("version", in: 1...Int.max))), try #require(response["etag"]))
    }

    /// All changes since a version.
    func changes(since: UInt64 = 0) throws -> ImageChanges {
        try ImageChanges(body: ask("GET", "/v1/changes?since=\(since)").body)
    }

    /// Changes an image's file in place.
    func damage(_ id: Int64, _ change: (inout [UInt8]) -> Void) throws {
        let path = "\(images)/\(id).image"
        var bytes = Array(try Data(contentsOf: URL(filePath: path)))
        change(&bytes)
        try Data(bytes).write(to: URL(filePath: path))
    }

    /// What is in the folder of the images that is no image.
    var leftovers: [String] { listDirectory(images).filter { !$0.hasSuffix(".image") && $0 != ".muster" } }
}

/// Starts an origin, runs blocking work against it on a thread, and stops it.
func withOrigin(_ body: @escaping @Sendable (TestOrigin) throws -> Void) async throws {
    try await withOrigin(configured: { _ in }, body: body)
}

/// The same, set up as its test wants.
func withOrigin(
    configured change: @escaping @Sendable (inout OriginConfiguration) -> Void,
    body: @escaping @Sendable (TestOrigin) throws -> Void
) async throws {
    let origin = try await TestOrigin(change)
    do {
        try await onThread { try body(origin) }
    } catch {
        await origin.stop()
        throw error
    }
    await origin.stop()
}

import FoundationEssentials
import Glibc
import MusterHTTPClient
import MusterTestKit
import Testing

/// A server command of a fleet that comes back on the same port.
final class ServerProcess {
    let fleet: Fleet
    private let arguments: [String]
    private(set) var process: FleetProcess
    private(set) var url: String

    init(_ fleet: Fleet, _ arguments: [String], port: Int = 0) async throws {
        (self.fleet, self.arguments) = (fleet, arguments)
        process = try fleet.start(arguments + ["--port", "\(port)"])
        url = try await Self.address(of: process)
    }

    private static func address(of process: FleetProcess) async throws -> String {
        try await eventually("it listens") {
            if !process.isRunning { throw FleetError("it ended: \(process.transcript.errors)") }
            return process.transcript.output.first { $0.hasPrefix("listening on ") }.map { String($0.dropFirst(13)) }
        }
    }

    var port: Int { url.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// The old process must have ended.
    func start() async throws {
        process = try fleet.start(arguments + ["--port", String(port)])
        url = try await Self.address(of: process)
    }

    func request(_ method: String, _ path: String, _ body: [UInt8]? = nil, token: String? = nil) -> HTTPClientRequest {
        HTTPClientRequest(
            method, url + path, headers: token.map { [("Authorization", "Bearer " + $0)] } ?? [], body: body,
            timeout: .seconds(60))
    }

    func get(_ path: String, _ headers: [(name: String, value: String)] = []) async throws -> HTTPClientResponse {
        var request = request("GET", path)
        request.headers += headers
        return try await fleet.http.send(request)
    }

    func put(_ id: Int, _ body: [UInt8]) async throws {
        let response = try await fleet.http.send(request("PUT", "/images/\(id)", body, token: fleet.token))
        guard [200, 201].contains(response.status) else {
            throw FleetError("\(response.status): \(String(decoding: response.body, as: UTF8.self))")
        }
    }
}

/// Bytes that tell which image they are of.
func imageBytes(_ number: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8) &+ number &* 7) }
}

/// What a fleet was expected to do and did not, with what it said meanwhile.
package struct FleetError: Error, CustomStringConvertible, Sendable {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Asks every few milliseconds until the answer is there. Throws `FleetError` after `limit`, or what `probe` throws.
package func eventually<Answer>(
    _ what: String, within limit: Duration = .seconds(60), _ probe: () async throws -> Answer?
) async throws -> Answer {
    let end = ContinuousClock.now + limit
    while true {
        if let answer = try await probe() { return answer }
        guard ContinuousClock.now < end else { throw FleetError("not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// The same for a condition.
package func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ holds: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit) { try await holds() ? true : nil }
}

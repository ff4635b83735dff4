internal import Synchronization

/// What runs, read while it does.
extension DockerLauncher {
    /// Follows a container's standard output from the beginning as long as `take` answers true. True: it answered false. Else the
    /// container has ended, or is not known. Throws `EngineError` when the engine breaks off.
    package func follow(_ name: String, _ take: (ArraySlice<UInt8>) -> Bool) async throws(EngineError) -> Bool {
        guard let id = state.withLock({ $0.running[name]?.id }) else { return false }
        return try await !engine.readOutput(of: id, [("follow", "1"), ("stdout", "1")], take)
    }
}

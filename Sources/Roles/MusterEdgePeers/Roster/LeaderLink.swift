internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import Synchronization

/// A connection held to the leader, whose break tells of its end before any silence does.
final class LeaderLink: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isClosed = false
    }

    private let client: PeerClient
    private let state = Mutex(State())

    init(_ client: PeerClient) { self.client = client }

    var isHeld: Bool { state.withLock { $0.task != nil } }

    /// Once, until it lets go. `meanwhile` runs beside it.
    func hold(
        to leader: EdgeID, at url: String, meanwhile: @escaping @Sendable () async -> Void,
        onBreak: @escaping @Sendable () -> Void
    ) {
        state.withLock { state in
            guard state.task == nil, !state.isClosed else { return }
            state.task = Task { [client] in
                async let other: Void = meanwhile()
                await Self.watch(client, url, onBreak)
                await other
            }
        }
    }

    func letGo() { state.withLock { Self.letGo(&$0) } }

    /// For good: a leader that is heard of later is not held to any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            Self.letGo(&state)
        }
    }

    private static func letGo(_ state: inout State) {
        state.task?.cancel()
        state.task = nil
    }

    private static func watch(_ client: PeerClient, _ url: String, _ onBreak: @Sendable () -> Void) async {
        while !Task.isCancelled {
            do {
                var request = client.request("GET", url, "/v1/events")
                request.timeout = nil
                let stream = try await client.stream(request)
                if stream.status == 200 {
                    while try await stream.next() != nil {}
                } else {
                    stream.cancel()
                    try await Task.sleep(for: .seconds(1))
                    continue
                }
            } catch {
                if Task.isCancelled { return }
            }
            if Task.isCancelled { return }
            onBreak()
            try? await Task.sleep(for: client.heartbeat)
        }
    }
}

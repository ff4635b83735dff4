internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import Synchronization

/// A connection held to the leader, whose break tells of its end before any silence does.
final class LeaderLink: Sendable {
    private let client: PeerClient
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ client: PeerClient) { self.client = client }

    var isHeld: Bool { task.withLock { $0 != nil } }

    /// Once, until it lets go. `meanwhile` runs beside it.
    func hold(
        to leader: EdgeID, at url: String, meanwhile: @escaping @Sendable () async -> Void,
        onBreak: @escaping @Sendable () -> Void
    ) {
        task.withLock { task in
            guard task == nil else { return }
            task = Task { [client] in
                async let other: Void = meanwhile()
                await Self.watch(client, url, onBreak)
                await other
            }
        }
    }

    func letGo() {
        task.withLock { task in
            task?.cancel()
            task = nil
        }
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

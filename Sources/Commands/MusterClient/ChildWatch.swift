internal import MusterAPI
internal import MusterCommandLine
package import MusterCore
internal import MusterWire

/// Waits for children that were asked for, through restarts of the coordinator.
package struct ChildWatch {
    private static let patience: Duration = .seconds(60)
    private static let pageMax = 1_000
    let client: CoordinatorClient
    /// Not empty, in order, and all of one request, whose children have numbers in a row.
    let ids: [ChildID]

    package init(client: CoordinatorClient, ids: [ChildID]) {
        self.client = client
        self.ids = ids
    }

    /// Calls now and then with how many are over, and how many of those failed. Throws a `CommandError` if any failed.
    @MainActor package func follow(_ show: @MainActor (_ done: Int, _ failed: Int) -> Void) async throws {
        var ended: [ChildID: ChildState] = [:]
        var patience = Patience(Self.patience)
        while ended.count < ids.count {
            try await patience.run {
                try await look(&ended)
                return true
            }
            show(ended.count, ended.values.count { $0 == .failed })
            if ended.count < ids.count { try await Task.sleep(for: .milliseconds(100)) }
        }
        let cancelled = ids.count { ended[$0] == .cancelled }
        guard cancelled == 0 else {
            throw CommandError(.failure, "\(cancelled) of \(ids.count) children were called off")
        }
        let failed = ids.filter { ended[$0] == .failed }
        guard failed.isEmpty else {
            throw CommandError(.failure, "\(failed.count) of \(ids.count) children failed; 'muster children' says why")
        }
    }

    /// Asks for the oldest that are not known to be over: children end in about the order of their numbers.
    @MainActor private func look(_ ended: inout [ChildID: ChildState]) async throws {
        var open = ids.filter { ended[$0] == nil }[...]
        while let first = open.first {
            let page = open.prefix { $0.rawValue < first.rawValue + Int64(Self.pageMax) }
            let before = page.last!.rawValue + 1
            let limit = Int(before - first.rawValue)
            let answer = try await client.call("GET", "/v1/children?limit=\(limit)&before=\(before)")
            for child in try ListAnswer<ChildStatus>(body: answer).items {
                if let state = child.state, state.isFinal, child.id >= first { ended[child.id] = state }
            }
            open = open.dropFirst(page.count)
        }
    }
}

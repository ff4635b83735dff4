import MusterStore
import Testing

/// A database that the suite runs on. Another one stands under the suite by being added to `all`.
struct Backend: Sendable, CustomTestStringConvertible {
    let name: String
    /// Opens the store that is kept in a folder, again and again; the bound on queued groups is for tests of overload.
    let open: @Sendable (Scratch, _ groupsMax: Int?) throws -> any Store

    var testDescription: String { name }

    func open(_ scratch: Scratch) throws -> any Store { try open(scratch, nil) }

    static let all = [sqlite]

    static let sqlite = Backend(name: "sqlite") { scratch, groupsMax in
        var limits = SQLiteStore.Limits()
        if let groupsMax { limits.groupsMax = groupsMax }
        return try SQLiteStore(path: scratch.file("store.db"), limits: limits)
    }
}

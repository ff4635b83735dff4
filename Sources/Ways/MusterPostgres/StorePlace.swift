package import MusterStore

/// Where a fleet's hard state is kept, as `--store` says: `sqlite:PATH`, or the URL of a PostgreSQL database.
package enum StorePlace: Sendable, Hashable, CustomStringConvertible {
    case sqlite(path: String)
    case postgres(PostgresURL)

    /// Throws `.incompatible` for what is neither; the message hides passwords.
    package init(_ text: String) throws(StoreError) {
        if text.hasPrefix("postgres:") || text.hasPrefix("postgresql:") {
            self = .postgres(try PostgresURL(text))
            return
        }
        guard text.hasPrefix("sqlite:"), text.utf8.count > 7 else {
            throw .noPlace("\"\(PostgresURL.hidingPasswords(in: text))\" is neither sqlite:PATH nor postgres://…")
        }
        let path = String(text.dropFirst(7))
        guard path != ":memory:", !path.hasPrefix("file:") else {
            throw .noPlace(
                "\"\(text)\" is no path of a file: what is acknowledged must survive, so the state is kept in a file "
                    + "(./\(path) for one of that name)")
        }
        self = .sqlite(path: path)
    }

    /// The path, or the URL without its password.
    package var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let url): url.description
        }
    }

    /// Blocks while it checks, migrates, or waits for a server.
    package func open() throws(StoreError) -> any Store {
        switch self {
        case .sqlite(let path): try SQLiteStore(path: path)
        case .postgres(let url): try PostgresStore(url)
        }
    }
}

extension StoreError {
    fileprivate static func noPlace(_ message: String) -> StoreError {
        StoreError(.incompatible, message, isRetryable: false)
    }
}

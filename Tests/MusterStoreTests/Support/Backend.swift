import FoundationEssentials
import Glibc
import MusterPostgres
import MusterStore
import MusterTestKit
import Testing

/// A database that the suite runs on. Another one stands under the suite by being added to `all`.
struct Backend: Sendable, CustomTestStringConvertible {
    let name: String
    /// Opens the store that is kept in a folder, again and again; the bound on queued groups is for tests of overload.
    let open: @Sendable (Scratch, _ groupsMax: Int?) throws -> any Store

    var testDescription: String { name }

    func open(_ scratch: Scratch) throws -> any Store { try open(scratch, nil) }

    static let all =
        [sqlite] + (Postgres.isThere ? [postgres] : []) + (Postgres.hasBouncer ? [bouncer] : [])

    static let sqlite = Backend(name: "sqlite") { scratch, groupsMax in
        var limits = SQLiteStore.Limits()
        if let groupsMax { limits.groups.groupsMax = groupsMax }
        return try SQLiteStore(path: scratch.file("store.db"), limits: limits)
    }

    static let postgres = Backend(name: "postgres") { scratch, groupsMax in
        try open(Postgres.url(of: scratch), groupsMax)
    }

    static let bouncer = Backend(name: "postgres behind PgBouncer") { scratch, groupsMax in
        try open(Postgres.url(of: scratch, pooled: true), groupsMax)
    }

    private static func open(_ url: String, _ groupsMax: Int?) throws -> PostgresStore {
        var limits = PostgresStore.Limits()
        if let groupsMax { limits.groups.groupsMax = groupsMax }
        return try PostgresStore(PostgresURL(url), limits: limits)
    }
}

/// Where tests have a PostgreSQL server: at `MUSTER_TEST_POSTGRES`, the URL of a database of somebody who may make others, or one
/// that they start.
enum Postgres {
    static let given = getenv("MUSTER_TEST_POSTGRES").map { String(cString: $0) }
    static let hasBouncer = given == nil && PostgresServer.programs != nil && PgBouncer.program != nil
    static let isThere = given != nil || PostgresServer.programs != nil
    static let missing: Comment =
        "PostgreSQL is not installed (Debian: postgresql), nor does MUSTER_TEST_POSTGRES name one"

    /// Of the scratch's own database, which is made with its first use; another process finds its name in the folder.
    static func url(of scratch: Scratch, pooled: Bool = false) throws -> String {
        if let known = try? scratch.bytes("url") { return String(decoding: known, as: UTF8.self) }
        let url: String
        if let given {
            url = try Given(given).makeDatabase()
        } else {
            let server = try PostgresServer.shared.get()
            let name = try server.makeDatabase()
            Cleanup.add { server.dropDatabase(name) }
            url = pooled ? try PgBouncer.shared.get().url(name) : server.url(name)
        }
        try scratch.write(Array(url.utf8), to: "url")
        return url
    }

    /// Somebody else's server, at the URL of one of its databases.
    private struct Given {
        let url: String
        init(_ url: String) { self.url = url }

        func makeDatabase() throws -> String {
            let name = "t\(UInt64.random(in: 0 ... .max))"
            try sql("CREATE DATABASE \(name)")
            Cleanup.add { _ = try? sql("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }
            // The path of the URL: behind the third slash, up to the settings.
            let query = url.firstIndex(of: "?") ?? url.endIndex
            let authority = url[(url.firstRange(of: "://")?.upperBound ?? url.startIndex)..<query]
            let end = authority.firstIndex(of: "/") ?? query
            return url[..<end] + "/" + name + url[query...]
        }

        private func sql(_ text: String) throws {
            let program = PostgresServer.programs.map { $0 + "/psql" } ?? "psql"
            _ = try Shells.run("sh", "-e", "\(program) -XqAt -v ON_ERROR_STOP=1 -d '\(url)' -c '\(text)'")
        }
    }
}

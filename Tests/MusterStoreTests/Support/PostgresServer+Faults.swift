import Glibc
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

extension PostgresServer {
    /// A store on a database of its own there, with short waits.
    func openStore(_ url: String, readWait: Duration = .seconds(30), groupsMax: Int? = nil) throws -> PostgresStore {
        var limits = PostgresStore.Limits()
        limits.readWait = readWait
        if let groupsMax { limits.groups.groupsMax = groupsMax }
        return try PostgresStore(PostgresURL(url), limits: limits)
    }

    /// Whether a commit takes longer than a second: it waits for a standby.
    func isCommitHeld() throws -> Bool {
        let psql = "\(try #require(Self.programs))/psql -XqAt -h \(folder) -p \(port) -U muster -d postgres"
        let write = "CREATE TABLE public.probe (); DROP TABLE public.probe"
        // Interrupted, it asks the server to wait no longer.
        let said = try Shells.run("sh", "-e", "timeout -s INT 1 \(psql) -c '\(write)' || echo held: $?")
        return said.contains("held: 124")
    }

    /// Ends with the running test.
    static func ofThisTest(settings: [String] = []) throws -> PostgresServer {
        let server = try PostgresServer(settings: settings)
        Cleanup.add { server.end() }
        return server
    }
}

/// PgBouncer before a server, in transaction mode; it ends with the process that made it.
final class PgBouncer: Sendable {
    static let program = (["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"] as [String]).first { access($0, X_OK) == 0 }

    let folder: String
    private let port: UInt16
    private let watchdog: Watchdog

    init(before server: PostgresServer) throws {
        let folder = server.folder + "/bouncer"
        (self.folder, port) = (folder, server.port)
        let settings = """
            [databases]
            * = host=\(server.folder) port=\(server.port) user=muster
            [pgbouncer]
            listen_addr =
            unix_socket_dir = \(folder)
            listen_port = \(server.port)
            auth_type = any
            pool_mode = transaction
            default_pool_size = 4
            server_idle_timeout = 5
            max_client_conn = 1000
            logfile = \(folder)/log
            pidfile = \(folder)/pid
            """
        let user = geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : ""
        _ = try Shells.run(
            "sh", "-e",
            """
            mkdir \(folder)
            cat >\(folder)/ini <<'EOF'
            \(settings)
            EOF
            [ -z '\(user)' ] || chown -R postgres \(folder)
            \(user)\(try #require(Self.program)) -q -d \(folder)/ini
            until [ -S \(folder)/.s.PGSQL.\(server.port) ]; do sleep 0.05; done
            """)
        watchdog = Watchdog("kill $(cat \(folder)/pid)")
    }

    /// `auth_type = any` takes every name for that of the server's own.
    func url(_ database: String) -> String { "postgres://muster@/\(database)?host=\(folder)&port=\(port)" }

    /// Before the server that most tests share.
    static let shared = Result { try PgBouncer(before: PostgresServer.shared.get()) }
}

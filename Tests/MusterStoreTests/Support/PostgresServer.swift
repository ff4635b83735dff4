import FoundationEssentials
import Glibc
import MusterTestKit
import Synchronization
import Testing

@testable import MusterPostgres

/// A real PostgreSQL server of the tests' own: its data in a folder, listening at a socket there and at a port of 127.0.0.1. It ends
/// with the process that made it, however that ends.
final class PostgresServer: Sendable {
    /// Of Debian's newest version, or where `pg_ctl` is found; nil: none.
    static let programs: String? = {
        let newest = "ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1"
        let found = try? Shells.run("sh", "-e", "p=$(\(newest)); echo ${p:-$(dirname $(command -v initdb))}")
        return found?.first { folder in
            ["initdb", "psql", "pg_ctl"].allSatisfy { access("\(folder)/\($0)", X_OK) == 0 }
        }
    }()

    /// A server cannot be run by root; Debian's package makes this user.
    private static let user = geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : ""

    let folder: String
    /// Of its socket, and of 127.0.0.1.
    let port = LastingPort.find()
    private let watchdog: Watchdog

    /// Makes a server and starts it. `settings`: lines of its configuration; `copying`: a standby of that one.
    init(settings: [String] = [], copying primary: PostgresServer? = nil) throws {
        var template = Array("/tmp/muster-pg-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        self.folder = folder
        let bin = try #require(Self.programs)
        _ = try Shells.run("sh", "-e", geteuid() == 0 ? "chown postgres \(folder); chmod 755 \(folder)" : "true")
        // The shell outlives this process for as long as it takes to end the server.
        let end = "\(Self.user)\(bin)/pg_ctl -D \(folder)/data stop -m immediate -t 20; rm -rf \(folder)"
        watchdog = Watchdog(end)
        if let primary {
            try run("pg_basebackup -D \(folder)/data -R -c fast -h \(primary.folder) -p \(primary.port) -U muster")
        } else {
            try run("initdb -D \(folder)/data -A trust -N --no-instructions -U muster -E UTF8 --locale=C")
        }
        let own =
            [
                "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = '\(folder)'",
                "log_min_messages = warning", "shared_buffers = 16MB", "max_wal_size = 256MB",
            ] + settings
        try append(own, to: "data/postgresql.conf")
        try start()
    }

    func end() { watchdog.end() }

    /// The one that most tests share: each has a database of its own there. It need not survive the machine's crash.
    static let shared = Result {
        try PostgresServer(settings: ["fsync = off", "full_page_writes = off", "max_connections = 300"])
    }

    /// At its socket, or over TCP.
    func url(_ database: String, overTCP: Bool = false) -> String {
        overTCP
            ? "postgres://muster@127.0.0.1:\(port)/\(database)"
            : "postgres://muster@/\(database)?host=\(folder)&port=\(port)"
    }

    /// Runs one of PostgreSQL's programs as the server's user; what it prints, a line each, sorted.
    @discardableResult func run(_ command: String) throws -> [String] {
        try Shells.run("sh", "-e", "cd /; \(Self.user)\(try #require(Self.programs))/\(command)")
    }

    /// Lines behind those of a file in its folder.
    func append(_ lines: [String], to file: String) throws {
        let text = lines.joined(separator: "\n")
        _ = try Shells.run("sh", "-e", "cat >>\(folder)/\(file) <<'EOF'\n\(text)\nEOF")
    }

    @discardableResult func sql(_ text: String, in database: String = "postgres") throws -> [String] {
        try run(
            "psql -XqAt -v ON_ERROR_STOP=1 -h \(folder) -p \(port) -U muster -d \(database) -c \(Shells.quoted(text))")
    }

    func start() throws { try run("pg_ctl -D \(folder)/data -l \(folder)/log -w -t 60 start") }

    /// `fast`, `immediate`: without a word to anybody, as by a crash.
    func stop(_ mode: String) throws { try run("pg_ctl -D \(folder)/data -w -t 60 -m \(mode) stop") }

    /// Kills the server and all its processes at once.
    func kill() throws {
        let file = try String(decoding: Data(contentsOf: URL(filePath: folder + "/data/postmaster.pid")), as: UTF8.self)
        let main = try #require(file.split(whereSeparator: \.isNewline).first.flatMap { pid_t($0) })
        // Stopped, it starts no others meanwhile.
        Glibc.kill(main, SIGSTOP)
        while ProcessTable.isRunning(main), !ProcessTable.isStopped(main) { usleep(1_000) }
        let all = ProcessTable.children(of: main) + [main]
        for process in all { Glibc.kill(process, SIGKILL) }
        for process in all { while ProcessTable.isRunning(process) { usleep(1_000) } }
        // What a killed server leaves there would be taken for a running one's for as long as nobody has asked how that one ended.
        _ = try Shells.run("sh", "-e", "rm -f \(folder)/data/postmaster.pid \(folder)/.s.PGSQL.*")
    }

    /// A database that is there for this test only.
    func makeDatabase() throws -> String {
        let name = "t\(UInt64.random(in: 0 ... .max))"
        try administer("CREATE DATABASE \(name)")
        return name
    }

    func dropDatabase(_ name: String) { _ = try? administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }

    /// Hundreds of times by the suite: a program for each would take longer than what it does.
    private func administer(_ text: String) throws {
        _ = try Connection.open(PostgresURL(url("postgres"))).rows(Query(text))
    }
}

import Glibc
import MusterStore
import Testing

@testable import MusterPostgres

@Suite struct PostgresURLTests {
    @Test(arguments: [
        ("postgres://u:secret@h/db", "postgres://u:***@h/db"),
        ("postgresql://u:se%40cret@h:1,g:2/db?sslmode=require", "postgresql://u:***@h:1,g:2/db?sslmode=require"),
        ("postgres://u@h/db?password=secret&sslmode=require", "postgres://u@h/db?password=***&sslmode=require"),
        ("postgres://u@h/db?sslpassword=secret", "postgres://u@h/db?sslpassword=***"),
        ("postgres://u:a/secret@h/db", "postgres://u:***@h/db"),
        ("postgres://u:a:secret@h", "postgres://u:***@h"), ("postgres://u@h:5432/db", "postgres://u@h:5432/db"),
        ("postgres://h/db?host=/run", "postgres://h/db?host=/run"), ("postgres:///db", "postgres:///db"),
        ("postgres://u:a@b/secret@h/db", "postgres://u:***@h/db"),
        ("postgres://u:a@b?secret@h/db", "postgres://u:***@h/db"),
        ("postgres://h/db?password=a&secret&sslmode=require", "postgres://h/db?password=***&sslmode=require"),
        ("postgres://h/db?p%61ssword=secret", "postgres://h/db?p%61ssword=***"),
        ("postgres:u:secret@h/db", "postgres:u:***@h/db"), ("u:secret@h/db", "u:***@h/db"),
        ("mysql:u:secret@h", "mysql:***@h"),
        ("host=h password=secret dbname=db", "host=h password=***"),
        ("host=h sslpassword = 'a secret' dbname=db", "host=h sslpassword=***"),
        ("password=secret://x", "password=***"),
        ("host=password user=u password=secret", "host=password user=u password=***"),
        ("no url", "no url"), ("", ""),
    ])
    func passwordsAreHidden(_ text: String, _ shown: String) {
        #expect(PostgresURL.hidingPasswords(in: text) == shown)
        do throws(StoreError) { _ = try StorePlace(text) } catch { #expect(!error.message.contains("secret")) }
    }

    /// libpq takes these apart elsewhere than where whoever wrote them meant, and would tell pieces of the password as a host's name.
    @Test(arguments: [
        "postgres://u:a@secret@h/db", "postgres://u:a/secret@h/db", "postgres://u:5/secret@h/db",
        "postgres://u:a@b/secret@h/db", "postgres://u:a/b@secret@h/db?sslmode=require",
    ])
    func whatMayBeReadInTwoWaysIsRefused(_ text: String) {
        #expect {
            _ = try PostgresURL(text)
        } throws: {
            "\($0)".contains("%40") && !"\($0)".contains("secret")
        }
    }

    @Test func whatIsWrittenAsItShouldBeIsTaken() throws {
        let url = try PostgresURL("postgres://u:a%40b%2Fc?d:e@h:1/db?user=x@y")
        #expect(url.settings.first { $0.name == "password" }?.value == "a@b/c?d:e")
        #expect(url.settings.first { $0.name == "user" }?.value == "x@y")
        #expect(url.description == "postgres://u:***@h:1/db?user=x@y")
        #expect(try PostgresURL("postgres://u@h:1/db?user=x@y").description == "postgres://u@h:1/db?user=x@y")
    }

    @Test(arguments: [
        "", "sqlite:a", "mysql://h/db", "postgres://u:secret@[::1/db", "postgres://u:secret@h/db?nonsense=1",
        "postgres://u:%secret@h/db", "postgres://u:secret@h,g/db?port=1,2,3", "postgres:/h",
    ])
    func whatIsNoneIsRefusedWithoutItsPassword(_ text: String) {
        #expect {
            _ = try PostgresURL(text)
        } throws: { error in
            guard let error = error as? StoreError else { return false }
            return error.code == .incompatible && !error.message.contains("secret")
                && error.message.contains("postgres://USER@HOST")
        }
    }

    private func value(_ name: String, _ candidate: [PostgresURL.Setting]) -> String? {
        candidate.first { $0.name == name }?.value
    }

    private func candidates(_ url: String, _ names: [String: [String]] = [:]) throws -> [[PostgresURL.Setting]] {
        try PostgresURL(url).candidates { names[$0] ?? [] }
    }

    @Test func eachHostIsACandidate() throws {
        let all = try candidates("postgres://u@a,b:7/db")
        #expect(all.map { value("host", $0) } == ["a", "b"])
        // Where one host has a port, libpq takes an empty one for its own default.
        #expect(all.map { value("port", $0) } == ["5432", "7"])
        #expect(all.allSatisfy { value("target_session_attrs", $0) == "read-write" })
        #expect(all.allSatisfy { value("tcp_user_timeout", $0) == "20000" && value("dbname", $0) == "db" })
        let own = try candidates("postgres://a,b/db?target_session_attrs=any&tcp_user_timeout=1")
        #expect(own.map { value("target_session_attrs", $0) } == ["any", "any"])
        #expect(own.map { value("tcp_user_timeout", $0) } == ["1", "1"])
        #expect(try candidates("postgres:///db").map { value("host", $0) } == [nil])
        #expect(throws: StoreError.self) { try PostgresURL("postgres://a,,b/db") }
    }

    /// One that swallows all it is sent must not keep the others from being tried.
    @Test func eachAddressIsACandidate() throws {
        let names = ["a": ["::1", "10.0.0.1"], "b": ["10.0.0.2"], "/run": ["10.0.0.3", "10.0.0.4"]]
        let all = try candidates("postgres://u@a:7,b:8,c:9/db", names)
        #expect(all.map { value("host", $0) } == ["a", "a", "b", "c"])
        #expect(all.map { value("hostaddr", $0) } == ["::1", "10.0.0.1", nil, nil])
        #expect(all.map { value("port", $0) } == ["7", "7", "8", "9"])
        let one = try candidates("postgres://u@a/db", names)
        #expect(one.map { value("hostaddr", $0) } == ["::1", "10.0.0.1"])
        #expect(one.allSatisfy { value("target_session_attrs", $0) == "read-write" })
        let single = try candidates("postgres://u@b/db", names)
        #expect(single.map { value("target_session_attrs", $0) } == [nil])
        #expect(try candidates("postgres:///db?host=/run", names).map { value("hostaddr", $0) } == [nil])
        #expect(try candidates("postgres://a/db?hostaddr=9.9.9.9", names).map { value("hostaddr", $0) } == ["9.9.9.9"])
        let many = ["a": (1...20).map { "10.0.0.\($0)" }]
        #expect(try candidates("postgres://a/db", many).count == PostgresURL.addressesMax)
        #expect(PostgresURL.addresses(of: "127.0.0.1") == ["127.0.0.1"])
        #expect(PostgresURL.addresses(of: "no name") == [])
    }

    @Test func aConnectionHasTheTimeThatIsSet() throws {
        for (setting, seconds) in [
            ("", 10), ("?connect_timeout=0", 10), ("?connect_timeout=1", 2), ("?connect_timeout=7", 7),
        ] {
            let found = try candidates("postgres://h/db\(setting)")
            #expect(found.map { Connection.timeLimit($0) } == [.seconds(seconds)])
        }
        #expect(Connection.timeLimit(try candidates("postgres://h/db?connect_timeout=999")[0]) == .seconds(60))
    }

    /// Hosts that the URL does not name are as many candidates, and of them one that takes writes is wanted, too.
    @Test func hostsOfAServiceAndOfVariables() async {
        await #expect(processExitsWith: .success) {
            let scratch = Scratch()
            defer {
                unlink(scratch.file("services"))
                rmdir(scratch.folder)
            }
            try scratch.write(
                Array(
                    "[two]\nhost=c,d\nport=1,2\nconnect_timeout=3\n[p]\nhost=c,d\ntarget_session_attrs=primary\n".utf8),
                to: "services")
            setenv("PGSERVICEFILE", scratch.file("services"), 1)
            setenv("PGHOST", "a,b", 1)
            func told(_ url: String) throws -> [String] {
                try PostgresURL(url).candidates { _ in [] }.map { settings in
                    ["host", "port", "target_session_attrs", "connect_timeout"].map { name in
                        settings.first { $0.name == name }?.value ?? "-"
                    }.joined(separator: " ")
                }
            }
            #expect(try told("postgres:///db") == ["a 5432 read-write -", "b 5432 read-write -"])
            #expect(try told("postgres:///?service=two") == ["c 1 read-write 3", "d 2 read-write 3"])
            #expect(try told("postgres://h/?service=two&port=9") == ["h 9 - 3"])
            #expect(try told("postgres:///?service=p") == ["c 5432 - -", "d 5432 - -"])
            #expect(try told("postgres:///?service=none") == ["- - - -"])
        }
    }

    @Test(arguments: [
        ("FATAL:  53300: sorry, too many clients already\nLOCATION:  InitProcess, proc.c:360", "53300"),
        ("connection to server at \"h\" (127.0.0.1), port 5432 failed: FATAL:  57P03: the database", "57P03"),
        ("FATAL:  sorry", ""), ("could not connect: Connection refused", ""), ("", ""),
    ])
    func theCodeOfARefusalIsFound(_ text: String, _ code: String) {
        #expect(ServerError.sqlstate(in: text) == code)
    }

    @Test(arguments: [
        ("53100", StoreError.Code.full, true), ("23505", .conflict, false), ("54000", .conflict, false),
        ("53300", .unreachable, true), ("57P01", .unreachable, true), ("08006", .unreachable, true),
        ("25006", .unreachable, true), ("", .unreachable, true), ("40001", .io(0), true), ("57014", .io(0), true),
        ("42501", .io(0), false), ("28P01", .io(0), false), ("42P01", .corrupt, false), ("XX001", .corrupt, false),
    ])
    func whatAServerSaysHasAMeaning(_ state: String, _ code: StoreError.Code, _ isRetryable: Bool) {
        let error = ServerError(sqlstate: state, message: "said").storeError("postgres://h/db")
        #expect((error.code, error.isRetryable) == (code, isRetryable))
        #expect(error.message.contains("said") && error.message.contains("postgres://h/db"))
    }
}

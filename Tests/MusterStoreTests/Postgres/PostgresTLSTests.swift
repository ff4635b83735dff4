import Glibc
import MusterCore
import MusterStore
import MusterTestKit
import Testing

@testable import MusterPostgres

private let hasOpenSSL = (try? Shells.run("sh", "-e", "command -v openssl")) != nil

/// A server with a certificate of an authority that the URL names.
@Suite(
    .cleansUp, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.programs != nil, Postgres.missing),
    .enabled(if: hasOpenSSL, "needs the openssl program"))
struct PostgresTLSTests {
    /// An authority, and a certificate of its for `localhost` with a key that the server may read.
    private static func certificates(in folder: String) throws {
        let owner = geteuid() == 0 ? "chown -R postgres \(folder); chmod 755 \(folder)" : ":"
        _ = try Shells.run(
            "sh", "-e",
            """
            cd \(folder)
            for name in ca other; do
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name \
                    -addext basicConstraints=critical,CA:TRUE -keyout $name.key -out $name.pem
            done
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem
            echo subjectAltName=DNS:localhost >ext
            openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem
            chmod 600 key.pem
            \(owner)
            """)
    }

    @Test func aServerIsKnownByItsCertificate() async throws {
        let folder = Scratch().folder
        try Self.certificates(in: folder)
        let server = try PostgresServer.ofThisTest(settings: [
            "ssl = on", "ssl_cert_file = '\(folder)/cert.pem'", "ssl_key_file = '\(folder)/key.pem'",
        ])
        func url(_ host: String, _ authority: String) -> String {
            "postgres://muster@\(host):\(server.port)/postgres?sslmode=verify-full&sslrootcert=\(folder)/\(authority).pem"
        }
        let store = try server.openStore(url("localhost", "ca"))
        try await store.commit([.setMeta(key: "k", value: [1])])
        #expect(try await store.meta("k") == [1])
        #expect(
            try server.sql(
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'muster'"
            )
                == ["t"])
        await store.close()
        for (host, authority) in [("localhost", "other"), ("127.0.0.1", "ca")] {
            var limits = PostgresStore.Limits()
            limits.openWait = .zero
            #expect("\(host) \(authority)") {
                _ = try PostgresStore(PostgresURL(url(host, authority)), limits: limits)
            } throws: {
                "\($0)".contains("certificate")
            }
        }
    }
}

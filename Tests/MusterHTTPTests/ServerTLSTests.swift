import FoundationEssentials
import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

/// Runs a shell command. Nil where it fails; its output else.
private func shell(_ command: String) -> String? {
    guard let pipe = popen(command, "r") else { return nil }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer.prefix(count) }
    return pclose(pipe) == 0 ? String(decoding: output, as: UTF8.self) : nil
}

/// A self-signed certificate for 127.0.0.1 in a folder of its own, removed at the end.
private final class Certificate: Sendable {
    let folder: String
    let pem: String
    let key: String

    init() throws {
        var template = Array("/tmp/muster-tls-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        self.folder = folder
        _ = try #require(
            shell(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
                    + " -addext subjectAltName=IP:127.0.0.1 -keyout \(folder)/key.pem -out \(folder)/cert.pem 2>/dev/null"
            ))
        pem = try String(contentsOfFile: folder + "/cert.pem", encoding: .utf8)
        key = try String(contentsOfFile: folder + "/key.pem", encoding: .utf8)
    }

    func configuration(
        ciphers: String = HTTPServer.Configuration.defaultCiphers
    ) -> HTTPServer.Configuration {
        .with {
            $0.tlsCertificate = pem
            $0.tlsKey = key
            $0.tlsCiphers = ciphers
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
}

private let hasPrograms = shell("command -v openssl && command -v curl") != nil

@Suite(.enabled(if: hasPrograms, "needs the openssl and curl programs")) struct ServerTLSTests {
    @Test func speaksTLS() async throws {
        let certificate = try await onThread { try Certificate() }
        try await withTestServer(
            .with {
                $0.tlsCertificate = certificate.pem
                $0.tlsKey = certificate.key
            }
        ) { server in
            let curl =
                "curl --noproxy '*' -s -m 20 --cacert \(certificate.folder)/cert.pem https://127.0.0.1:\(server.port)"
            #expect(shell("\(curl)/hello") == "hello")
            #expect(shell("\(curl)/body -d sent") == "sent")
            #expect(shell("head -c 3000000 /dev/zero | \(curl)/upload -T - -X POST") == "3000000 0")
            #expect(shell("\(curl)/nowhere -o /dev/null -w '%{http_code}'") == "404")
            // Who does not know the certificate does not trust it.
            #expect(shell("curl --noproxy '*' -s -m 20 https://127.0.0.1:\(server.port)/hello") == nil)
            // Plain HTTP and junk are cut.
            #expect(server.client().ask("GET", "/hello") == nil)
            let junk = server.client()
            junk.send([UInt8](repeating: 0x16, count: 1000))
            #expect(junk.isClosedByServer())
            #expect(shell("\(curl)/hello") == "hello")
        }
    }

    @Test func deadClientsAreNoticed() async throws {
        let certificate = try await onThread { try Certificate() }
        try await withTestServer(
            .with {
                $0.tlsCertificate = certificate.pem
                $0.tlsKey = certificate.key
            }
        ) { server in
            for (round, target) in ["held", "task", "stream"].enumerated() {
                // The time limit ends curl while it waits.
                let curl = "curl --noproxy '*' -s -m 1 --cacert \(certificate.folder)/cert.pem -o /dev/null"
                #expect(shell("\(curl) https://127.0.0.1:\(server.port)/\(target)") == nil)
                #expect(server.notices.wait(round) != nil)
            }
            for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            #expect(server.server.statistics.connections == 0)
        }
    }

    @Test func wrongKeysAreRefusedAtStart() async throws {
        let (one, other) = try await onThread { (try Certificate(), try Certificate()) }
        for (pem, key) in [(one.pem, other.key), ("nonsense", one.key), (one.pem, "nonsense"), ("", "")] {
            #expect(throws: HTTPServerError.self) {
                _ = try TestServer(
                    .with {
                        $0.tlsCertificate = pem
                        $0.tlsKey = key
                    })
            }
        }
    }

    /// TLS 1.0 and 1.1 are refused (RFC 8996), unless the owner says otherwise.
    @Test func versions() async throws {
        let certificate = try await onThread { try Certificate() }
        @Sendable func speaks(_ version: String, _ server: TestServer) -> Bool {
            shell(
                "echo | openssl s_client -connect 127.0.0.1:\(server.port) -\(version) -cipher DEFAULT@SECLEVEL=0 2>&1 | "
                    + "grep -q 'Cipher is [A-Z]'") != nil
        }
        try await withTestServer(certificate.configuration()) { server in
            #expect(!speaks("tls1", server) && !speaks("tls1_1", server))
            #expect(speaks("tls1_2", server) && speaks("tls1_3", server))
        }
        try await withTestServer(certificate.configuration(ciphers: "NORMAL:-VERS-ALL:+VERS-TLS1.3")) { server in
            #expect(!speaks("tls1_2", server) && speaks("tls1_3", server))
        }
        let error = #expect(throws: HTTPServerError.self) {
            _ = try TestServer(certificate.configuration(ciphers: "NONSENSE"))
        }
        #expect(error?.isTLS == true && error?.message.contains("NONSENSE") == true)
    }

    /// New connections see the new one; those that are open go on, and a pair that does not fit changes nothing.
    @Test func anotherCertificateWhileItRuns() async throws {
        let (one, other) = try await onThread { (try Certificate(), try Certificate()) }
        try await withTestServer(one.configuration()) { server in
            func trusts(_ certificate: Certificate) -> Bool {
                shell(
                    "curl --noproxy '*' -s -m 20 --cacert \(certificate.folder)/cert.pem https://127.0.0.1:\(server.port)/hello"
                )
                    == "hello"
            }
            #expect(trusts(one) && !trusts(other))
            let open = Kept<String?>()
            runThread {
                open.add(
                    shell(
                        "curl --noproxy '*' -s -m 60 --cacert \(one.folder)/cert.pem https://127.0.0.1:\(server.port)/stream"
                    ))
            }
            let stream = try #require(server.streams.wait())
            for (pem, key) in [(one.pem, other.key), ("nonsense", one.key), ("", "")] {
                #expect(throws: HTTPServerError.self) { try server.server.replaceCertificate(pem, key: key) }
                #expect(trusts(one))
            }
            try server.server.replaceCertificate(other.pem, key: other.key)
            #expect(trusts(other) && !trusts(one))
            _ = stream.write(Array("the old one goes on".utf8))
            stream.finish()
            #expect(open.wait() == "the old one goes on")
            // Any number of times, as long as those before are not kept open.
            for _ in 0..<20 {
                try server.server.replaceCertificate(one.pem, key: one.key)
                #expect(trusts(one))
                for _ in 0..<10_000 where server.server.statistics.connections > 0 { usleep(500) }
            }
        }
    }
}

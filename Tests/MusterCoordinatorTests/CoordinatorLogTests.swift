import Glibc
import MusterAPI
import MusterJSON
import MusterLog
import MusterRoutes
import MusterServerKit
import MusterWire
import Synchronization
import Testing

@testable import MusterRole

/// What the process logs while `body` runs.
private func logged(_ format: LogFormat, _ body: () async throws -> Void) async throws -> String {
    var template = Array("/tmp/muster-log-XXXXXX".utf8CString)
    let file = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    Log.configure(level: .debug, format: format, descriptor: file)
    defer {
        Log.configure(level: .info, format: .text)
        close(file)
        unlink(path)
    }
    try await body()
    let bytes = try readWhole(path, bytesMax: 256 << 20) ?? []
    return String(decoding: bytes, as: UTF8.self)
}

@Suite(.serialized) struct CoordinatorLogTests {
    /// A name that would clear a terminal, set its title, and end the line to forge another.
    static let name = #"evil\u001b[2J\u001b]0;owned\u0007\u009b31m\r\n2026-01-01T00:00:00.000Z error forged\u007f"#

    @Test(arguments: LogFormat.allCases)
    func tokensAndEscapesStayOutOfTheLog(_ format: LogFormat) async throws {
        let secrets = Mutex<[String]>([])
        let log = try await logged(format) {
            try await withCoordinator { coordinator in
                let tokens = coordinator.tokens
                let member = try coordinator.join(#"{"name":"\#(Self.name)","role":"client"}"#)
                secrets.withLock { $0 = [tokens.admin, tokens.join, tokens.read, member.secret] }
                // Joining last: while there is a worker, a picture is not given up.
                let routes = RouteTable.all.filter { ![.leaveFleet, .joinFleet].contains($0.name) }
                for spec in routes + [RouteTable.spec(.joinFleet)] {
                    for token in [tokens.admin, tokens.join, tokens.read, member.secret] {
                        let sample = SampleRequest(spec.name, job: 1, member: member.id)
                        _ = coordinator.ask(
                            spec.method, sample.target, token: token, body: sample.body, headOnly: sample.isStream)
                        _ = coordinator.ask(
                            spec.method, sample.target + "?token=\(token)", token: "x", body: "\"\(token)\"")
                    }
                }
                #expect(coordinator.ask("DELETE", "/v1/members/\(member.id)", token: member.secret)?.status == 200)
            }
        }
        #expect(log.contains("member-joined") && log.contains("evil"), "the log was caught")
        for secret in secrets.withLock({ $0 }) { #expect(!log.contains(secret)) }
        // Other tests of this process write to the same place meanwhile: only lines about this member count.
        let lines = log.utf8.split(separator: 0x0A).map { Substring($0) }
        for line in lines where line.contains("evil") {
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
            if line.hasPrefix("{") {
                #expect(throws: Never.self) { try JSONValue(parsing: Array(line.utf8)) }
            }
        }
        #expect(!lines.contains { $0.hasPrefix("2026-01-01T00:00:00.000Z") }, "no line was forged")
    }

    static let values: [(value: String, shown: String)] = [
        ("plain-1", "plain-1"), ("", #""""#), ("two words", #""two words""#), ("a=b", #""a=b""#),
        (#"say "x""#, #""say \"x\"""#), ("\u{202E}gpj.exe", "?gpj.exe"), ("a\u{200B}\u{200D}\u{FEFF}b", "a???b"),
        ("\u{2066}x\u{2069} y", #""?x? y""#), ("\u{2028}\u{2029}\u{AD}\u{E0041}", "????"),
        ("Zo\u{EB} \u{4E2D}", "\"Zo\u{EB} \u{4E2D}\""),
    ]

    /// One value a name: what would not be seen is, and no value ends before its end.
    @Test(arguments: values)
    func valuesAreReadAsOne(_ value: String, _ shown: String) async throws {
        let log = try await logged(.text) { Log.notice("valuesAreReadAsOne", ["value": value, "then": "1"]) }
        #expect(
            log.split(separator: "\n").contains { $0.hasSuffix(" notice valuesAreReadAsOne value=\(shown) then=1") },
            "\(log)")
    }

    /// In answers names stay what they are, as JSON escapes; nothing raw reaches a terminal.
    @Test func namesInAnswersAreEscaped() async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join(#"{"name":"\#(Self.name)","labels":{"\u001b[31m":"\u0000"}}"#)
            for target in ["/v1/members", "/v1/members/\(member.id)", "/servers"] {
                let response = try #require(coordinator.ask("GET", target, token: coordinator.tokens.read))
                #expect(response.status == 200)
                #expect(response.body.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                #expect(throws: Never.self) { try JSONValue(parsing: response.body) }
            }
            // The same name again gets a number.
            let second = try #require(
                coordinator.ask(
                    "POST", "/v1/members", token: coordinator.tokens.join,
                    body: #"{"name":"\#(Self.name)","role":"client"}"#))
            #expect(try JoinReply(body: second.body).name.hasSuffix("-2"))
        }
    }
}

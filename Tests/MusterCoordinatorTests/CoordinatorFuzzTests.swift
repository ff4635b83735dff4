import MusterAPI
import MusterCore
import MusterHTTP
import MusterHTTPClient
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same requests.
private struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Makes raw requests that are nearly right.
private struct Mutator {
    var random: SeededRandom
    let tokens: [String]
    let member: MemberID

    static let methods = ["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "get", "", "P\u{0}ST", "BREW"]
    static let headers = [
        "Content-Length: 0", "Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Connection: close", "Connection: upgrade", "Host: x", "Authorization: Bearer x", "X: \u{1B}[31m",
        "Range: bytes=0-1",
        "Accept-Encoding: gzip", "Content-Type: text/xml", "If-None-Match: *", ": x", "no colon",
    ]
    static let pieces = [
        "%", "%zz", "%00", "/", "//", "..", "?", "&", "=", "#", "%2f", "\u{1B}", "0", "-1", "99999999999999999999",
    ]
    static let values = [
        "null", "-1", "1e400", "0.5", "\"\\u0000\"", "[]", "{}", "[[[[[[]]]]]]", "\"\\ud800\"", "18446744073709551616",
        "true",
        "\"\u{1B}]0;x\u{7}\"", "", ",", "}", "\"",
    ]

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func next() -> [UInt8] {
        let spec = RouteTable.all.randomElement(using: &random)!
        let sample = SampleRequest(spec.name, job: Int.random(in: 1...3, using: &random), member: member)
        var method = spec.method
        var target = sample.target
        var body = sample.body ?? ""
        if chance(10) { method = Self.methods.randomElement(using: &random)! }
        if chance(30) { target = inserted(Self.pieces.randomElement(using: &random)!, into: target) }
        if chance(10) {
            target += "?" + ["limit=1", "wait=true", "from=2", "x", "limit=%"].randomElement(using: &random)!
        }
        if chance(30) { body = mutated(body) }
        var lines = ["Host: localhost", "Authorization: Bearer \(tokens.randomElement(using: &random)!)"]
        if !body.isEmpty {
            lines.append(
                "Content-Length: \(body.utf8.count + (chance(5) ? Int.random(in: -3...3, using: &random) : 0))")
        }
        while chance(25) { lines.append(Self.headers.randomElement(using: &random)!) }
        lines.shuffle(using: &random)
        let text =
            "\(method) \(target) HTTP/1.\(chance(5) ? 0 : 1)\r\n\(lines.joined(separator: "\r\n"))\r\n\r\n\(body)"
        var bytes = Array(text.utf8)
        while chance(15), !bytes.isEmpty {
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if chance(5) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
        return bytes
    }

    private mutating func inserted(_ piece: String, into text: String) -> String {
        var characters = Array(text)
        characters.insert(contentsOf: piece, at: Int.random(in: 0...characters.count, using: &random))
        return String(characters)
    }

    /// Swaps something of a JSON text for something else.
    private mutating func mutated(_ body: String) -> String {
        let value = Self.values.randomElement(using: &random)!
        guard let colon = body.indices.filter({ body[$0] == ":" }).randomElement(using: &random), chance(70) else {
            return inserted(value, into: body)
        }
        let rest = body[body.index(after: colon)...].drop { $0 != "," && $0 != "}" }
        return body[...colon] + value + rest
    }
}

@Suite struct CoordinatorFuzzTests {
    /// Every request is answered or its connection ends; no answer is a 500; the coordinator lives on.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func nearlyRightRequests(_ seed: UInt64) async throws {
        var server = HTTPServer.Configuration()
        server.limits.idleSeconds = 1
        try await withCoordinator(server) { coordinator in
            let member = try coordinator.join(#"{"role":"client"}"#)
            for _ in 0..<3 { _ = try coordinator.submit() }
            let tokens = coordinator.tokens
            var mutator = Mutator(
                random: SeededRandom(state: seed),
                tokens: [tokens.admin, tokens.admin, tokens.join, member.secret, "x"],
                member: member.id)
            var answered = 0
            for batch in 0..<4 {
                let requests = (0..<400).map { _ in mutator.next() }
                let clients = requests.map { request in
                    let client = RawClient(port: coordinator.port)
                    client.send(request)
                    client.halfClose()
                    return client
                }
                for (request, client) in zip(requests, clients) {
                    let shown =
                        "seed \(seed), batch \(batch): \(String(reflecting: String(decoding: request.prefix(600), as: UTF8.self)))"
                    guard let answer = client.rest() else {
                        Issue.record("neither answered nor ended: \(shown)")
                        continue
                    }
                    let text = String(decoding: answer, as: UTF8.self)
                    #expect(answer.isEmpty || text.hasPrefix("HTTP/1."), "\(shown)")
                    #expect(!text.hasPrefix("HTTP/1.1 500"), "\(shown) was answered \(text)")
                    if !answer.isEmpty { answered += 1 }
                }
                #expect(coordinator.ask("GET", "/healthz")?.status == 200)
                #expect(coordinator.ask("GET", "/readyz")?.status == 200)
            }
            #expect(answered > 1000, "most are near enough to be answered")
            _ = try coordinator.submit()
        }
    }
}

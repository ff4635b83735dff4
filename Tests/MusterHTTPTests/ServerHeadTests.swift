import FoundationEssentials
import Glibc
import MusterServerKit
import Testing

@testable import MusterHTTP

/// What is told of a body that is not sent: HEAD and 304.
@Suite struct ServerHeadTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var target: String
        var method = "HEAD"
        var status = 200
        /// Nil: no length is told.
        var length: String?
        var testDescription: String { "\(method) \(target)" }
    }

    static let cases = [
        Case(target: "/hello", length: "5"), Case(target: "/prepared", length: "5"),
        Case(target: "/empty", length: "0"),
        Case(target: "/nowhere", status: 404, length: "128"), Case(target: "/stream"), Case(target: "/source"),
        Case(target: "/stream/counted", length: "70"), Case(target: "/source/counted", length: "70"),
        Case(target: "/told", length: "12345"), Case(target: "/untold"), Case(target: "/held/stream"),
        Case(target: "/known", method: "GET", status: 304, length: "12345"),
        Case(target: "/known", status: 304, length: "12345"),
        Case(target: "/known/empty", method: "GET", status: 304, length: "0"),
        Case(target: "/known/untold", method: "GET", status: 304), Case(target: "/known/untold", status: 304),
        Case(target: "/known/nothing", method: "GET", status: 304),
    ]

    /// Of two requests sent at once: not a byte stands between the first one's head and the second one's answer.
    @Test(arguments: cases) func nothingFollowsTheHead(_ known: Case) async throws {
        try await withHeadServer { server in
            let client = server.client()
            let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client.send("\(known.method) \(known.target) HTTP/1.1\r\nHost: localhost\r\n\r\n\(hello)")
            let head = try #require(client.response(headOnly: true))
            #expect(head.status == known.status)
            #expect(head["content-length"] == known.length)
            #expect(head["transfer-encoding"] == nil)
            if known.length == nil {
                // Nothing but the connection's end says where such an answer ends, if it is taken for one with a body.
                #expect(head["connection"] == "close")
                #expect(client.rest() == [])
            } else {
                #expect(client.response()?.text == "hello")
            }
        }
    }

    /// Who writes what nobody reads is told so.
    @Test func theStreamOfAHeadIsOver() async throws {
        try await withTestServer { server in
            let client = server.client()
            #expect(client.ask("HEAD", "/stream")?.status == 200)
            #expect(server.notices.wait() != nil)
            #expect(server.streams.wait()?.isClosed == true)
        }
    }

    @Test(
        .enabled(if: Program.path("node") != nil, "node is missing"),
        arguments: cases.filter { $0.method == "HEAD" })
    func nodeUnderstands(_ known: Case) async throws {
        let node = try #require(Program.path("node"))
        try await withHeadServer { server in
            let script = """
                const http = require('http')
                const agent = new http.Agent({keepAlive: true, maxSockets: 1})
                const ask = (method, path) => new Promise((resolve, reject) => http.request(
                    {host: '127.0.0.1', port: \(server.port), method, path, agent}, answer => {
                        let text = ''
                        answer.on('data', piece => text += piece)
                        answer.on('end', () => resolve(answer.statusCode + text))
                        answer.on('error', reject)
                    }).on('error', reject).end())
                const all = async () => {
                    for (let round = 0; round < 3; round++) {
                        console.log(await ask('HEAD', '\(known.target)'), await ask('GET', '/hello'))
                    }
                }
                all().catch(error => { console.log(error); process.exit(1) }).finally(() => agent.destroy())
                """
            let line = "\(known.status) 200hello\n"
            #expect(Program.output("\(node) -e \"\(script)\"") == line + line + line)
        }
    }
}

/// Programs of this machine.
private enum Program {
    static func path(_ name: String) -> String? {
        let found = output("command -v \(name)").split(separator: "\n").first.map(String.init)
        return found
    }

    static func output(_ command: String) -> String {
        guard let pipe = popen("{ \(command) ; } 2>&1", "r") else { return "" }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { output += buffer.prefix(count) }
        return String(decoding: output, as: UTF8.self)
    }
}

private final class Bytes: HTTPBodySource {
    func read(into room: UnsafeMutableRawBufferPointer, at offset: UInt64, sleeper: HTTPSleeper) -> HTTPBodyPortion {
        offset < 70 ? .bytes(min(room.count, 70 - Int(offset))) : .end
    }
}

private func withHeadServer(_ body: @escaping @Sendable (TestServer) throws -> Void) async throws {
    func answer(_ target: String, status: Int = 200, _ body: @escaping @Sendable () -> HTTPResponse.Body) -> HTTPRoute {
        HTTPRoute("GET", target) { _ in .respond(HTTPResponse(status: status, body: body())) }
    }
    let server = try TestServer(routes: { routes in
        routes.all + [
            answer("/empty") { .none }, answer("/told") { .lengthOnly(12_345) }, answer("/untold") { .lengthOnly(nil) },
            answer("/source") { .source(HTTPSourceBody(Bytes(), count: nil)) },
            answer("/source/counted") { .source(HTTPSourceBody(Bytes(), count: 70)) },
            answer("/stream/counted") { .stream(HTTPStream(count: 70)) },
            answer("/known", status: 304) { .lengthOnly(12_345) },
            answer("/known/empty", status: 304) { .lengthOnly(0) },
            answer("/known/untold", status: 304) { .lengthOnly(nil) }, answer("/known/nothing", status: 304) { .none },
            HTTPRoute("GET", "/held/stream") { _ in
                .hold { $0.respond(HTTPResponse(status: 200, body: .stream(HTTPStream()))) }
            },
        ]
    })
    do {
        try await onThread { try body(server) }
    } catch {
        await server.server.shutdown(graceSeconds: 0)
        throw error
    }
    await server.server.shutdown(graceSeconds: 0)
}

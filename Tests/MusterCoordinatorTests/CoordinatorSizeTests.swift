import Glibc
import MusterAPI
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

@Suite(.serialized) struct CoordinatorSizeTests {
    @Test(arguments: CoordinatorBadInputTests.routes)
    func oneByteOverTheBound(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let member = try coordinator.join()
            let token = spec.access == .member ? member.secret : coordinator.tokens.admin
            let target = SampleRequest(name, job: 1, member: member.id).target
            let client = RawClient(port: coordinator.port)
            let over = spec.bodyBytesMax + 1
            // Declared, not sent: the refusal needs nothing of it.
            client.send(
                Array(
                    "\(spec.method) \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Length: \(over)\r\n\r\n"
                        .utf8))
            let answer = String(decoding: client.rest() ?? [], as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(answer.contains("\(over)") && answer.contains("\(spec.bodyBytesMax)"))
            #expect(answer.contains(Problem.contentType))
        }
    }

    /// A body of exactly the bound is read and judged.
    @Test func atTheBound() async throws {
        try await withCoordinator { coordinator in
            let bound = RouteTable.spec(.createJob).bodyBytesMax
            #expect(bound == 64 << 20)
            let start = Array(#"{"kernel":"sum","inputs":[[1]"#.utf8)
            var body = start + [UInt8](repeating: UInt8(ascii: " "), count: bound - start.count - 2)
            body += Array("]}".utf8)
            let client = RawClient(port: coordinator.port)
            let response = try #require(client.ask("POST", "/v1/jobs", token: coordinator.tokens.admin, body: body))
            #expect(response.status == 201, "\(response.text)")
            // One input too long, of many.
            let long = "{\"kernel\":\"sum\",\"inputs\":[[1],[" + String(repeating: "1,", count: 1 << 19) + "1]]}"
            let refused = client.ask("POST", "/v1/jobs", token: coordinator.tokens.admin, body: Array(long.utf8))
            let why = try detail(refused, is: 422)
            #expect(why.contains("Input 1") && why.contains("1048576"))
            #expect(coordinator.ask("GET", "/healthz")?.status == 200)
        }
    }

    @Test func atTheBoundsOfJobs() async throws {
        try await withCoordinator { coordinator in
            let params = #"{"ms":1"# + String(repeating: " ", count: 60 << 10) + "}"
            let largest = #"{"kernel":"sleep","count":100000000,"attempts":100,"params":\#(params)}"#
            let job = try coordinator.submit(largest)
            let status = coordinator.ask("GET", "/v1/jobs/\(job)", token: coordinator.tokens.read)
            #expect(status?.text.contains(#""count":100000000"#) == true)
            #expect(coordinator.ask("DELETE", "/v1/jobs/\(job)", token: coordinator.tokens.admin)?.status == 200)
            let labels = (0..<64).map { #""l\#($0)":"""# }.joined(separator: ",")
            let name = String(repeating: "n", count: 128)
            _ = try coordinator.join(#"{"name":"\#(name)","slots":1024,"labels":{\#(labels)}}"#)
        }
    }
}

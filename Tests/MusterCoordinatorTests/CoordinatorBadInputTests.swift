import MusterAPI
import MusterRoutes
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// A body that no route takes, with the status and what the detail must name.
struct BadBody: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    var status: Int
    var named: [String]

    init(_ name: String, _ text: String, _ status: Int, _ named: String...) {
        (testDescription, bytes, self.status, self.named) = (name, Array(text.utf8), status, named)
    }
}

@Suite struct CoordinatorBadInputTests {
    static let notJSON: [BadBody] = [
        BadBody("blank", " \r\n\t", 400), BadBody("word", "hello", 400), BadBody("half", "{\"kernel\":", 400),
        BadBody("two", "{}{}", 400), BadBody("comma", "{\"a\":1,}", 400), BadBody("single quotes", "{'a':1}", 400),
        BadBody("comment", "{}/**/", 400), BadBody("NaN", "{\"count\":NaN}", 400),
        BadBody("hex", "{\"count\":0x10}", 400),
        BadBody("leading zero", "{\"count\":01}", 400), BadBody("plus", "{\"count\":+1}", 400),
        BadBody("raw newline", "{\"a\":\"\n\"}", 400), BadBody("escape", "{\"a\":\"\\x\"}", 400),
        BadBody("lone surrogate", "{\"a\":\"\\ud800\"}", 400), BadBody("nul", "\0", 400),
        BadBody("byte order mark", "\u{FEFF}{}", 400),
        BadBody("form", "kernel=noop&count=1", 400),
        BadBody(
            "too deep", "{\"a\":" + String(repeating: "[", count: 65) + String(repeating: "]", count: 65) + "}", 400),
        BadBody("far too deep", String(repeating: "[", count: 30_000), 400),
        BadBody("array", "[1,2]", 422, "[1,2]"), BadBody("text", "\"text\"", 422, "text"),
        BadBody("number", "1e400", 422, "1e400"),
        BadBody("null", "null", 422, "null"), BadBody("true", "true", 422, "true"),
        BadBody("doubled key", "{\"a\":1,\"a\":2}", 422, "\"a\""),
        BadBody("unknown", "{\"\\u001b[31m\":1}", 422, "[31m"),
    ]

    static let routes = RouteTable.all.filter { $0.bodyBytesMax > 0 && !$0.readsForm }.map(\.name)

    @Test(arguments: routes, notJSON)
    func refusedEverywhere(_ name: RouteName, _ bad: BadBody) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let member = try coordinator.join()
            let token = try coordinator.token(for: spec, member)
            let target = SampleRequest(name, job: 1, member: member.id).target
            let response = RawClient(port: coordinator.port).ask(spec.method, target, token: token, body: bad.bytes)
            // A field that is not known is found after one that is missing.
            let refused = try detail(response, is: bad.status)
            if spec.fields.allSatisfy({ !$0.isRequired }) || bad.testDescription != "unknown" {
                for part in bad.named { #expect(refused.contains(part), "\(refused)") }
            }
            #expect(try #require(response).body.allSatisfy { $0 >= 0x20 }, "a control character came back")
        }
    }

    @Test(arguments: routes)
    func notUTF8(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let member = try coordinator.join()
            let token = try coordinator.token(for: spec, member)
            let target = SampleRequest(name, job: 1, member: member.id).target
            for wrong: [UInt8] in [
                [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
            ] {
                let body = Array("{\"kernel\":\"".utf8) + wrong + Array("\"}".utf8)
                let response = RawClient(port: coordinator.port).ask(spec.method, target, token: token, body: body)
                _ = try detail(response, is: 400)
            }
        }
    }

    static let jobs: [BadBody] = [
        BadBody("no count", #"{"kernel":"noop"}"#, 422, "count"),
        BadBody("no kernel", #"{"count":1}"#, 422, "kernel"),
        BadBody("null kernel", #"{"kernel":null,"count":1}"#, 422, "kernel"),
        BadBody("unknown kernel", #"{"kernel":"nope","count":1}"#, 422, "nope"),
        BadBody("path kernel", #"{"kernel":"../../etc/passwd","count":1}"#, 422, "../../etc/passwd"),
        BadBody("no task", #"{"kernel":"noop","count":0}"#, 422, "count", "0"),
        BadBody("negative", #"{"kernel":"noop","count":-1}"#, 422, "count", "-1"),
        BadBody("too many", #"{"kernel":"noop","count":100000001}"#, 422, "count", "100000001"),
        BadBody("10^18", #"{"kernel":"noop","count":1000000000000000000}"#, 422, "1000000000000000000"),
        BadBody("10^30", #"{"kernel":"noop","count":1000000000000000000000000000000}"#, 422, "count"),
        BadBody("10^400", #"{"kernel":"noop","count":1e400}"#, 422, "1e400"),
        BadBody("fraction", #"{"kernel":"noop","count":1.5}"#, 422, "1.5"),
        BadBody("text count", #"{"kernel":"noop","count":"1"}"#, 422, "count"),
        BadBody("list count", #"{"kernel":"noop","count":[1]}"#, 422, "[1]"),
        BadBody("no inputs", #"{"kernel":"noop","inputs":[]}"#, 422, "inputs"),
        BadBody("other count", #"{"kernel":"noop","inputs":[1],"count":2}"#, 422, "count", "2"),
        BadBody("text inputs", #"{"kernel":"noop","inputs":"a"}"#, 422, "inputs"),
        BadBody("params list", #"{"kernel":"noop","count":1,"params":[]}"#, 422, "params"),
        BadBody("params unknown", #"{"kernel":"sleep","count":1,"params":{"surprise":1}}"#, 422, "surprise"),
        BadBody("params wrong", #"{"kernel":"sleep","count":1,"params":{"ms":-1}}"#, 422, "ms", "-1"),
        BadBody("params doubled", #"{"kernel":"sleep","count":1,"params":{"ms":1,"ms":2}}"#, 422, "ms"),
        BadBody(
            "params of 65 KiB",
            #"{"kernel":"noop","count":1,"params":{"a":""# + String(repeating: "x", count: 65 << 10) + #""}}"#, 422,
            "params", "65536"),
        BadBody("priority", #"{"kernel":"noop","count":1,"priority":"urgent"}"#, 422, "priority", "urgent"),
        BadBody("attempts 0", #"{"kernel":"noop","count":1,"attempts":0}"#, 422, "attempts"),
        BadBody("attempts 101", #"{"kernel":"noop","count":1,"attempts":101}"#, 422, "attempts", "101"),
        BadBody(
            "long kernel", #"{"kernel":""# + String(repeating: "k", count: 129) + #"","count":1}"#, 422, "kernel", "129"
        ),
        BadBody("case", #"{"Kernel":"noop","count":1}"#, 422, "kernel"),
        BadBody("wrong sum input", #"{"kernel":"sum","inputs":[["a"]]}"#, 422, "a"),
    ]

    @Test(arguments: jobs)
    func jobsAreRefused(_ bad: BadBody) async throws {
        try await withCoordinator { coordinator in
            let response = RawClient(port: coordinator.port)
                .ask("POST", "/v1/jobs", token: coordinator.tokens.admin, body: bad.bytes)
            let refused = try detail(response, is: bad.status)
            for part in bad.named { #expect(refused.contains(part), "\(refused)") }
            #expect(refused.utf8.count < 1000, "what is shown of a value is cut")
            let jobs = try #require(coordinator.ask("GET", "/v1/jobs", token: coordinator.tokens.read))
            #expect(jobs.text == #"{"jobs":[]}"#, "nothing was begun")
        }
    }

    static let members: [BadBody] = [
        BadBody("role", #"{"role":"boss"}"#, 422, "role", "boss"),
        BadBody("slots 0", #"{"slots":0}"#, 422, "slots", "0"),
        BadBody("slots 1025", #"{"slots":1025}"#, 422, "slots", "1025"),
        BadBody("name", #"{"name":7}"#, 422, "name", "7"),
        BadBody("long name", #"{"name":""# + String(repeating: "n", count: 129) + #""}"#, 422, "name", "129"),
        BadBody("labels", #"{"labels":[1]}"#, 422, "labels"),
        BadBody("label", #"{"labels":{"a":1}}"#, 422, "labels.a", "1"),
        BadBody(
            "65 labels", #"{"labels":{"# + (0..<65).map { #""l\#($0)":"""# }.joined(separator: ",") + "}}", 422,
            "labels", "65"),
        BadBody(
            "long label", #"{"labels":{"a":""# + String(repeating: "v", count: 129) + #""}}"#, 422, "labels.a", "129"),
        BadBody(
            "long label key", #"{"labels":{""# + String(repeating: "k", count: 129) + #"":"v"}}"#, 422, "labels", "129"),
        BadBody("id 0", #"{"id":0,"secret":"x"}"#, 422, "id", "0"),
        BadBody("id 10^30", #"{"id":1e30,"secret":"x"}"#, 422, "id", "1e30"),
    ]

    @Test(arguments: members)
    func membersAreRefused(_ bad: BadBody) async throws {
        try await withCoordinator { coordinator in
            let response = RawClient(port: coordinator.port)
                .ask("POST", "/v1/members", token: coordinator.tokens.join, body: bad.bytes)
            let refused = try detail(response, is: bad.status)
            for part in bad.named { #expect(refused.contains(part), "\(refused)") }
            let members = try #require(coordinator.ask("GET", "/v1/members", token: coordinator.tokens.read))
            #expect(members.text == #"{"members":[]}"#)
        }
    }

    static let work: [(RouteName, BadBody)] = [
        (.leases, BadBody("slots", #"{"kernels":[],"slots":0}"#, 422, "slots", "0")),
        (.leases, BadBody("kernels", #"{"kernels":[1]}"#, 422, "kernels", "1")),
        (.leases, BadBody("wait", #"{"kernels":[],"waitSeconds":61}"#, 422, "waitSeconds", "61")),
        (.leases, BadBody("negative wait", #"{"kernels":[],"waitSeconds":-1}"#, 422, "waitSeconds", "-1")),
        (.leases, BadBody("endless wait", #"{"kernels":[],"waitSeconds":1e999}"#, 422, "waitSeconds", "1e999")),
        (
            .leases,
            BadBody("257 kernels", #"{"kernels":["# + String(repeating: "\"a\",", count: 256) + "\"a\"]}", 422, "257")
        ),
        (.heartbeat, BadBody("lease", #"{"leases":[1]}"#, 422, "leases", "1")),
        (
            .heartbeat,
            BadBody("job", #"{"leases":[{"job":0,"first":0,"count":1,"attempt":1}]}"#, 422, "leases.job", "0")
        ),
        (.heartbeat, BadBody("first", #"{"leases":[{"job":1,"first":-1,"count":1,"attempt":1}]}"#, 422, "first", "-1")),
        (
            .heartbeat,
            BadBody("count", #"{"leases":[{"job":1,"first":0,"count":1e99,"attempt":1}]}"#, 422, "count", "1e99")
        ),
        (
            .heartbeat,
            BadBody("more", #"{"leases":[{"job":1,"first":0,"count":1,"attempt":1,"x":1}]}"#, 422, "leases.x")
        ),
        (.output, BadBody("piece", #"{"pieces":[{"job":1}]}"#, 422, "pieces.task")),
        (.output, BadBody("text", outputPiece("5"), 422, "pieces.text", "5")),
        (.output, BadBody("more", outputPiece(#""x","y":1"#), 422, "pieces.y")),
        (.results, BadBody("report", #"{"reports":[null]}"#, 422, "reports")),
        (.results, BadBody("bare", #"{"reports":[{}]}"#, 422, "reports.job")),
        (.results, BadBody("columns", report(values: "[1]", seconds: "[1,2]"), 422, "values", "seconds")),
        (.results, BadBody("no value", report(values: "[]", seconds: "[]"), 422, "values")),
        (.results, BadBody("seconds", report(values: "[1]", seconds: "[-1]"), 422, "seconds", "-1")),
        (.results, BadBody("text seconds", report(values: "[1]", seconds: "[\"a\"]"), 422, "seconds", "a")),
        (
            .results,
            BadBody(
                "failure", report(values: "[1]", seconds: "[0]", more: #","failures":[{"task":-1}]"#), 422, "task", "-1"
            )
        ),
    ]

    private static func outputPiece(_ text: String) -> String {
        #"{"pieces":[{"job":1,"task":0,"attempt":1,"start":1,"stream":"stdout","offset":0,"text":\#(text)}]}"#
    }

    private static func report(values: String, seconds: String, more: String = "") -> String {
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"ticket":"t","start":0,"#
            + #""values":\#(values),"seconds":\#(seconds)\#(more)}]}"#
    }

    @Test(arguments: work)
    func workIsRefused(_ name: RouteName, _ bad: BadBody) async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join()
            let spec = RouteTable.spec(name)
            let target = SampleRequest(name, job: 1, member: member.id).target
            let response = RawClient(port: coordinator.port)
                .ask(spec.method, target, token: member.secret, body: bad.bytes)
            let refused = try detail(response, is: bad.status)
            for part in bad.named { #expect(refused.contains(part), "\(refused)") }
        }
    }

    /// Reports of what was never granted, with numbers at their bounds, are judged and never trusted.
    @Test(arguments: [
        (1, 0, 1, 0), (1, 100_000_000, 1, 100_000_000), (1, 0, 100_000_000, 100_000_000), (Int.max, 0, 1, 0),
        (1, 5, 1, 0), (1, 100_000_000, 100_000_000, 100_000_000),
    ])
    func forgedReports(_ job: Int, _ first: Int, _ count: Int, _ start: Int) async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join()
            let own = try coordinator.submit()
            let body =
                #"{"reports":[{"job":\#(job),"first":\#(first),"count":\#(count),"attempt":1,"#
                + #""ticket":"0000","start":\#(start),"values":[1],"seconds":[0]}]}"#
            let response = try #require(coordinator.ask("POST", "/v1/results", token: member.secret, body: body))
            #expect(response.status == 200)
            #expect(response.text.contains("forged") || response.text.contains("stale"), "\(response.text)")
            #expect(
                coordinator.ask("GET", "/v1/jobs/\(own)", token: coordinator.tokens.read)?.text.contains(#""done":0"#)
                    == true)
        }
    }

    @Test(arguments: [
        "0", "-1", "+1", "01", "1e3", "1.0", "0x1", "%20", "1%20", "..%2f..%2fetc%2fpasswd", "%00", "NaN", "latest",
        "%D9%A1",
        "1000000000000000000000000000000", "9223372036854775808", "9223372036854775807", "2",
    ])
    func idsThatNameNothing(_ id: String) async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join()
            _ = try coordinator.submit()
            let admin = coordinator.tokens.admin
            for target in ["/v1/jobs/\(id)", "/v1/jobs/\(id)/results", "/v1/jobs/\(id)/events", "/v1/members/\(id)"] {
                _ = try detail(coordinator.ask("GET", target, token: admin), is: 404)
            }
            for target in ["/v1/jobs/\(id)", "/v1/members/\(id)"] {
                _ = try detail(coordinator.ask("DELETE", target, token: admin), is: 404)
            }
            let isOther = Int64(id) == 2 || Int64(id) == .max
            let beat = coordinator.ask("POST", "/v1/members/\(id)/heartbeat", token: member.secret, body: "{}")
            _ = try detail(beat, is: isOther ? 403 : 404)
        }
    }

    @Test func idsThatAreWholePaths() async throws {
        try await withCoordinator { coordinator in
            for target in [
                "/v1/jobs/../../etc/passwd", "/v1/jobs/1/../../../etc/passwd", "/v1/jobs//", "/v1//jobs/x/y/z",
            ] {
                let response = coordinator.ask("GET", target, token: coordinator.tokens.admin)
                #expect(response?.status == (target == "/v1/jobs//" ? 200 : 404))
            }
        }
    }
}

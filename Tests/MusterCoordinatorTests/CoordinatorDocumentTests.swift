import MusterAPI
import MusterJSON
import MusterRoutes
import MusterServerKit
import MusterTestKit
import MusterWire
import Testing

@testable import MusterRole

/// `/openapi.json` against the route table, and both against what the coordinator does.
@Suite struct CoordinatorDocumentTests {
    @Test func everyRouteIsInTheTableOnce() {
        #expect(RouteTable.all.map(\.name.rawValue).sorted() == RouteName.allCases.map(\.rawValue).sorted())
        #expect(Set(RouteTable.all.map { $0.method + " " + $0.pattern }).count == RouteTable.all.count)
    }

    /// 404 and 405 come from the router: whatever else is answered, there is a handler.
    @Test(arguments: RouteName.allCases)
    func everyRouteHasAHandler(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let job = try coordinator.submit()
            let member = try coordinator.join(for: name)
            let sample = SampleRequest(name, job: job, member: member.id)
            let token = try coordinator.token(for: spec, member)
            let response = try #require(
                coordinator.ask(
                    spec.method, sample.target, token: token, body: sample.body, headOnly: sample.isStream,
                    headers: sample.headers))
            #expect(response.status == sample.status)
            let other = coordinator.ask("BREW", sample.target, token: coordinator.tokens.admin)
            #expect(other?.status == 405)
            #expect(other?["allow"]?.contains(spec.method) == true)
            if sample.status == 101 { return }
            let type = sample.status < 400 ? spec.answerType : Problem.contentType
            #expect(response["content-type"]?.hasPrefix(type == "*/*" ? "text/" : type) == true)
            if type == "application/json" || type == Problem.contentType {
                let document = try DocumentedAnswers(OpenAPI.document(of: RouteTable.all, version: "1"))
                let trouble = try document.trouble(
                    with: response.body, of: spec.method, spec.pattern, status: response.status)
                #expect(trouble == nil)
            }
        }
    }

    @Test func theDocumentListsTheTable() async throws {
        try await withCoordinator { coordinator in
            let response = try #require(coordinator.ask("GET", "/openapi.json", token: coordinator.tokens.read))
            var document = try JSONFields(body: response.body)
            #expect(try document.string("openapi") == "3.1.0")
            let paths = try #require(document.value("paths")?.members)
            var listed: Set<String> = []
            for (path, item) in paths {
                for (method, operation) in try #require(item.members) where method != "head" {
                    listed.insert(method.uppercased() + " " + path)
                    let spec = try #require(
                        RouteTable.all.first { $0.method.lowercased() == method && $0.pattern == path })
                    try Self.check(operation, spec)
                }
            }
            #expect(listed == Set(RouteTable.all.map { $0.method + " " + $0.pattern }))
        }
    }

    /// A token is asked for where a stranger needs one, and nowhere else.
    @Test(arguments: [(false, false), (true, false), (false, true)])
    func securityIsThatOfTheStart(isPrivate: Bool, isClassicOpen: Bool) async throws {
        var access = AccessSettings()
        (access.isPrivate, access.isClassicOpen) = (isPrivate, isClassicOpen)
        try await withCoordinator(access: access) { coordinator in
            let bytes = try #require(coordinator.ask("GET", "/openapi.json", token: coordinator.tokens.read)).body
            let paths = try #require(try JSONValue(parsing: bytes)["paths"])
            for (pattern, needed) in [
                ("/healthz", false), ("/v1/jobs", true), ("/mandelbrot.png", isPrivate),
                ("/progress", !isClassicOpen), ("/get_servers", !isClassicOpen), ("/v1/members", true),
            ] {
                let security = paths[pattern]?["get"]?["security"]?.elements
                #expect(security?.isEmpty == !needed, "\(pattern)")
                #expect((coordinator.ask("HEAD", pattern, headOnly: true)?.status == 401) == needed, "\(pattern)")
            }
            // Some jobs are open, so that a token is one of two ways.
            for pattern in ["/v1/jobs/{id}", "/v1/jobs/{id}/results", "/v1/jobs/{id}/events", "/v1/jobs/{id}/tasks"] {
                let ways = paths[pattern]?["get"]?["security"]?.elements?.map { $0.members?.count }
                #expect(ways == (isClassicOpen && !pattern.hasSuffix("tasks") ? [1, 0] : [1]), "\(pattern)")
            }
        }
    }

    private static func check(_ operation: JSONValue, _ spec: RouteSpec) throws {
        var fields = try JSONFields(operation, path: "operation.")
        #expect(try fields.string("operationId") == spec.name.rawValue)
        var places: [String: String] = [:]
        for parameter in try fields.array("parameters") ?? [] {
            var entry = try JSONFields(parameter, path: "parameter.")
            places[try #require(try entry.string("name"))] = try entry.string("in")
        }
        var wanted = Dictionary(uniqueKeysWithValues: spec.parameters.map { ($0, "path") })
        for field in spec.fields where field.place == .query || field.place == .header {
            wanted[field.name] = field.place.rawValue
        }
        #expect(places == wanted)
        let responses = try #require(fields.value("responses")?.members)
        #expect(responses.map(\.key) == ([spec.status] + spec.otherStatuses).map { "\($0)" } + ["default"])
        let bodyFields = spec.bodyFields
        guard var body = try fields.object("requestBody") else {
            #expect(bodyFields.isEmpty)
            return
        }
        var content = try #require(try body.object("content"))
        let type = spec.readsForm ? "application/x-www-form-urlencoded" : "application/json"
        var json = try #require(try content.object(type))
        var schema = try #require(try json.object("schema"))
        #expect(try schema.bool("additionalProperties") == false)
        #expect(try (schema.array("required") ?? []).map(\.string) == bodyFields.filter(\.isRequired).map(\.name))
        #expect(schema.value("properties")?.members?.map(\.key) == bodyFields.map(\.name))
    }

    /// A good value for each documented field of a body.
    static let samples: [RouteName: [String: String]] = [
        .createJob: [
            "kernel": #""noop""#, "count": "2", "inputs": "[[1],[2]]", "params": "{}", "priority": #""interactive""#,
            "attempts": "3", "quorum": #""2/3""#, "retryDelay": "2.5", "atMost": "3", "copies": "false",
            "name": #""nightly""#, "timeoutSeconds": "2.5", "needs": #"{"cpus":2,"labels":{"site":"lab"}}"#,
            "failIfImpossible": "false", "startDelay": "1.5", "after": "[]", "afterAny": "[]",
            "owner": #""ann""#, "rerun": "true", "halt": #""now,fail=10%""#,
        ],
        .assignAll: ["dataset": "[[1,2],[3]]"],
        .joinFleet: [
            "name": #""box""#, "role": #""client""#, "slots": "4", "labels": #"{"os":"linux"}"#, "version": #""1""#,
            "incarnation": #""a""#, "machine": #""rack 7""#, "resources": #"{"memory":1024,"counts":{"licences":3}}"#,
            "callback": #""http://127.0.0.1:9""#,
        ],
        .heartbeat: [
            "acknowledged": "1", "leases": #"[{"job":1,"first":0,"count":1,"attempt":1}]"#,
            "edges": #"{"leader":1,"term":0}"#, "number": "3",
            "returned": #"[{"job":1,"first":0,"count":2,"attempt":1,"from":1}]"#,
        ],
        .leases: ["slots": "2", "kernels": #"["noop"]"#, "waitSeconds": "0", "resources": #"{"gpus":1}"#],
        .createChild: ["count": "2", "numbers": "5"], .createChildren: ["count": "2", "numbers": "5"],
        .childNumbers: ["offset": "0", "numbers": "[7,8]", "rejected": "1", "last": "false"],
        .ownChild: ["offset": "0", "numbers": "[7,8]", "rejected": "1", "last": "true"],
        .scale: ["workers": "0"], .sendCommand: ["command": #""GO""#, "from": "1"],
        .assignRank: ["ip_port": #""http://127.0.0.1:9""#], .unassignRank: ["ip_port": #""http://127.0.0.1:9""#],
        .classicCommand: ["ip_port": #""http://127.0.0.1:9""#, "command": #""GO""#],
        .createToken: ["label": #""lab""#], .results: ["reports": "[]"],
        .output: ["pieces": "[]"],
        .purgeEdges: ["id": "5", "prefix": #""/images/""#, "all": "true"],
        .proxConnected: ["name": #""127.0.0.1""#, "port": #""1""#],
        .qrCode: ["text": #""a""#],
    ]

    private static func object(_ fields: [String: String]) -> String {
        "{" + fields.map { "\"\($0.key)\":\($0.value)" }.sorted().joined(separator: ",") + "}"
    }

    static let routesWithBody = RouteTable.all.filter { $0.bodyBytesMax > 0 && !$0.readsForm }.map(\.name)

    @Test(arguments: routesWithBody)
    func documentedFieldsAreAccepted(_ name: RouteName) async throws {
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let member = try coordinator.join()
            let token = try coordinator.token(for: spec, member)
            let target = SampleRequest(name, job: 1, member: member.id).target
            let ask = { (body: String) in coordinator.ask(spec.method, target, token: token, body: body) }
            let minimal = SampleRequest(name, job: 1, member: member.id).body ?? "{}"
            let (start, end) = (minimal == "{}" ? "{" : minimal.dropLast() + ",", "}")
            for field in spec.fields where field.place == .body {
                if ["id", "secret"].contains(field.name) { continue }
                let sample = try #require(Self.samples[name]?[field.name], "no sample of \(field.name)")
                var fields = ["kernel": #""noop""#, "count": "2"].filter { name == .createJob && $0.key != field.name }
                if name == .createJob && field.name == "inputs" { fields = ["kernel": #""sum""#] }
                if name == .proxConnected { fields = ["name": #""localhost""#, "port": #""2""#] }
                if name == .childNumbers || name == .ownChild { fields = ["numbers": "[1]"] }
                if name == .leases { fields = ["kernels": "[]", "waitSeconds": "0"] }
                if name == .classicCommand { fields = ["ip_port": #""http://127.0.0.1:9""#, "command": #""GO""#] }
                if name == .sendCommand { fields = ["command": #""GO""#] }
                if name == .unassignRank {
                    _ = coordinator.ask("POST", "/assign-rank", token: token, body: Self.object(["ip_port": sample]))
                }
                fields[field.name] = sample
                let response = ask(Self.object(fields))
                // This fleet has no edge.
                let wanted = name == .purgeEdges ? 409 : spec.status
                #expect(response?.status == wanted, "\(field.name): \(response?.text ?? "no answer")")
                // A name or an id.
                if field.name == "from" { continue }
                fields[field.name] = "null"
                #expect(try detail(ask(Self.object(fields)), is: 422).contains("\"\(field.name)\""))
                // The wrong kind of value is refused with its name and itself.
                fields[field.name] = field.schema.isText ? "17" : #""seventeen""#
                let refused = try detail(ask(Self.object(fields)), is: 422)
                #expect(refused.contains(field.name), "\(refused)")
                #expect(refused.contains("17") || refused.contains("seventeen"), "\(refused)")
            }
            #expect(try detail(ask(start + "\"surprise\":1" + end), is: 422).contains("\"surprise\""))
            // The first one that is missing is named.
            for field in spec.fields.filter(\.isRequired).prefix(1) {
                #expect(try detail(ask("{}"), is: 422).contains(field.name))
            }
        }
    }

    @Test func fieldsThatGoTogether() async throws {
        try await withCoordinator { coordinator in
            let member = try coordinator.join()
            let join = { (body: String) in
                coordinator.ask("POST", "/v1/members", token: coordinator.tokens.join, body: body)
            }
            #expect(join(#"{"id":\#(member.id),"secret":"\#(member.secret)"}"#)?.status == 201)
            #expect(try detail(join(#"{"id":1}"#), is: 422).contains("secret"))
            #expect(try detail(join(#"{"secret":"x"}"#), is: 422).contains("id"))
            let submit = { (body: String) in
                coordinator.ask("POST", "/v1/jobs", token: coordinator.tokens.admin, body: body)
            }
            for quorum in ["1/2", "3/2", "9/16", "2"] {
                let body = #"{"kernel":"noop","count":1,"quorum":"\#(quorum)"}"#
                #expect(try detail(submit(body), is: 422).contains("\"\(quorum)\""))
            }
            for kernel in ["random", "fail"] {
                let body = #"{"kernel":"\#(kernel)","count":1,"quorum":"2/3"}"#
                #expect(try detail(submit(body), is: 422).contains("\"\(kernel)\""))
            }
        }
    }

    @Test func healthLooksAtNoQuery() async throws {
        try await withCoordinator { coordinator in
            for target in ["/healthz", "/healthz?x=1", "//healthz", "/healthz?"] {
                #expect(coordinator.ask("GET", target)?.status == 200, "\(target)")
                #expect(coordinator.ask("HEAD", target, headOnly: true)?.status == 200, "\(target)")
            }
        }
    }

    @Test(arguments: RouteName.allCases)
    func unknownQueryParametersAreRefused(_ name: RouteName) async throws {
        // What always answers the same looks at no query.
        if name == .healthz { return }
        try await withCoordinator { coordinator in
            let spec = RouteTable.spec(name)
            let member = try coordinator.join(for: name)
            let sample = SampleRequest(name, job: try coordinator.submit(), member: member.id)
            let token = try coordinator.token(for: spec, member)
            for query in ["surprise=1", "surprise", "limitx=1"] {
                let response = coordinator.ask(
                    spec.method, sample.target + "?" + query, token: token, body: sample.body,
                    headers: sample.headers)
                #expect(try detail(response, is: 422).contains(query.prefix { $0 != "=" }))
            }
        }
    }

    @Test(arguments: [
        "/v1/jobs?limit=0", "/v1/jobs?limit=1001", "/v1/jobs?limit=-1", "/v1/jobs?limit=1e2", "/v1/jobs?limit=",
        "/v1/jobs?limit", "/v1/jobs?limit=1&limit=2", "/v1/jobs?before=0", "/v1/jobs?before=x",
        "/v1/jobs?before=99999999999999999999", "/v1/jobs?state=over", "/v1/jobs?state=", "/v1/jobs?kernel=a&kernel=b",
        "/v1/jobs/1/results?wait=maybe", "/v1/jobs/1/results?wait=",
        "/v1/jobs/1/results?from=-1", "/v1/jobs/1/results?from=100000001", "/v1/jobs/1/results?from=NaN",
        "/v1/jobs/1/results?wait=true&wait=true", "/v1/jobs/1/results?order=none",
    ])
    func wrongQueryValues(_ target: String) async throws {
        try await withCoordinator { coordinator in
            _ = try coordinator.submit()
            let refused = try detail(coordinator.ask("GET", target, token: coordinator.tokens.read), is: 422)
            let name = target.drop { $0 != "?" }.dropFirst().prefix { $0 != "=" && $0 != "&" }
            #expect(refused.contains("\"\(name)\""))
        }
    }
}

extension Schema {
    /// Whether good values are texts and no others, as the document says it.
    fileprivate var isText: Bool {
        var json = JSONWriter()
        write(to: &json)
        return (try? JSONValue(parsing: json.bytes))?["type"]?.string == "string"
    }
}

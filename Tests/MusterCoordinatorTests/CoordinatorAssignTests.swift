import MusterAPI
import MusterCore
import MusterJSON
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

@Suite struct CoordinatorAssignTests {
    private static func list(_ count: Int, of value: String) -> String {
        "[" + repeatElement(value, count: count).joined(separator: ",") + "]"
    }

    static let wrong: [BadBody] = [
        BadBody("text", #"{"dataset":"abc"}"#, 422, "dataset", "abc"),
        BadBody("number", #"{"dataset":5}"#, 422, "dataset", "5"),
        BadBody("object", #"{"dataset":{"a":1}}"#, 422, "dataset", "a"),
        BadBody("empty", #"{"dataset":[]}"#, 422, "dataset", "0"),
        BadBody("flat", #"{"dataset":[1,2]}"#, 422, "dataset[0]", "1"),
        BadBody("empty tuple", #"{"dataset":[[1],[]]}"#, 422, "dataset[1]", "0", "[]"),
        BadBody("65 numbers", #"{"dataset":["# + list(65, of: "7") + "]}", 422, "dataset[0]", "65"),
        BadBody("text in a tuple", #"{"dataset":[[1,"2"]]}"#, 422, "dataset[0]", "2"),
        BadBody("null", #"{"dataset":null}"#, 422, "dataset", "null"),
        BadBody("null in a tuple", #"{"dataset":[[1,null]]}"#, 422, "dataset[0]", "null"),
        BadBody("list in a tuple", #"{"dataset":[[1,[2]]]}"#, 422, "dataset[0]", "[2]"),
        BadBody("infinite", #"{"dataset":[[1e999]]}"#, 422, "dataset[0]", "1e999"),
        BadBody("infinite sum", #"{"dataset":[[1e308,1e308]]}"#, 422, "1e308"),
        BadBody("too many", #"{"dataset":"# + list(100_001, of: "[1]") + "}", 422, "dataset", "100001", "100000"),
        BadBody("unknown", #"{"dataset":[[1]],"block":2}"#, 422, "block"),
        BadBody("other name", #"{"data":[[1]]}"#, 422, "data"),
        BadBody("no object", "[[1,2]]", 422, "[[1,2]]"),
        BadBody("twice", #"{"dataset":[[1]],"dataset":[[2]]}"#, 422, "dataset"),
        BadBody("not JSON", "dataset", 400, "JSON"),
    ]

    @Test(arguments: wrong)
    func refused(_ bad: BadBody) async throws {
        try await withCoordinator { coordinator in
            let response = RawClient(port: coordinator.port)
                .ask("POST", "/assign/all", token: coordinator.tokens.admin, body: bad.bytes)
            let refused = try detail(response, is: bad.status)
            for part in bad.named { #expect(refused.contains(part), "\(refused)") }
            #expect(refused.utf8.count < 1000, "what is shown of a value is cut")
            let jobs = try #require(coordinator.ask("GET", "/v1/jobs", token: coordinator.tokens.read))
            #expect(jobs.text == #"{"jobs":[]}"#, "nothing was begun")
        }
    }

    @Test(arguments: [
        (nil, 100), ("", 100), ("{}", 100), (#"{"dataset":[[1,2],[3.5]]}"#, 2),
        (#"{"dataset":["# + list(64, of: "7") + "]}", 1), (#"{"dataset":"# + list(100_000, of: "[1]") + "}", 100_000),
    ])
    func accepted(body: String?, count: Int) async throws {
        try await withCoordinator { coordinator in
            let response = try #require(
                coordinator.ask("POST", "/assign/all", token: coordinator.tokens.admin, body: body))
            #expect(response.status == 201, "\(response.text)")
            #expect(response["location"] == "/v1/jobs/1")
            let job = try JobStatus(JSONValue(parsing: response.body))
            #expect(job.id == JobID(1) && job.kernel == "sum" && job.state == .queued && job.count == count)
            #expect(job.done == 0 && job.workers.isEmpty)
        }
    }

    /// A doubled slash is one, as old clients have it.
    @Test(arguments: [true, false], ["/assign/all", "//assign/all"])
    func classicClientsNeedNoTokenWhereClassicIsOpen(isOpen: Bool, path: String) async throws {
        var access = AccessSettings()
        access.isClassicOpen = isOpen
        try await withCoordinator(access: access) { coordinator in
            let status = coordinator.ask("POST", path)?.status
            #expect(status == (isOpen ? 201 : 401))
            #expect(coordinator.ask("POST", path, token: coordinator.tokens.admin)?.status == 201)
        }
    }
}

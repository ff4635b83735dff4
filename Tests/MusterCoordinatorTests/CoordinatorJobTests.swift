import MusterAPI
import MusterCore
import MusterJSON
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// Jobs as clients ask for them and find them again.
@Suite struct CoordinatorJobTests {
    private static let body = #"{"kernel":"noop","count":3}"#

    private func submit(
        _ coordinator: TestCoordinator, _ body: String = body, key: String? = nil, path: String = "/v1/jobs"
    ) throws -> RawResponse {
        let headers = key.map { [(name: "Idempotency-Key", value: $0)] } ?? []
        return try #require(
            coordinator.ask("POST", path, token: coordinator.tokens.admin, body: body, headers: headers))
    }

    private func id(_ response: RawResponse) throws -> JobID {
        #expect(response.status == 201, "\(response.text)")
        return try JobStatus(JSONValue(parsing: response.body)).id
    }

    private func list(_ coordinator: TestCoordinator, _ query: String) throws -> [Int64] {
        let response = try #require(coordinator.ask("GET", "/v1/jobs?" + query, token: coordinator.tokens.read))
        #expect(response.status == 200, "\(response.text)")
        var fields = try JSONFields(body: response.body)
        return try (fields.array("jobs") ?? []).map { try JobStatus($0).id.rawValue }
    }

    @Test func aRepeatedRequestIsOneJob() async throws {
        try await withCoordinator { coordinator in
            let first = try submit(coordinator, key: "a")
            let again = try submit(coordinator, key: "a")
            #expect(try id(first) == id(again))
            #expect(again["location"] == first["location"] && again["location"] == "/v1/jobs/1")
            #expect(try id(submit(coordinator, key: "b")) == JobID(2))
            #expect(try id(submit(coordinator)) == JobID(3))
            #expect(try list(coordinator, "limit=9") == [3, 2, 1])
            // Another body, or the same one at another route, is another request.
            #expect(
                try detail(submit(coordinator, #"{"kernel":"noop","count":4}"#, key: "a"), is: 422).contains("job 1"))
            #expect(try detail(submit(coordinator, "{}", key: "b", path: "/assign/all"), is: 422).contains("job 2"))
            let dealt = try submit(coordinator, "{}", key: "c", path: "/assign/all")
            #expect(try id(dealt) == id(submit(coordinator, "{}", key: "c", path: "/assign/all")))
            // Over or not, it is the same job.
            #expect(coordinator.ask("DELETE", "/v1/jobs/1", token: coordinator.tokens.admin)?.status == 200)
            let over = try submit(coordinator, key: "a")
            #expect(try id(over) == JobID(1))
            #expect(try JobStatus(JSONValue(parsing: over.body)).state == .cancelled)
        }
    }

    /// As long bodies are read elsewhere than short ones.
    @Test func aLongRequestIsRepeatedToo() async throws {
        try await withCoordinator { coordinator in
            let inputs = repeatElement("[1,2,3]", count: 20_000).joined(separator: ",")
            let body = #"{"kernel":"sum","inputs":[\#(inputs)]}"#
            let first = try submit(coordinator, body, key: "a")
            #expect(try id(first) == id(submit(coordinator, body, key: "a")))
            #expect(try detail(submit(coordinator, body + " ", key: "a"), is: 422).contains("Idempotency-Key"))
        }
    }

    @Test(arguments: ["", String(repeating: "k", count: 129)]) func noKeyAtAll(_ key: String) async throws {
        try await withCoordinator { coordinator in
            let refused = try submit(coordinator, key: key)
            #expect(try detail(refused, is: 422).contains("Idempotency-Key"))
        }
    }

    @Test func jobsAreFoundByStateAndKernel() async throws {
        try await withCoordinator { coordinator in
            for kernel in ["noop", "sleep", "noop", "noop", "sleep"] {
                let params = kernel == "sleep" ? #","params":{"ms":1}"# : ""
                _ = try coordinator.submit(#"{"kernel":"\#(kernel)","count":1\#(params)}"#)
            }
            for job in [1, 2] {
                #expect(coordinator.ask("DELETE", "/v1/jobs/\(job)", token: coordinator.tokens.admin)?.status == 200)
            }
            #expect(try list(coordinator, "state=queued") == [5, 4, 3])
            #expect(try list(coordinator, "state=queued&before=5&limit=1") == [4])
            #expect(try list(coordinator, "state=queued&kernel=sleep") == [5])
            #expect(try list(coordinator, "state=running") == [])
            #expect(try list(coordinator, "state=cancelled") == [2, 1])
            #expect(try list(coordinator, "state=cancelled&kernel=noop") == [1])
            #expect(try list(coordinator, "kernel=noop") == [4, 3, 1])
            #expect(try list(coordinator, "kernel=unknown") == [])
        }
    }

    @Test func aJobTellsItsNameItsTimeoutAndItsBeginning() async throws {
        try await withCoordinator { coordinator in
            let response = try submit(
                coordinator, #"{"kernel":"noop","count":1,"name":"nightly","timeoutSeconds":2.5}"#)
            let job = try JobStatus(JSONValue(parsing: response.body))
            #expect(job.name == "nightly" && job.timeoutSeconds == 2.5 && job.created > 1_700_000_000)
            let found = try #require(coordinator.ask("GET", "/v1/jobs/1", token: coordinator.tokens.read))
            let again = try JobStatus(JSONValue(parsing: found.body))
            #expect(again.name == "nightly" && again.timeoutSeconds == 2.5 && again.created == job.created)
            for wrong in [#""name":" ""#, #""name":"a\u0007""#, #""timeoutSeconds":0"#, #""timeoutSeconds":1e9"#] {
                _ = try detail(submit(coordinator, #"{"kernel":"noop","count":1,\#(wrong)}"#), is: 422)
            }
        }
    }

    /// Only memory knows what is in a job's way.
    @Test func aJobSaysWhatItWaitsFor() async throws {
        try await withCoordinator { coordinator in
            _ = try coordinator.submit()
            func waiting() throws -> String? {
                let response = try #require(coordinator.ask("GET", "/v1/jobs/1", token: coordinator.tokens.read))
                return try JobStatus(JSONValue(parsing: response.body)).waiting
            }
            #expect(try waiting()?.contains("there is no worker") == true)
            _ = try coordinator.join()
            #expect(try waiting()?.contains("busy") == true, "it asks for nothing")
        }
    }
}

/// Bodies that are compressed.
@Suite struct EncodedBodyTests {
    @Test(arguments: [("gzip", 415), ("br, identity", 415), ("identity", 201), ("", 201), ("Identity", 201)])
    func onlyPlainBodiesAreRead(_ encoding: String, _ status: Int) async throws {
        try await withCoordinator { coordinator in
            let response = try #require(
                coordinator.ask(
                    "POST", "/v1/jobs", token: coordinator.tokens.admin, body: #"{"kernel":"noop","count":1}"#,
                    headers: [("Content-Encoding", encoding)]))
            #expect(response.status == status, "\(response.text)")
            guard status == 415 else { return }
            #expect(try detail(response, is: 415).contains(encoding))
            #expect(response["accept-encoding"] == "identity")
        }
    }
}

/// Children that are called off.
@Suite struct CoordinatorChildTests {
    private func child(_ response: RawResponse?) throws -> ChildStatus {
        let response = try #require(response)
        #expect(response.status == 200, "\(response.text)")
        return try ChildStatus(JSONValue(parsing: response.body))
    }

    @Test func aChildIsCalledOff() async throws {
        try await withCoordinator { coordinator in
            let secret = try coordinator.createChild()
            let cancel = { coordinator.ask("DELETE", "/v1/children/1", token: coordinator.tokens.admin) }
            let deliver = { (body: String) in
                coordinator.ask("POST", "/v1/children/1/numbers", token: secret, body: body)
            }
            #expect(deliver(#"{"numbers":[7,8]}"#)?.status == 200)
            #expect(try child(cancel()).state == .cancelled)
            #expect(try child(cancel()).state == .cancelled, "again: the same")
            // What it still brings is not taken, and it is told that it has no more to do.
            let late = try NumbersVerdict(body: #require(deliver(#"{"offset":2,"numbers":[9],"last":true}"#)).body)
            #expect(late.isDone && late.received == 2)
            let progress = try NumbersProgress(
                body: #require(coordinator.ask("GET", "/progress", token: coordinator.tokens.read)).body)
            #expect(progress.unique == 2 && progress.childrenCancelled == 1 && progress.childrenDone == 0)
            #expect(coordinator.ask("DELETE", "/v1/children/99", token: coordinator.tokens.admin)?.status == 404)
            #expect(coordinator.ask("DELETE", "/v1/children/1", token: coordinator.tokens.read)?.status == 403)
        }
    }

    @Test func aChildThatIsDoneStaysDone() async throws {
        try await withCoordinator { coordinator in
            let secret = try coordinator.createChild()
            let body = #"{"numbers":[1],"last":true}"#
            #expect(coordinator.ask("POST", "/v1/children/1/numbers", token: secret, body: body)?.status == 200)
            #expect(
                try child(coordinator.ask("DELETE", "/v1/children/1", token: coordinator.tokens.admin)).state == .done)
        }
    }
}

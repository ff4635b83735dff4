import MusterAPI
import MusterCore
import MusterJSON
import MusterScheduling
import MusterServerKit
import MusterWire
import Testing

@testable import MusterRole

/// Where a job's tasks are, whose fault it is that they failed, and running them again.
@Suite struct JobTaskTests {
    private static func tasks(_ coordinator: TestCoordinator, _ job: Int, _ query: String = "") throws -> [TaskStatus] {
        let response = try #require(
            coordinator.ask("GET", "/v1/jobs/\(job)/tasks\(query)", token: coordinator.tokens.read))
        #expect(response.status == 200, "\(response.text)")
        try expectDocumented(response, "GET", "/v1/jobs/{id}/tasks")
        var fields = try JSONFields(body: response.body)
        return try (fields.array("tasks") ?? []).map { try TaskStatus($0) }
    }

    private static func results(_ coordinator: TestCoordinator, _ job: Int) -> String {
        coordinator.ask("GET", "/v1/jobs/\(job)/results", token: coordinator.tokens.read)?.text ?? ""
    }

    private static func status(_ coordinator: TestCoordinator, _ job: Int) throws -> JobStatus {
        let response = try #require(coordinator.ask("GET", "/v1/jobs/\(job)", token: coordinator.tokens.read))
        return try JobStatus(JSONValue(parsing: response.body))
    }

    @Test func runningTasksAreListed() async throws {
        try await withCoordinator { coordinator in
            let job = try coordinator.submit(#"{"kernel":"noop","count":3}"#)
            #expect(try Self.tasks(coordinator, job) == [])
            let hand = try Hand(coordinator, token: coordinator.tokens.join)
            let grant = try #require(try hand.ask())
            let running = try Self.tasks(coordinator, job)
            #expect(running.map(\.task) == Array(grant.key.tasks))
            #expect(running.allSatisfy { $0.worker == "hand" && $0.attempt == 1 && $0.state == .running })
            #expect(try Self.tasks(coordinator, job, "?from=\(grant.key.tasks.upperBound)") == [])
            #expect(try hand.deliver(grant, "null") == .recorded(grant.key.count))
            #expect(try Self.tasks(coordinator, job, "?state=running") == [])
        }
    }

    @Test func tasksThatRestAreListed() async throws {
        try await withCoordinator { coordinator in
            let job = try coordinator.submit(#"{"kernel":"noop","count":1,"retryDelay":600}"#)
            let hand = try Hand(coordinator, token: coordinator.tokens.join)
            _ = try hand.fail(try #require(try hand.ask()), "woe")
            let resting = try Self.tasks(coordinator, job, "?state=retrying")
            #expect(resting.map(\.task) == [0])
            #expect(resting.map(\.attempt) == [2])
            #expect(resting[0].worker == "hand" && (1...600).contains(resting[0].seconds))
            #expect(try Self.status(coordinator, job).waiting?.contains("woe") == true)
        }
    }

    @Test(arguments: [
        ("/v1/jobs/7/tasks", 404, "7"), ("/v1/jobs/1/tasks?state=done", 422, "\"done\""),
        ("/v1/jobs/1/tasks?limit=0", 422, "limit"), ("/v1/jobs/1/tasks?limit=10001", 422, "limit"),
        ("/v1/jobs/1/tasks?from=-1", 422, "from"),
    ])
    func wrongQuestions(_ target: String, _ status: Int, _ words: String) async throws {
        try await withCoordinator { coordinator in
            _ = try coordinator.submit()
            let answer = coordinator.ask("GET", target, token: coordinator.tokens.read)
            #expect(try detail(answer, is: status).contains(words))
        }
    }

    @Test func onlyWhatFailedRunsAgain() async throws {
        try await withCoordinator { coordinator in
            let retry = { (job: Int) in
                coordinator.ask("POST", "/v1/jobs/\(job)/retry", token: coordinator.tokens.admin)
            }
            let job = try coordinator.submit(#"{"kernel":"sum","inputs":[[1,2],[3,4]],"attempts":1}"#)
            let hand = try Hand(coordinator, token: coordinator.tokens.join)
            #expect(try hand.work("3"))
            #expect(try detail(retry(job), is: 409).contains("not over"))
            #expect(try hand.fail(try #require(try hand.ask()), "woe", value: #"{"stdout":"x"}"#) == .recorded(1))
            let failed = try Self.status(coordinator, job)
            #expect((failed.state, failed.failed) == (.failed, 1))
            #expect(Self.results(coordinator, job).contains(#""error":"woe","value":{"stdout":"x"}"#))
            let answer = try #require(retry(job))
            #expect(answer.status == 202, "\(answer.text)")
            try expectDocumented(answer, "POST", "/v1/jobs/{id}/retry")
            let again = try JobStatus(JSONValue(parsing: answer.body))
            #expect((again.id, again.done, again.failed, again.count) == (failed.id, 1, 0, 2))
            let grant = try #require(try hand.ask())
            #expect(grant.key.tasks == 1..<2)
            #expect(try hand.deliver(grant, "7") == .recorded(1))
            #expect(try Self.status(coordinator, job).state == .done)
            #expect(try detail(retry(job), is: 409).contains("none of its tasks failed"))
            #expect(try detail(retry(99), is: 404).contains("99"))
        }
    }

    @Test func aWorkersOwnFaultIsNotTheTasks() async throws {
        try await withCoordinator { coordinator in
            let bare = try Hand(coordinator, token: coordinator.tokens.join, name: "bare")
            let whole = try Hand(coordinator, token: coordinator.tokens.join, name: "whole")
            #expect(try whole.ask() == nil)
            let job = try coordinator.submit(#"{"kernel":"noop","count":1,"attempts":1}"#)
            let grant = try #require(try bare.ask())
            #expect(try bare.fail(grant, "No such image: x", isOwnFault: true) == .recorded(0))
            #expect(try bare.ask() == nil)
            let status = try Self.status(coordinator, job)
            #expect(status.state != .failed)
            #expect(status.waiting?.contains("No such image: x") == true)
            #expect(try whole.work("null"))
            #expect(try Self.status(coordinator, job).state == .done)
        }
    }

    @Test func aWorkerThatDrainsGetsNothing() async throws {
        try await withCoordinator { coordinator in
            let hand = try Hand(coordinator, token: coordinator.tokens.join)
            let drain = { (id: String) in
                coordinator.ask("POST", "/v1/members/\(id)/drain", token: coordinator.tokens.admin)
            }
            let answer = try #require(drain("\(hand.identity.id)"))
            #expect(answer.status == 202, "\(answer.text)")
            #expect(answer.text.contains(#""state":"draining""#))
            try expectDocumented(answer, "POST", "/v1/members/{id}/drain")
            _ = try coordinator.submit()
            #expect(try hand.ask() == nil)
            #expect(
                coordinator.ask("GET", "/servers", token: coordinator.tokens.read)?.text.contains("draining") == true)
            #expect(try detail(drain("99"), is: 404).contains("99"))
            let client = try coordinator.join(#"{"role":"client","name":"c"}"#)
            #expect(try detail(drain("\(client.id)"), is: 409).contains("c is a client"))
        }
    }
}

extension Hand {
    /// Says that every task of the grant failed.
    fileprivate func fail(
        _ grant: Grant, _ reason: String, value: String = "null", isOwnFault: Bool = false
    ) throws -> ReportVerdict? {
        var report = grant.report(value)
        report.failures = report.tasks.map { .init(task: $0, reason: reason, isOwnFault: isOwnFault) }
        let body = ReportWire.body(joining: [ReportWire.text(of: report)]).bytes
        let response = try #require(
            RawClient(port: coordinator.port).ask("POST", "/v1/results", token: identity.secret, body: body))
        return try ReportWire.verdicts(in: response.body).first
    }
}

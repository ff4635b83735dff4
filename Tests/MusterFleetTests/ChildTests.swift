import Glibc
import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Children of real coordinators, through kills of both.
@Suite(.timeLimit(.minutes(5))) struct ChildTests {
    /// Exact at any moment: nothing is counted twice, nothing is lost on the way.
    private func expectSound(_ progress: NumbersProgress) {
        #expect(progress.received == progress.unique + progress.duplicates)
        #expect(progress.duplicates >= 0 && progress.unique <= progress.range)
    }

    @Test func classicAndNativeAnswers() async throws {
        try await Fleet.run { fleet in
            let classic = try await fleet.http.send(
                HTTPClientRequest(
                    "POST", fleet.url + "/create-child",
                    headers: [("Authorization", "Bearer " + fleet.token), ("Accept", "*/*")]))
            #expect(classic.status == 202)
            #expect(String(decoding: classic.body, as: UTF8.self) == "Child process started")
            #expect(classic.header("Content-Type")?.hasPrefix("text/plain") == true)
            let json = try await fleet.demand(
                "POST", "//create-child", Array(#"{"count":2,"numbers":10}"#.utf8), status: 202)
            #expect(
                String(decoding: json, as: UTF8.self)
                    == #"{"children":[{"id":2,"name":"child-2"},{"id":3,"name":"child-3"}]}"#)
            let progress = try await fleet.childrensEnd()
            #expect(progress.received == 1_020)
            #expect(progress.range == 10_000_000 && progress.rejected == 0 && progress.childrenDone == 3)
            expectSound(progress)
            #expect(try await fleet.children().map(\.received) == [10, 10, 1_000])
        }
    }

    @Test func theBoundHoldsAndEveryRequestIsServed() async throws {
        try await Fleet.run(flags: ["--children-max", "3"]) { fleet in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 { group.addTask { _ = try await fleet.createChildren(2, numbers: 50) } }
                group.addTask {
                    while true {
                        let progress = try await fleet.progress()
                        #expect(progress.childrenLive <= 3)
                        expectSound(progress)
                        if progress.received == 6_000 { return }
                        try await Task.sleep(for: .milliseconds(5))
                    }
                }
                try await group.waitForAll()
            }
            let children = try await fleet.children()
            #expect(children.count == 120 && children.allSatisfy { $0.received == 50 && $0.attempts == 1 })
        }
    }

    @Test func oneKeyIsOneOrder() async throws {
        try await Fleet.run { fleet in
            let first = try await fleet.createChildren(3, numbers: 5, key: "order 7")
            #expect(try await fleet.createChildren(3, numbers: 5, key: "order 7") == first)
            try await fleet.crashCoordinator()
            #expect(try await fleet.createChildren(3, numbers: 5, key: "order 7") == first)
            await #expect(throws: FleetError.self) { try await fleet.createChildren(4, numbers: 5, key: "order 7") }
            #expect(try await fleet.createChildren(3, numbers: 5, key: "order 8") != first)
            #expect(try await fleet.childrensEnd().received == 30)
        }
    }

    /// Requests are sent again and again while the coordinator is killed under them: exactly what was asked comes of it.
    @Test func blindRetriesCreateExactlyWhatWasAsked() async throws {
        try await Fleet.run { fleet in
            let orders = 40
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in 0..<orders {
                    group.addTask {
                        try await eventually("order \(order) is answered") {
                            (try? await fleet.createChildren(2, numbers: 10, key: "order \(order)")) != nil
                        }
                        // A client that never saw the answer asks once more.
                        try await eventually("order \(order) is answered again") {
                            (try? await fleet.createChildren(2, numbers: 10, key: "order \(order)")) != nil
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<3 {
                        try await Task.sleep(for: .milliseconds(60))
                        try await fleet.crashCoordinator()
                    }
                }
                try await group.waitForAll()
            }
            let progress = try await fleet.childrensEnd()
            #expect(progress.received == orders * 20)
            expectSound(progress)
            #expect(try await fleet.children().count == orders * 2)
        }
    }

    /// Eight children cover a small range whole, ten of them are killed, and the coordinator three times.
    @Test func fullCoverageThroughKills() async throws {
        try await Fleet.run(flags: ["--range", "1000000", "--children-max", "8"]) { fleet in
            // So many random numbers miss one of a million with a chance of one in ten thousand.
            let each = 3_000_000
            _ = try await fleet.createChildren(8, numbers: each)
            let killing = Task {
                for kill in 0..<13 {
                    try await Task.sleep(for: .milliseconds(150))
                    if kill % 4 == 3 {
                        try await fleet.crashCoordinator()
                    } else if let child = fleet.launchedProcesses("child-").randomElement() {
                        Glibc.kill(child, SIGKILL)
                    }
                }
            }
            try await killing.value
            let progress = try await fleet.childrensEnd(within: .seconds(180))
            #expect(progress.received == 8 * each)
            #expect(progress.unique == 1_000_000 && progress.percentage == 100)
            #expect(progress.duplicates == 8 * each - 1_000_000)
            let children = try await fleet.children()
            #expect(children.allSatisfy { $0.state == .done && $0.received == each })
            #expect(children.contains { $0.attempts > 1 })
            try await fleet.crashCoordinator()
            let after = try await fleet.progress()
            #expect((after.unique, after.received) == (progress.unique, progress.received))
        }
    }

    /// Fifty live children are there again for the next coordinator, and each delivers once.
    @Test func aRestartedCoordinatorAdopts() async throws {
        let flags = ["--children-max", "50", "--child-command", "sleep 4; seq 1 10"]
        try await Fleet.run(flags: flags) { fleet in
            let ids = try await fleet.createChildren(50)
            try await eventually("all are alive") { fleet.launchedProcesses("child-").count == 50 }
            let before = Set(fleet.launchedProcesses("child-"))
            await fleet.coordinator.kill()
            try await fleet.startCoordinator()
            try await eventually("all are adopted", within: .seconds(2)) {
                try await fleet.progress().childrenLive == 50
            }
            #expect(Set(fleet.launchedProcesses("child-")) == before)
            let progress = try await fleet.childrensEnd()
            #expect(progress.received == 500 && progress.unique == 10 && progress.childrenDied == 0)
            let children = try await fleet.children()
            #expect(Set(children.map(\.id)) == Set(ids) && children.allSatisfy { $0.attempts == 1 })
            try await eventually("none is left") { before.allSatisfy { kill($0, 0) != 0 } }
        }
    }

    /// Nobody comes back for them: they end by themselves, and so does what they started.
    @Test func orphansEndThemselves() async throws {
        let flags = ["--orphan-seconds", "0.5", "--child-command", "sleep 1; seq 1 10"]
        try await Fleet.run(flags: flags) { fleet in
            _ = try await fleet.createChildren(3)
            _ = try await fleet.demand("POST", "/v1/scale", Array(#"{"workers":2}"#.utf8), status: 202)
            try await eventually("the workers joined") { try await fleet.memberNames("/servers").count == 2 }
            try await eventually("the children live") { fleet.launchedProcesses("child-").count == 3 }
            let launched = fleet.launchedProcesses()
            #expect(launched.count == 5)
            await fleet.coordinator.kill()
            try await eventually("none is left") { launched.allSatisfy { kill($0, 0) != 0 } }
            // What they could not deliver is done again.
            try await fleet.startCoordinator()
            #expect(try await fleet.childrensEnd().received == 30)
        }
    }

    @Test func aChildStartedByHandDelivers() async throws {
        try await Fleet.run(flags: ["--range", "500"]) { fleet in
            let alone = try await fleet.muster("child", "--numbers", "40", "--range", "9")
            #expect(alone.exitCode == 0 && alone.output.count == 40)
            #expect(alone.output.allSatisfy { (1...9).contains(Int($0) ?? 0) })
            #expect(try await fleet.muster("child", "--join", fleet.url, "--numbers", "250").exitCode == 0)
            let progress = try await fleet.progress()
            #expect(progress.received == 250)
            expectSound(progress)
            let wide = try await fleet.muster("child", "--join", fleet.url, "--range", "100000", "--numbers", "250")
            #expect(wide.exitCode != 0 && wide.errors.contains { $0.contains("from 1 to 500") })
        }
    }

    @Test func commandsShowProgress() async throws {
        try await Fleet.run(flags: ["--range", "1000"]) { fleet in
            let made = try await fleet.muster("create-child", "--count", "3", "--numbers", "2000", "--wait")
            #expect(made.exitCode == 0 && made.output == ["child-1", "child-2", "child-3"])
            let shown = try await fleet.muster("progress", "--follow")
            #expect(shown.exitCode == 0)
            #expect(shown.output.contains("received    6000"))
            #expect(shown.output.first?.hasSuffix(" % of 1...1000") == true)
            #expect(try await fleet.muster("children").output.count == 4)
        }
    }
}

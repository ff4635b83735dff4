import MusterAPI
import MusterCore
import MusterJSON
import MusterTestKit
import MusterWire
import Testing

/// Tuples dealt to real workers.
@Suite(.timeLimit(.minutes(3))) struct AssignTests {
    private static let names = ["ada", "ben", "cleo", "dora"]

    private func startWorkers(_ fleet: Fleet) async throws -> [String: FleetProcess] {
        var workers: [String: FleetProcess] = [:]
        for (place, name) in Self.names.enumerated() {
            workers[name] = try fleet.startWorker(name)
            try await eventually("\(name) is listed") { try await fleet.memberNames("/servers").count == place + 1 }
        }
        return workers
    }

    private func body(_ count: Int) -> [UInt8] {
        let tuples = (0..<count).map { "[\($0),\($0 * 2),0.5]" }.joined(separator: ",")
        return Array("{\"dataset\":[\(tuples)]}".utf8)
    }

    private func assign(_ fleet: Fleet, _ body: [UInt8]) async throws -> JobStatus {
        try JobStatus(JSONValue(parsing: await fleet.demand("POST", "/assign/all", body, status: 201)))
    }

    @Test func aHundredTuplesAreTwentyFiveEach() async throws {
        try await Fleet.run { fleet in
            _ = try await startWorkers(fleet)
            let asked = try await assign(fleet, body(100))
            #expect(asked.kernel == "sum" && asked.count == 100 && asked.state == .queued)
            let job = try await fleet.end(of: asked.id)
            #expect(job.state == .done)
            #expect(job.workers == Dictionary(uniqueKeysWithValues: Self.names.map { ($0, 25) }))
            let results = try await fleet.results(of: asked.id)
            expectWhole(results, count: 100) { "\($0 * 3).5" }
            #expect(results.allSatisfy { $0.worker == Self.names[$0.task % 4] })
        }
    }

    /// The frozen worker is alive when the tuples are dealt, takes some, and never answers.
    @Test(arguments: [true, false])
    func aLostShareIsDealtAgain(isKilled: Bool) async throws {
        let silence = isKilled ? "600" : "3"
        try await Fleet.run(flags: ["--silence-seconds", silence, "--lease-seconds", "600", "--grace-seconds", "0.2"]) {
            fleet in
            let workers = try await startWorkers(fleet)
            let lost = workers["ben"]!
            lost.freeze()
            let id = try await assign(fleet, body(100)).id
            if isKilled {
                try await eventually("the others did their own") { try await fleet.job(id).done == 75 }
                #expect(try await fleet.job(id).workers == ["ada": 25, "cleo": 25, "dora": 25])
                await lost.kill()
            }
            let job = try await fleet.end(of: id)
            #expect(job.state == .done)
            #expect(job.workers.values.sorted() == [33, 33, 34])
            #expect(job.workers["ben"] == nil)
            let results = try await fleet.results(of: id)
            expectWhole(results, count: 100) { "\($0 * 3).5" }
            guard !isKilled else { return }
            lost.thaw()
            try await eventually("it is a member again") { try await fleet.memberNames("/servers").count == 4 }
            #expect(try await fleet.results(of: id) == results)
        }
    }

    @Test func withoutAWorkerTheJobWaitsForAnyone() async throws {
        try await Fleet.run { fleet in
            let asked = try await assign(fleet, [])
            #expect(asked.count == AssignRequest.randomPairs)
            _ = try fleet.startWorker("late")
            let job = try await fleet.end(of: asked.id)
            #expect(job.workers == ["late": 100])
            let sums = try await fleet.results(of: asked.id).compactMap { $0.value.flatMap { Int($0) } }
            #expect(sums.count == 100 && sums.allSatisfy { (2...2_000).contains($0) } && Set(sums).count > 10)
        }
    }

    @Test func aRestartedCoordinatorLetsAnyoneTakeTheRest() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "600", "--lease-seconds", "600"]) { fleet in
            let workers = try await startWorkers(fleet)
            workers["dora"]!.freeze()
            let id = try await assign(fleet, body(100)).id
            try await eventually("the others did their own") { try await fleet.job(id).done == 75 }
            await fleet.coordinator.kill()
            try await fleet.startCoordinator()
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 100) { "\($0 * 3).5" }
        }
    }

    @Test func theCommandShowsWhoDidWhat() async throws {
        try await Fleet.run { fleet in
            _ = try await startWorkers(fleet)
            try fleet.folder.write(Array("[1,2]\n[3, 4, 5]\n[0.5]\n[-1]\n[7]\n".utf8), to: "lines")
            let lines = try await fleet.muster("assign", "--dataset", "lines")
            #expect(lines.exitCode == 0, "\(lines.errors)")
            #expect(
                lines.output == [
                    "[1,2]\t3\tada", "[3,4,5]\t12\tben", "[0.5]\t0.5\tcleo", "[-1]\t-1\tdora", "[7]\t7\tada",
                    "worker\tada\t2", "worker\tben\t1", "worker\tcleo\t1", "worker\tdora\t1", "sum\t21.5",
                ])
            try fleet.folder.write(Array(" [\n  [1, 2],\n  [3]\n]\n".utf8), to: "list")
            let json = try await fleet.muster("assign", "-d", "list", "--json")
            #expect(json.exitCode == 0, "\(json.errors)")
            #expect(json.output.count == 3)
            let job = try JobStatus(JSONValue(parsing: Array((json.output.first ?? "").utf8)))
            #expect(job.state == .done && job.workers == ["ada": 1, "ben": 1])
            #expect(
                json.output.last?.hasPrefix(#"{"task":1,"tuple":[3],"value":3,"worker":"ben","attempt":1,"#) == true)
            let random = try await fleet.muster("assign")
            #expect(random.exitCode == 0, "\(random.errors)")
            #expect(random.output.count == 105)
            #expect(random.output.filter { $0.hasPrefix("worker\t") }.allSatisfy { $0.hasSuffix("\t25") })
            #expect(try await fleet.muster("assign", "--no-wait").output == ["4"])
        }
    }

    @Test(arguments: [
        ("[1]\n{}\n", 65, "line 2"), ("[1]\n[]\n", 65, "line 2"), ("[\"1\"]\n", 65, "line 1"),
        ("[[1],[2,null]]", 65, "tuple 2"),
        ("[1]\n[2\n", 65, "line 2"), ("[[1],", 65, "not JSON"), ("", 65, "empty"), ("[1e999]\n", 65, "1e999"),
    ])
    func wrongFilesAreRefused(text: String, code: Int32, named: String) async throws {
        try await Fleet.run { fleet in
            try fleet.folder.write(Array(text.utf8), to: "tuples")
            let refused = try await fleet.muster("assign", "--dataset", "tuples")
            #expect(refused.exitCode == code)
            #expect(refused.output.isEmpty)
            #expect(refused.errors.contains { $0.contains(named) }, "\(refused.errors)")
            #expect(try await fleet.muster("assign", "--dataset", "missing").exitCode == 66)
            #expect(try await fleet.muster("jobs", "--json").output.joined().contains("\"id\"") == false)
        }
    }
}

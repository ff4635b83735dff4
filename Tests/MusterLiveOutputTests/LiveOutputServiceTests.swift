import MusterAPI
import MusterCore
import MusterFleetCore
import MusterHTTP
import MusterMembership
import MusterRole
import MusterRoutes
import MusterScheduling
import MusterServices
import MusterStore
import MusterSystem
import MusterWire
import Synchronization
import Testing

@testable import MusterLiveOutput

/// Readers and workers of one job, without the services that have jobs and members.
@Suite struct LiveOutputServiceTests {
    /// Stands for the jobs: one, which is over as soon as the test says so; and for the workers' lines.
    private final class Others: JobLooks, FollowLines {
        let isOver = Mutex(false)
        let told = Mutex<[[JobID]]>([])

        func jobID(_ request: HTTPRequest) throws(Problem) -> JobID { JobID(1) }
        func requireReadable(_ id: JobID, _ request: HTTPRequest) async throws {}
        func isOpen(_ id: JobID, _ fleet: borrowing Fleet) -> Bool? { isOver.withLock { $0 } ? nil : false }
        func status(of id: JobID) async throws -> JobStatus? { nil }
        func tellFollowed(_ jobs: [JobID], _ fleet: inout Fleet) { told.withLock { $0.append(jobs) } }
    }

    private func delivery(_ text: String, task: Int = 0, at offset: Int = 0) -> String {
        #"{"pieces":[{"job":1,"task":\#(task),"attempt":1,"start":1.5,"stream":"stdout","offset":\#(offset),"text":"\#(text)"}]}"#
    }

    @Test("workers hear of readers, and readers have what the task's own worker says, to the job's end")
    func follows() async throws {
        try await withBench { bench in
            let others = Others()
            let service = LiveOutputService(bench.common, jobs: others, lines: others)
            let (own, other) = (bench.member(1, "own"), bench.member(2, "other"))
            try await bench.job(1, tasks: 2)
            let call = LeaseCall(id: LeaseCallID(100), member: own.id, free: .oneCPU, kernels: ["noop"])
            bench.lock.handle(.work(.workAsked(call)))
            let secrets = [own, other].map { bench.common.authenticator.secret(of: $0.id) }
            // Nobody reads it yet.
            let early = try await bench.ask(service, .output, token: secrets[0], body: delivery("early\\n"))
            #expect(early.status == 200)

            let response = try await bench.ask(service, .jobOutput, token: bench.tokens.read, id: "1")
            let stream = try #require(response.stream)
            #expect(others.told.withLock { $0 } == [[JobID(1)]])
            _ = try await bench.ask(service, .output, token: secrets[1], body: delivery("forged\\n"))
            // Task 1 waits; a member that is no worker has never had it.
            let member = bench.common.authenticator.secret(of: bench.member(3, "member", role: .client).id)
            _ = try await bench.ask(service, .output, token: member, body: delivery("forged\\n", task: 1))
            _ = try await bench.ask(service, .output, token: secrets[0], body: delivery("mine\\n"))
            var text = ""
            _ = try await eventually {
                text += stream.taken()
                return text.isEmpty ? nil : true
            }
            #expect(
                text
                    == #"{"job":1,"task":0,"attempt":1,"start":1.5,"stream":"stdout","offset":0,"text":"mine\n","worker":"own"}"#
                    + "\n")
            others.isOver.withLock { $0 = true }
            bench.lock.withLock { service.tick(SystemTime.now(), &$0) }
            _ = try await eventually { stream.isClosed ? true : nil }
            // A blank line may be due by now.
            #expect(stream.taken().allSatisfy { $0 == "\n" })
            #expect(others.told.withLock { $0 }.last == [])
        }
    }

    @Test("a stream on which nothing comes has a blank line every ten seconds")
    func beats() async throws {
        try await withBench { bench in
            let others = Others()
            let service = LiveOutputService(bench.common, jobs: others, lines: others)
            try await bench.job(1)
            let stream = try #require(
                try await bench.ask(service, .jobOutput, token: bench.tokens.read, id: "1").stream)
            let began = SystemTime.now()
            // However long the test took up to here, the first is due.
            let seen = [20_000, 20_100, 21_000, 30_100, 40_200].map { milliseconds in
                bench.lock.withLock { service.tick(began + .milliseconds(milliseconds), &$0) }
                return stream.taken()
            }
            #expect(seen == ["\n", "", "", "\n", "\n"])
            // What waits to be read is not added to.
            bench.lock.withLock { service.tick(began + .seconds(51), &$0) }
            bench.lock.withLock { service.tick(began + .seconds(62), &$0) }
            #expect(stream.taken() == "\n")
        }
    }

    @Test("a job that has ended has nothing to say")
    func over() async throws {
        try await withBench { bench in
            let others = Others()
            let service = LiveOutputService(bench.common, jobs: others, lines: others)
            try await bench.job(1)
            others.isOver.withLock { $0 = true }
            let stream = try #require(
                try await bench.ask(service, .jobOutput, token: bench.tokens.read, id: "1").stream)
            _ = try await eventually { stream.isClosed ? true : nil }
            #expect(stream.taken() == "")
        }
    }
}

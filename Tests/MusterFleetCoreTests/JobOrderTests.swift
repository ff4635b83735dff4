import MusterCore
import MusterFleetCore
import MusterMembership
import MusterScheduling
import MusterSimulation
import Testing

@Suite("jobs that wait for others")
struct JobOrderTests {
    /// A fleet with one worker that always asks, over a store that keeps everything, or refuses to end jobs.
    private struct Bench {
        var fleet = FleetCore(sealer: PlainSealer())
        private(set) var stored: [StoreWrite] = []
        private(set) var granted: [JobID] = []
        var refusesEnds = false
        private var calls: UInt64 = 0
        private var deliveries: UInt64 = 0
        private var grants: [JobID: Grant] = [:]

        init() {
            handle(
                .membership(
                    .joined(
                        MemberRecord(
                            id: MemberID(1), name: "w", role: .worker, joinOrder: 1, address: "", slots: 1, labels: [:],
                            version: "", joinedMs: 0, incarnation: "a"))))
        }

        mutating func handle(_ event: FleetEvent) {
            for effect in fleet.handle(event, now: .zero, wallClockMs: 0) {
                switch effect {
                case .store(let writes): stored += writes
                case .work(.commit(let id, let writes)):
                    let isEnd = writes.contains { if case .endJob = $0 { true } else { false } }
                    if isEnd, refusesEnds {
                        handle(.work(.commitFailed(id, reason: "full")))
                    } else {
                        stored += writes
                        handle(.work(.committed(id)))
                    }
                case .work(.grant(_, _, let grants)):
                    for grant in grants {
                        granted.append(grant.key.job)
                        self.grants[grant.key.job] = grant
                    }
                default: break
                }
            }
        }

        mutating func add(_ id: Int64, after: Prerequisites = .init(), ended: [JobID: JobState] = [:]) {
            var record = JobRecord(
                id: JobID(id), kernel: "k", params: Array("{}".utf8), count: 1, priority: .batch, hasInputs: false,
                attemptsMax: 1, createdMs: 0)
            record.after = after
            if !after.isEmpty { handle(.jobAnnounced(record.id, after, ended: ended)) }
            let job = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
            handle(.work(.jobAdded(RestoredJob(job: job, recorded: RangeSet()))))
            ask()
        }

        mutating func ask() {
            calls += 1
            handle(
                .work(
                    .workAsked(
                        LeaseCall(id: LeaseCallID(calls), member: MemberID(1), free: .oneCPU, kernels: ["k"]))))
        }

        /// The job's only task succeeds, or fails.
        mutating func end(_ id: Int64, fails: Bool = false) {
            guard let grant = grants[JobID(id)] else { return }
            deliveries += 1
            let report = TaskReport(
                key: grant.key, ticket: grant.ticket, start: 0, values: LineColumn(lines: Array("null\n".utf8)),
                seconds: LineColumn(lines: Array("0\n".utf8)),
                failures: fails ? [.init(task: 0, reason: "x")] : [], secondsTotal: 0)
            handle(
                .work(
                    .reported(DeliveryID(deliveries), from: MemberID(1), worker: "w", [report], wallClockMs: 0)))
        }

        mutating func cancel(_ id: Int64) { handle(.work(.cancelAsked(JobID(id), wallClockMs: 0))) }

        func waits(_ id: Int64) -> String? { fleet.order(of: JobID(id)) }
        func end(of id: Int64) -> JobState? {
            for case .endJob(JobID(id), let state, _) in stored { return state }
            return nil
        }
        func reason(of id: Int64) -> String? {
            for case .explainJob(JobID(id), let reason) in stored { return reason }
            return nil
        }
    }

    private static func done(_ jobs: Int64...) -> Prerequisites { Prerequisites(done: jobs.map { JobID($0) }) }
    private static func ended(_ jobs: Int64...) -> Prerequisites { Prerequisites(ended: jobs.map { JobID($0) }) }

    @Test("nothing of a job is granted before those that it waits for are done")
    func afterSuccess() {
        var bench = Bench()
        bench.add(1)
        bench.add(2)
        bench.add(3, after: Self.done(1, 2))
        #expect(bench.waits(3) == "jobs 1 and 2 have not succeeded yet")
        #expect(bench.fleet.scheduler.waitingTaskCount == 0)
        bench.end(1)
        #expect(bench.waits(3) == "job 2 has not succeeded yet" && bench.granted == [1, 2].map { JobID($0) })
        #expect(bench.fleet.isAwaited(JobID(1)), "what it was is needed still")
        bench.end(2)
        #expect(bench.granted.last == JobID(3) && bench.waits(3) == nil && !bench.fleet.isAwaited(JobID(1)))
        #expect(bench.stored.contains(.releaseJob(JobID(3))))
        bench.end(3)
        #expect(bench.end(of: 3) == .done && bench.reason(of: 3) == nil)
    }

    @Test("a job that waited for a success is cancelled with what it waited for, and so are those behind it")
    func afterFailure() {
        var bench = Bench()
        bench.add(1)
        bench.add(2, after: Self.done(1))
        bench.add(3, after: Self.done(2))
        bench.add(4, after: Self.ended(2))
        bench.end(1, fails: true)
        #expect(bench.end(of: 1) == .failed && bench.end(of: 2) == .cancelled && bench.end(of: 3) == .cancelled)
        #expect(bench.reason(of: 2) == "job 1 failed, and this one was to run after its success")
        #expect(bench.reason(of: 3) == "job 2 was cancelled, and this one was to run after its success")
        #expect(bench.granted == [1, 4].map { JobID($0) })
    }

    @Test("what is known to be over when a job is announced counts")
    func overBefore() {
        var bench = Bench()
        bench.add(5, after: Self.done(1, 2), ended: [JobID(1): .done, JobID(2): .done])
        #expect(bench.granted == [JobID(5)])
        bench.end(5)
        bench.add(6, after: Self.done(1), ended: [JobID(1): .failed])
        #expect(bench.end(of: 6) == .cancelled)
        bench.add(7, after: Self.ended(1), ended: [JobID(1): .cancelled])
        #expect(bench.granted.last == JobID(7))
    }

    @Test("what ends between the announcement and the adding counts, too")
    func overMeanwhile() {
        var bench = Bench()
        bench.add(1)
        bench.handle(.jobAnnounced(JobID(2), Self.done(1), ended: [:]))
        bench.end(1)
        #expect(bench.granted == [JobID(1)])
        bench.add(2, after: Self.done(1), ended: [JobID(1): .done])
        #expect(bench.granted.last == JobID(2))
        // One that could not be stored is forgotten.
        bench.add(3)
        bench.handle(.jobAnnounced(JobID(4), Self.done(3), ended: [:]))
        bench.handle(.jobUnannounced(JobID(4)))
        #expect(!bench.fleet.isAwaited(JobID(3)) && bench.waits(4) == nil)
    }

    @Test("who is cancelled while it waits is waited for no more")
    func cancelled() {
        var bench = Bench()
        bench.add(1)
        bench.add(2, after: Self.done(1))
        bench.add(3, after: Self.ended(2))
        bench.cancel(2)
        #expect(bench.end(of: 2) == .cancelled && bench.reason(of: 2) == nil && !bench.fleet.isAwaited(JobID(1)))
        bench.end(1)
        #expect(bench.granted == [1, 3].map { JobID($0) })
    }

    @Test("a cancel that the store refuses is tried again")
    func refused() {
        var bench = Bench()
        bench.add(1)
        bench.add(2, after: Self.done(1))
        bench.cancel(1)
        bench.add(3, after: Self.done(1), ended: [JobID(1): .cancelled])
        #expect(bench.end(of: 2) == .cancelled && bench.end(of: 3) == .cancelled)
        bench.refusesEnds = true
        bench.add(4, after: Self.done(1), ended: [JobID(1): .cancelled])
        bench.handle(.ticked)
        #expect(
            bench.end(of: 4) == nil
                && bench.waits(4) == "job 1 was cancelled, and this one was to run after its success")
        bench.refusesEnds = false
        bench.handle(.ticked)
        #expect(bench.end(of: 4) == .cancelled && bench.granted == [JobID(1)])
    }

    @Test("prerequisites are stored as text, and come back")
    func text() {
        for after in [Self.done(1), Self.ended(3), Prerequisites(done: [JobID(1), JobID(20)], ended: [JobID(3)])] {
            #expect(Prerequisites(text: after.text) == after)
        }
        for text in ["", "1", "1,2", "x;", ";0", "1;-2", "1;2;3"] {
            #expect(Prerequisites(text: text) == nil, "\(text)")
        }
        let twice = Prerequisites(done: [JobID(2), JobID(1), JobID(2)], ended: [JobID(1), JobID(3), JobID(3)])
        #expect(twice.withoutRepeats == Prerequisites(done: [JobID(2), JobID(1)], ended: [JobID(3)]))
    }
}

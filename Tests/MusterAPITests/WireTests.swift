import MusterCore
import MusterScheduling
import MusterSimulation
import MusterWire
import Testing

@testable import MusterAPI

@Suite("wire types")
struct WireTests {
    static let refusedJobs: [(String, Int, String)] = [
        ("", 400, "not JSON"), ("[]", 422, "object"), ("{", 400, "not JSON"),
        (#"{"count":1}"#, 422, "\"kernel\" is missing"), (#"{"kernel":1,"count":1}"#, 422, "not 1"),
        (#"{"kernel":"noop"}"#, 422, "\"count\""), (#"{"kernel":"noop","count":0}"#, 422, "not 0"),
        (#"{"kernel":"noop","count":-1}"#, 422, "not -1"), (#"{"kernel":"noop","count":1.5}"#, 422, "not 1.5"),
        (#"{"kernel":"noop","count":"5"}"#, 422, "not \"5\""), (#"{"kernel":"noop","count":1e9}"#, 422, "not 1e9"),
        (#"{"kernel":"noop","count":true}"#, 422, "not true"), (#"{"kernel":"noop","inputs":[]}"#, 422, "empty"),
        (#"{"kernel":"noop","inputs":[1],"count":2}"#, 422, "1 inputs"),
        (#"{"kernel":"noop","count":1,"colour":"red"}"#, 422, "\"colour\""),
        (#"{"kernel":"noop","count":1,"count":2}"#, 422, "twice"),
        (#"{"kernel":"noop","count":1,"params":[]}"#, 422, "params"),
        (#"{"kernel":"noop","count":1,"priority":"high"}"#, 422, "interactive"),
        (#"{"kernel":"noop","count":1,"quorum":"1/2"}"#, 422, "like 2/3"),
        (#"{"kernel":"noop","count":1,"quorum":2}"#, 422, "quorum"),
        (#"{"kernel":"noop","count":10000001,"quorum":"2/3"}"#, 422, "at most 10000000 tasks"),
        (#"{"kernel":"noop","count":1,"attempts":0}"#, 422, "not 0"),
        (#"{"kernel":"noop","count":1,"retryDelay":-1}"#, 422, "not -1"),
        (#"{"kernel":"noop","count":1,"retryDelay":3601}"#, 422, "not 3601"),
        (#"{"kernel":"noop","count":1,"atMost":0}"#, 422, "not 0"),
        (#"{"kernel":"noop","count":1,"copies":"no"}"#, 422, "not \"no\""),
        (#"{"kernel":"noop","count":1,"needs":{"cpus":0}}"#, 422, "not 0"),
        (#"{"kernel":"noop","count":1,"needs":{"cpus":1025}}"#, 422, "not 1025"),
        (#"{"kernel":"noop","count":1,"needs":{"memory":-1}}"#, 422, "needs.memory"),
        (#"{"kernel":"noop","count":1,"needs":{"gpus":65}}"#, 422, "not 65"),
        (#"{"kernel":"noop","count":1,"needs":{"disk":1}}"#, 422, "\"needs.disk\""),
        (#"{"kernel":"noop","count":1,"needs":{"counts":{"a":0}}}"#, 422, "not 0"),
        (#"{"kernel":"noop","count":1,"needs":{"counts":{"a\n":1}}}"#, 422, "control characters"),
        (#"{"kernel":"noop","count":1,"needs":{"labels":{"a=b":"c"}}}"#, 422, "a=b"),
        (#"{"kernel":"noop","count":1,"needs":{"labels":{"a":1}}}"#, 422, "not 1"),
        (#"{"kernel":"noop","count":1,"needs":4}"#, 422, "object"),
        (#"{"kernel":"noop","count":1,"startDelay":0.001}"#, 422, "not 0.001"),
        (#"{"kernel":"noop","count":1,"halt":"later"}"#, 422, "never, or now or soon"),
        (#"{"kernel":"noop","count":1,"halt":"2"}"#, 422, "not \"2\""),
    ]

    @Test("a wrong job request is refused with status and offending value", arguments: refusedJobs)
    func refusesJobs(body: String, status: Int, words: String) {
        let problem = #expect(throws: Problem.self) { try JobRequest(body: Array(body.utf8)) }
        #expect(problem?.status == status)
        #expect(problem?.detail.contains(words) == true, "\(problem?.detail ?? "")")
    }

    @Test("a job request survives the wire")
    func jobRequest() throws {
        let inputs = LineColumn(lines: Array("[1,2]\n\"x\"\n".utf8))
        let request = JobRequest(
            kernel: "sum", params: Array(#"{"a":1}"#.utf8), count: 2, inputs: inputs, priority: .interactive,
            attemptsMax: 7)
        #expect(try JobRequest(body: request.body) == request)
        let careful = JobRequest(
            kernel: "container", count: 9, retryDelay: .milliseconds(2_500), atMost: 3, mayCopy: true)
        #expect(try JobRequest(body: careful.body) == careful)
        var needy = careful
        needy.needs = Needs(Amounts(cpus: 3, memory: 1 << 40, counts: ["a": 2]), labels: ["site": "lab", "x": ""])
        (needy.failsIfImpossible, needy.startDelay) = (true, .milliseconds(20))
        #expect(try JobRequest(body: needy.body) == needy)
        // One cpu is what every job needs.
        #expect(try JobRequest(body: Array(#"{"kernel":"noop","count":1,"needs":{}}"#.utf8)).needs == nil)
        let counted = JobRequest(kernel: "noop", count: 3)
        #expect(counted.attemptsMax == nil)
        #expect(try JobRequest(body: counted.body) == counted)
    }

    @Test("leases, heartbeats and reports survive the wire")
    func leases() throws {
        let key = LeaseKey(job: JobID(3), first: 10, count: 2, attempt: 4, member: MemberID(9))
        var grant = Grant(key: key, ticket: "t", kernel: "sum", params: Array("{}".utf8), hasInputs: true)
        let offer = LeaseOffer(grant: grant, inputs: LineColumn(lines: Array("[1]\n[2]\n".utf8)))
        #expect(try LeaseOffer.offers(in: LeaseAnswer([offer]).body, for: MemberID(9)) == [offer])
        grant.hasInputs = false
        let plain = LeaseOffer(grant: grant, inputs: nil)
        #expect(try LeaseOffer.offers(in: LeaseAnswer([plain, plain]).body, for: MemberID(9)) == [plain, plain])
        #expect(try Heartbeat(body: Heartbeat(leases: [key]).body, member: MemberID(9)).leases == [key])
        var beat = Heartbeat(leases: [])
        beat.returned = [ReturnedTasks(key: key, from: 11)]
        #expect(try Heartbeat(body: beat.body, member: MemberID(9)) == beat)
        let report = TaskReport(
            key: key, ticket: "t", start: 10, values: LineColumn(lines: Array("1\nnull\n".utf8)),
            seconds: LineColumn(lines: Array("0\n0.5\n".utf8)),
            failures: [.init(task: 11, reason: "a\"b", isOwnFault: true)],
            secondsTotal: 0.5)
        let body = ReportWire.body(joining: [ReportWire.text(of: report), ReportWire.text(of: report)])
        #expect(!body.isBinary)
        #expect(try ReportWire.reports(in: body.bytes, from: MemberID(9)) == [report, report])
    }

    @Test("reports with bytes survive the wire, beside others, and kept ones are known to be whole")
    func binaryReports() throws {
        let key = LeaseKey(job: JobID(3), first: 10, count: 3, attempt: 4, member: MemberID(9))
        var report = TaskReport(
            key: key, ticket: "t", start: 10, values: LineColumn(lines: Array("3\nnull\n0\n".utf8)),
            seconds: LineColumn(lines: Array("0\n0.5\n1\n".utf8)), failures: [.init(task: 11, reason: "no")],
            secondsTotal: 1.5)
        let plain = report
        report.blobs = [[10, 0, 255], [], []]
        let texts = [report, plain, report].map(ReportWire.text)
        let body = ReportWire.body(joining: texts)
        #expect(body.isBinary)
        #expect(
            try ReportWire.reports(in: body.bytes, isBinary: true, from: MemberID(9)) == [report, plain, report])
        for text in texts { #expect(ReportWire.isWhole(text)) }
        #expect(!ReportWire.isWhole(texts[0].dropLast()))
        #expect(!ReportWire.isWhole(Array(texts[1].dropLast())))
        for wrong in [Array(body.bytes.dropLast()), body.bytes + [1]] {
            #expect(throws: Problem.self) { try ReportWire.reports(in: wrong, isBinary: true, from: MemberID(9)) }
        }
        // Without the type that says so, bytes are not looked for.
        let head = ReportWire.body(joining: [Array(texts[0].prefix { $0 != 10 })]).bytes
        #expect(throws: Problem.self) { try ReportWire.reports(in: head, from: MemberID(9)) }
    }

    @Test("verdicts survive the wire")
    func verdicts() throws {
        let verdicts: [ReportVerdict] = [.recorded(5), .stale, .forged, .again("disk full")]
        #expect(try ReportWire.verdicts(in: ReportWire.reply(verdicts)) == verdicts)
    }

    static let refusedReports = [
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"ticket":"t","values":[],"seconds":[]}]}"#,
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"ticket":"t","values":[1],"seconds":[]}]}"#,
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"ticket":"t","values":[1],"seconds":[-1]}]}"#,
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"ticket":"t","values":[1],"seconds":["x"]}]}"#,
        #"{"reports":[{"job":0,"first":0,"count":1,"attempt":1,"ticket":"t","values":[1],"seconds":[0]}]}"#,
        #"{"reports":[{"job":1,"first":-1,"count":1,"attempt":1,"ticket":"t","values":[1],"seconds":[0]}]}"#,
        #"{"reports":[{"job":1,"first":0,"count":1,"attempt":1,"values":[1],"seconds":[0]}]}"#,
        #"{"reports":{}}"#, #"{}"#, #"{"reports":[],"x":1}"#,
    ]

    @Test("a wrong report is refused", arguments: refusedReports)
    func refusesReports(body: String) {
        let problem = #expect(throws: Problem.self) {
            try ReportWire.reports(in: Array(body.utf8), from: MemberID(1))
        }
        #expect(problem?.status == 422)
    }

    @Test("result lines give each task its own, values untouched")
    func resultLines() throws {
        let values = ResultRecord(
            job: JobID(1), first: 8, count: 3, worker: "w\"1", attempt: 2,
            outcome: .values(lines: Array("1\n{\"a\":[1e400]}\n\"x\"\n".utf8)), secondsLines: Array("0\n0.25\n1\n".utf8)
        )
        var out: [UInt8] = []
        ResultLines.append(values, 9..<100, to: &out)
        let failure = ResultRecord(
            job: JobID(1), first: 11, count: 1, worker: "w", attempt: 5, outcome: .failure("no\nluck"),
            secondsLines: Array("0\n".utf8))
        ResultLines.append(failure, 0..<100, to: &out)
        var left = failure
        (left.first, left.output) = (12, Array(#"{"stdout":"x"}"#.utf8))
        ResultLines.append(left, 0..<100, to: &out)
        let expected = """
            {"task":9,"value":{"a":[1e400]},"worker":"w\\"1","attempt":2,"seconds":0.25}
            {"task":10,"value":"x","worker":"w\\"1","attempt":2,"seconds":1}
            {"task":11,"error":"no\\nluck","worker":"w","attempt":5,"seconds":0}
            {"task":12,"error":"no\\nluck","value":{"stdout":"x"},"worker":"w","attempt":5,"seconds":0}

            """
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test("random bytes never crash the readers", arguments: 0..<10)
    func fuzz(seed: UInt64) {
        var random = TestRandom(seed: seed)
        let samples = [
            JobRequest(kernel: "noop", count: 3).body,
            Array(Self.refusedReports[2].utf8), Heartbeat(leases: []).body,
        ]
        for _ in 0..<500 {
            var bytes = samples.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            for status in [
                problem { _ = try JobRequest(body: bytes) },
                problem { _ = try ReportWire.reports(in: bytes, from: MemberID(1)) },
                problem { _ = try JoinRequest(body: bytes) }, problem { _ = try LeaseRequest(body: bytes) },
                problem { _ = try Heartbeat(body: bytes, member: MemberID(1)) },
            ] { #expect(status == nil || status == 400 || status == 422) }
        }
    }

    private func problem(_ body: () throws -> Void) -> Int? {
        do { try body() } catch { return (error as? Problem)?.status ?? -1 }
        return nil
    }
}

import MusterAPI
import MusterCore
import MusterWire
import Testing

@Suite struct ChildWireTests {
    @Test func reportsComeBackAsTheyWent() throws {
        let report = NumbersReport(offset: 7, numbers: [1, 1_000, 42], rejected: 3, isLast: true)
        #expect(try NumbersReport(body: report.body, range: 1_000) == report)
        let empty = NumbersReport(offset: 0, numbers: [], rejected: 0, isLast: false)
        #expect(try NumbersReport(body: empty.body, range: 1) == empty)
        let verdict = NumbersVerdict(received: 12, isDone: true)
        #expect(try NumbersVerdict(body: verdict.body) == verdict)
        let request = ChildrenRequest(count: 3, numbers: 9)
        #expect(try ChildrenRequest(body: request.body) == request)
        #expect(try ChildrenRequest(body: []) == ChildrenRequest(count: 1, numbers: 1_000))
    }

    @Test(arguments: [
        "0", "-1", "1001", "1.5", "1e2", "\"5\"", "null", "[1]", "true", "99999999999999999999", "4294967297",
    ])
    func whatIsNoNumberInTheRangeIsRefusedWhole(_ number: String) {
        let body = Array("{\"numbers\":[1,2,\(number),3]}".utf8)
        #expect(throws: Problem.self) { try NumbersReport(body: body, range: 1_000) }
    }

    @Test(arguments: [
        #"{}"#, #"{"numbers":5}"#, #"{"numbers":[],"offset":-1}"#, #"{"numbers":[],"last":1}"#,
        #"{"numbers":[],"x":1}"#,
    ])
    func otherReportsAreRefused(_ body: String) {
        #expect(throws: Problem.self) { try NumbersReport(body: Array(body.utf8), range: 10) }
    }

    @Test func aReportIsBounded() {
        let numbers = [UInt32](repeating: 1, count: Limits.childReportMax + 1)
        let body = NumbersReport(offset: 0, numbers: numbers, rejected: 0, isLast: true).body
        #expect(throws: Problem.self) { try NumbersReport(body: body, range: 10) }
    }

    /// What contradicts itself is written within the document's bounds.
    @Test(arguments: [
        #"{"uniqueNumbers":45,"range":100,"received":0,"children":{}}"#,
        #"{"uniqueNumbers":101,"range":100,"received":200,"children":{}}"#,
    ])
    func progressIsReadBack(_ body: String) throws {
        let progress = try NumbersProgress(body: Array(body.utf8))
        #expect(try NumbersProgress(body: progress.body) == progress)
    }
}

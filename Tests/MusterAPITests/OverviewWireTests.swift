import MusterAPI
import MusterCore
import MusterJSON
import MusterOverview
import MusterWire
import Testing

/// What pages are told, read back.
@Suite struct OverviewWireTests {
    private static func head() -> OverviewHead {
        var head = OverviewHead(number: 7, time: 1_700_000_000.5)
        (head.counts.members, head.counts.tasksRecorded, head.trouble) = (3, 1_000, "the disk is full")
        return head
    }

    @Test func rowsAreReadBack() throws {
        var overview = Overview(Self.head(), version: "1")
        overview.curve = [GrowthCurve.Point(time: 1.5, unique: 2, recorded: 3)]
        overview.doing = [OverviewDoing(MemberID(4), OverviewLook.Doing(job: JobID(5), tasks: 6))]
        overview.events = [OverviewEvent(time: 2, name: "job-ended", data: Array(#"{"id":1}"#.utf8))]
        let text = String(decoding: overview.body, as: UTF8.self)
        #expect(text.contains("\"curve\":[[1.5,2,3]]") && text.contains("\"doing\":[[4,5,6]]"), "\(text)")
        #expect(text.contains("\"leader\":null"))
        let read = try Overview(body: overview.body)
        #expect(read.curve == overview.curve && read.doing == overview.doing && read.events == overview.events)
        #expect(read.head.number == 7 && read.head.counts == overview.head.counts && read.head.trouble != nil)
    }

    @Test func aChangeHasWhatIsNew() throws {
        var (before, after) = (OverviewLook(), OverviewLook())
        before.order = [MemberID(1), MemberID(2)]
        after.order = [MemberID(2)]
        before.members = before.order.map { _ in OverviewLook.Member(incarnation: "a", state: "alive") }
        after.members = [before.members[1]]
        before.doing = [MemberID(2): OverviewLook.Doing(job: JobID(1), tasks: 1)]
        after.doing = [:]
        before.jobs = [
            JobID(1): .init(done: 1, failed: 0, isRunning: true), JobID(2): .init(done: 0, failed: 0, isRunning: false),
        ]
        after.jobs = [JobID(1): .init(done: 5, failed: 1, isRunning: true)]
        let news = OverviewNews(Self.head(), OverviewChange(from: before, to: after))
        let text = String(decoding: news.body, as: UTF8.self)
        #expect(text.contains("\"order\":[2]") && text.contains("\"doing\":[[2,0,0]]"), "\(text)")
        #expect(text.contains("\"progress\":[[1,5,1]]") && text.contains("\"over\":[2]"), "\(text)")
        #expect(!text.contains("\"jobs\"") && !text.contains("\"leader\""), "what is as it was is not told")
        let read = try OverviewNews(body: news.body)
        #expect(read.doing == [OverviewDoing(MemberID(2), nil)] && read.order == [MemberID(2)])
        #expect(read.progress == news.progress && read.over == [JobID(2)])
    }

    @Test(arguments: ["[[1,2]]", "[1,2,3]", "[[1,2,3,4]]", #"[["a",2,3]]"#, "[[1,2.5,3]]"])
    func oddRowsAreRefused(rows: String) {
        var body = String(decoding: OverviewNews(Self.head()).body, as: UTF8.self)
        body.removeLast()
        #expect(throws: Problem.self) { try OverviewNews(body: Array("\(body),\"doing\":\(rows)}".utf8)) }
    }
}

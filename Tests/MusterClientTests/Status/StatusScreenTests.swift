import MusterAPI
import MusterJSON
import MusterWire
import Testing

@testable import MusterClient

@Suite struct StatusScreenTests {
    static let members = """
        {"members":[
        {"id":1,"name":"w-1","role":"worker","rank":0,"address":"10.0.0.1","state":"alive","joined":1000,"slots":4,"version":"1","labels":{}},
        {"id":2,"name":"ada","role":"client","rank":1,"address":"10.0.0.2","state":"alive","joined":1030,"slots":1,"version":"1","labels":{}},
        {"id":3,"name":"w-2","role":"worker","rank":2,"address":"10.0.0.3","state":"suspect","joined":1040,"slots":4,"version":"1","labels":{}},
        {"id":4,"name":"edge-2","role":"edge","rank":null,"address":"10.0.0.4","state":"alive","joined":1050,"slots":1,"version":"1","labels":{"id":"2","url":"http://10.0.0.4:8002"}},
        {"id":5,"name":"edge-1","role":"edge","rank":null,"address":"10.0.0.5","state":"alive","joined":1050,"slots":1,"version":"1","labels":{"id":"1","url":"javascript:alert(1)"}}
        ]}
        """
    static let metrics = """
        # HELP muster_jobs_unfinished Jobs.
        muster_jobs_unfinished 2
        muster_tasks_waiting 1500
        muster_tasks_leased 8
        muster_tasks_recorded_total 40
        muster_store_in_trouble 0
        muster_odd{a="b"} 3
        other 4
        """
    static let edge = """
        {"id":2,"leader":2,"term":7,"hits":97,"misses":3,"bytes":2048,"objects":12,"memoryBytes":1,"diskBytes":2,"upstream":"http://o",\
        "edges":[{"id":1,"url":"http://10.0.0.5:8001","alive":true},{"id":9,"url":"http://10.0.0.9:8009","alive":true},\
        {"id":8,"url":"http://10.0.0.8:8008","alive":false}]}
        """
    static let progress = """
        {"uniqueNumbers":1000,"percentage":0.01,"received":1000,"duplicates":0,"range":10000000,"rejected":0,\
        "children":{"waiting":1,"live":2,"done":3,"died":0,"failed":0,"cancelled":0}}
        """

    /// A fleet in which something is amiss, changed by `change`.
    static func status(_ change: (inout FleetStatus) -> Void = { _ in }) throws -> FleetStatus {
        let members = try FleetStatus.members(of: Array(members.utf8))
        let edges = members.filter { $0.role == "edge" }.sorted { $0.name < $1.name }
        let job = """
            {"id":7,"name":"primes","kernel":"sum","state":"running","count":2000,"done":490,"failed":10,"workers":{},"seconds":10,\
            "priority":"batch"}
            """
        var status = FleetStatus(
            url: "http://h:8080", isReady: true, members: members,
            jobs: [try JobStatus(JSONValue(parsing: Array(job.utf8)))],
            metrics: FleetStatus.metrics(of: metrics), numbers: try NumbersProgress(body: Array(progress.utf8)),
            edges: [
                FleetStatus.Edge(member: edges[0], report: nil, problem: "it does not say where it is"),
                FleetStatus.Edge(member: edges[1], report: try EdgeState(body: Array(edge.utf8)), problem: nil),
            ])
        change(&status)
        return status
    }

    /// The same with nothing amiss.
    static func well(_ change: (inout FleetStatus) -> Void = { _ in }) throws -> FleetStatus {
        try status { status in
            status.members.removeAll { !$0.isAlive || $0.name == "edge-1" }
            status.edges.remove(at: 0)
            status.edges[0].report?.others = []
            change(&status)
        }
    }

    @Test func aScreenInFull() throws {
        let screen = try StatusScreen.text(Self.status(), now: 1_090, width: 100)
        #expect(screen == Self.screen)
    }

    @Test func whatIsWellHasNoWarning() throws {
        #expect(try Self.well().warnings == [])
        #expect(try !StatusScreen.text(Self.well(), now: 2_000, width: nil).contains("!"))
    }

    @Test func asManyWorkersAsNeededAndWhy() throws {
        let screen = try StatusScreen.text(
            Self.well { status in
                var scale = ScaleReply(workers: 4, running: 4, joined: 3)
                (scale.least, scale.most, scale.reason) = (0, 1_000, "120 tasks of 0.1 s wait, 4 start")
                status.scale = scale
            }, now: 2_000, width: 100)
        #expect(screen.contains("\nworkers    at 4 of 0 to 1,000: 120 tasks of 0.1 s wait, 4 start\n"))
        #expect(try !StatusScreen.text(Self.well(), now: 2_000, width: 100).contains("workers    "))
    }

    @Test(arguments: [20, 40, 80]) func linesFit(_ width: Int) throws {
        let lines = try StatusScreen.text(Self.status(), now: 1_090, width: width).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width })
    }

    @Test func manyAreCounted() throws {
        let screen = try StatusScreen.text(
            Self.well { status in
                for number in 0..<100 {
                    var member = status.members[0]
                    member.name = "more-\(number)"
                    member.rank = number + 10
                    status.members.append(member)
                }
                status.metrics["jobs_unfinished"] = 51
            }, now: 2_000, width: 100)
        #expect(screen.contains("  … and 91 members more\n"))
        #expect(screen.contains("  … and 50 jobs more\n"))
        #expect(screen.split(separator: "\n").count < 40)
    }

    /// What members call themselves moves no cursor.
    @Test func namesAreText() throws {
        let screen = try StatusScreen.text(
            Self.well { $0.members[0].name = "a\u{1B}[2Jb\nc" }, now: 2_000, width: 100)
        #expect(screen.contains("a?[2Jb?c"))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let warning: String
        let change: @Sendable (inout FleetStatus) -> Void
        init(_ warning: String, _ change: @escaping @Sendable (inout FleetStatus) -> Void) {
            self.warning = warning
            self.change = change
        }
        var testDescription: String { warning }
    }

    @Test(arguments: [
        Case("the store cannot write: the coordinator refuses work until there is room on its disk") {
            $0.metrics["store_in_trouble"] = 1
        },
        Case("the coordinator is not ready: it is beginning or ending") { $0.isReady = false },
        Case("w-1, ada are silent, and taken for dead soon") { status in
            for place in 0...1 { status.members[place].state = "suspect" }
            status.metrics["jobs_unfinished"] = 0
        },
        Case("w-1 was wrong too often, so they get no work") { status in
            status.members[0].state = "distrusted"
            status.metrics["jobs_unfinished"] = 0
        },
        Case("there is work, and no live worker: 'muster worker --join http://h:8080', or 'muster scale'") {
            $0.members.removeAll { $0.role == "worker" }
        },
        Case("there is work, and no live worker yet: 5 tasks wait, and starts fail: no engine answers") { status in
            status.members.removeAll { $0.role == "worker" }
            var scale = ScaleReply(workers: 2, running: 0, joined: 0)
            (scale.least, scale.most, scale.reason) = (0, 4, "5 tasks wait, and starts fail: no engine answers")
            status.scale = scale
        },
        Case("job 7 waits: no worker has an engine") { $0.jobs[0].waiting = "no worker has an engine" },
        Case(
            "workers could not run tasks by their own fault, such as a missing container engine, 4 times: 'muster job' "
                + "says which"
        ) { $0.metrics["tasks_refused_total"] = 4 },
        Case("1 of 3 workers that are asked for run here") {
            $0.metrics["workers_wanted"] = 3
            $0.metrics["workers_launched"] = 1
        },
        Case("edge-2 does not tell how it is: no") { status in
            status.edges[0].report = nil
            status.edges[0].problem = "no"
        },
        Case("edges follow different leaders: edge 2, nobody") { status in
            var other = status.edges[0]
            other.report?.leader = nil
            status.edges.append(other)
        },
        Case("edge 9 is known to other edges, but not listed at this coordinator (--join)") {
            $0.edges[0].report?.others = [EdgeState.Other(id: 9, url: "http://x", isAlive: true)]
        },
        Case("2 children failed and 1 died: 'muster children' says why") { status in
            status.numbers.childrenFailed = 2
            status.numbers.childrenDied = 1
        },
        Case(
            "limits were met within 5 minutes: connections-per-address 1,200 times, pages once; the last one said "
                + "(--connections-per-address moves it): Too many."
        ) { status in
            status.limits = [
                LimitStatus(.connectionsPerAddress, count: 1_200, last: 0, secondsAgo: 2, detail: "Too many."),
                LimitStatus(.pages, count: 1, last: 0, secondsAgo: 299, detail: "Full."),
                LimitStatus(.members, count: 3, last: 0, secondsAgo: 301, detail: "Long ago."),
            ]
        },
    ]) func warns(_ test: Case) throws {
        #expect(try Self.well(test.change).warnings == [test.warning])
    }

    @Test func programsGetOneObject() throws {
        let bytes = try Self.status().json
        var fields = try JSONFields(JSONValue(parsing: bytes), path: "")
        #expect(try fields.string("coordinator") == "http://h:8080")
        #expect(try fields.bool("ready") == true)
        #expect(try fields.array("warnings")?.count == 3)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"roles\":{\"worker\":2,\"client\":1,\"edge\":2}"))
        #expect(text.contains("\"notAlive\":[{\"name\":\"w-2\",\"role\":\"worker\",\"state\":\"suspect\"}]"))
        #expect(text.contains("\"leader\":2,\"hits\":97,\"misses\":3"))
    }

    static let screen = """
        fleet      http://h:8080

        members    2 workers, 1 client, 2 edges; 4 slots of live workers
          RANK  NAME    ROLE    STATE    SLOTS   SINCE
             2  w-2     worker  suspect      4  50.0 s
             0  w-1     worker  alive        4   1m30s
             1  ada     client  alive            1m00s
                edge-1  edge    alive           40.0 s
                edge-2  edge    alive           40.0 s

        work       2 unfinished jobs, 1,500 tasks wait, 8 run
          job 7 primes   25%  [======>                        ]  500/2,000  10 failed  50/s  0:30 left  0:10
          … and 1 jobs more

        edges      edge 2 leads (term 7), hit ratio 97%
          EDGE    URL                   FOLLOWS  HITS  MISSES  RATIO  OBJECTS     BYTES
          edge-1                              ?     ?       ?      ?        ?         ?
          edge-2  http://10.0.0.4:8002        2    97       3    97%       12  2.00 KiB

        children   2 run, 1 wait, 3 done; 1,000 different numbers
        store      well

        ! w-2 is silent, and taken for dead soon
        ! edge-1 does not tell how it is: it does not say where it is
        ! edge 9 is known to other edges, but not listed at this coordinator (--join)

        """
}

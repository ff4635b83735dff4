import MusterAPI
import MusterWire
import Testing

@testable import MusterClient
@testable import MusterCommandLine

@Suite struct ImageTests {
    static let actions: [([String?], ImageAction)] = [
        ([nil, nil, nil], .menu), (["get", "7", nil], .get(ImageID(7))), (["size", "0", nil], .size(ImageID(0))),
        (["put", "9223372036854775807", "-"], .put(ImageID(.max), file: "-")),
        (["delete", "12", nil], .delete(ImageID(12))),
    ]

    @Test(arguments: actions) func actionsAreRead(words: [String?], action: ImageAction) throws {
        #expect(try ImageAction(action: words[0], id: words[1], file: words[2]) == action)
    }

    static let refused: [([String?], String)] = [
        (["get", nil, nil], "ID is missing"), (["put", "7", nil], "FILE is missing"),
        (["get", "7", "x.png"], "-o FILE"), (["delete", "7", "x.png"], "unexpected argument \"x.png\""),
        (["fetch", "7", nil], "\"fetch\""), (["get", "-1", nil], "\"-1\""), (["get", "007", nil], "\"007\""),
        (["get", "+7", nil], "\"+7\""), (["size", "9223372036854775808", nil], "\"9223372036854775808\""),
        (["size", "../../etc/passwd", nil], "\"../../etc/passwd\""), (["size", "", nil], "\"\""),
        (["size", "１", nil], "\"１\""),
    ]

    @Test(arguments: refused) func wrongActionsAreRefused(words: [String?], says: String) {
        let error = #expect(throws: CommandError.self) {
            try ImageAction(action: words[0], id: words[1], file: words[2])
        }
        #expect(error?.exitCode == .usage && error?.message.contains(says) == true, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            ("1", .getImage), (" 1 ", .getImage), ("get_image", .getImage), ("GET_IMAGE", .getImage),
            ("2", .getImageSize), ("get_image_size", .getImageSize), ("q", .quit), ("0", .quit), ("Quit", .quit),
            ("exit", .quit), ("", nil), ("3", nil), ("12", nil), ("1 2", nil), ("-1", nil), ("１", nil),
            ("\u{1B}[A", nil), ("get", nil),
        ] as [(String, ImageMenuChoice?)])
    func choicesOfTheMenu(line: String, choice: ImageMenuChoice?) { #expect(ImageMenuChoice(line) == choice) }

    @Test(
        arguments: [
            ("image/png", 0, "image-7.png"), ("image/jpeg", 1, "image-7-1.jpg"),
            ("IMAGE/PNG; a=b", 12, "image-7-12.png"),
            ("image/svg+xml", 0, "image-7.svg"), ("application/octet-stream", 0, "image-7.bin"),
            (nil, 2, "image-7-2.bin"),
            ("../../etc/passwd", 0, "image-7.bin"), ("", 0, "image-7.bin"),
        ] as [(String?, Int, String)])
    func namesOfFiles(type: String?, attempt: Int, name: String) {
        #expect(ImageFileName.name(of: ImageID(7), type: type, attempt: attempt) == name)
    }

    @Test(
        arguments: [
            ("x.png", "image/png"), ("/a.b/x.JPEG", "image/jpeg"), ("a.tar.gif", "image/gif"),
            ("x", "application/octet-stream"), ("-", "application/octet-stream"), (".png", "application/octet-stream"),
            ("a.png/x", "application/octet-stream"), ("x.", "application/octet-stream"),
        ])
    func typesOfFiles(path: String, type: String) { #expect(ImageFileName.type(of: path) == type) }
}

@Suite struct ImageServerTests {
    @Test func listsAreRead() throws {
        let list = try ImageServer.list("http://a:8001/, https://b,http://[::1]:8002")
        #expect(list.map(\.url) == ["http://a:8001", "https://b", "http://[::1]:8002"])
        #expect(list.allSatisfy { $0.name == nil })
    }

    @Test(arguments: [
        "", ",", "http://a,", "a:8001", "ftp://a", "http://a http://b", "http://a,http://a/", "http://u@a",
    ])
    func wrongListsAreRefused(text: String) {
        let error = #expect(throws: CommandError.self) { try ImageServer.list(text) }
        #expect(error?.exitCode == .usage && error?.message.hasPrefix("--edges: ") == true)
    }

    private static func member(
        _ name: String, id: String?, url: String?, role: String = "edge", state: String = "alive"
    ) -> String {
        let labels = [id.map { #""id":"\#($0)""# }, url.map { #""url":"\#($0)""# }].compactMap { $0 }
        return #"{"id":1,"name":"\#(name)","role":"\#(role)","rank":null,"address":"","state":"\#(state)","#
            + #""labels":{\#(labels.joined(separator: ","))}}"#
    }

    /// By number, not by name nor in the order of joining; nothing that is no edge or has no address.
    @Test func edgesComeByTheirNumbers() throws {
        let members = [
            Self.member("edge-10", id: "10", url: "http://h:8010"),
            Self.member("worker", id: "0", url: "http://h:1", role: "worker"),
            Self.member("edge-2", id: "2", url: "http://h:8002/"), Self.member("edge-3", id: "3", url: nil),
            Self.member("edge-4", id: "4", url: "javascript:x"),
            Self.member("edge-5", id: "5", url: "http://h:8005", state: "suspect"),
            Self.member("edge-6", id: "6", url: "http://h:8002"), Self.member("odd", id: "x", url: "http://h:8000"),
        ]
        let edges = try ImageServer.edges(inMembers: Array("{\"members\":[\(members.joined(separator: ","))]}".utf8))
        #expect(edges.map(\.name) == ["edge-2", "edge-10", "odd"])
        #expect(edges.map(\.url) == ["http://h:8002", "http://h:8010", "http://h:8000"])
        // Better one that may be gone than none.
        let doubted = try ImageServer.edges(inMembers: Array("{\"members\":[\(members[5])]}".utf8))
        #expect(doubted.map(\.name) == ["edge-5"])
        #expect(try ImageServer.edges(inMembers: Array("{\"members\":[]}".utf8)).isEmpty)
    }

    @Test(
        arguments: [
            ("HIT", "muster-edge-2; hit; ttl=57", "edge-2", "HIT"),
            ("MISS", "muster-edge-1; fwd=uri-miss, muster-edge-2; fwd=stale; stored", "edge-2", "MISS"),
            ("STALE", "muster-edge-65535", "edge-65535", "STALE"), (nil, nil, nil, nil),
            ("HIT from elsewhere", "ExampleCDN; hit", nil, nil), ("HIT", "", nil, "HIT"),
        ] as [(String?, String?, String?, String?)])
    func whoAnswered(cache: String?, status: String?, name: String?, shown: String?) {
        let source = ImageSource(ImageServer(name: nil, url: "http://h:1"), cache: cache, status: status)
        #expect(source.name == name && source.cache == shown)
        // What the coordinator calls it goes first.
        #expect(ImageSource(ImageServer(name: "x", url: ""), cache: cache, status: status).name == "x")
    }
}

@Suite struct ImageReportTests {
    private static let edge = ImageServer(name: "edge-2", url: "http://127.0.0.1:8002")
    private static let hit = ImageSource(edge, cache: "HIT", status: nil)
    private static let direct = ImageSource(ImageServer(name: nil, url: "http://o"), cache: nil, status: nil)

    static let reports: [(ImageReport, String, String)] = [
        (
            ImageReport(
                image: ImageID(7), outcome: .got(file: "x\".png", type: "image/png"), bytes: 48_213, source: hit,
                seconds: 0.003, failures: [ImageFailure(ImageServer(name: nil, url: "http://a"), "gone", status: 502)]),
            "image 7: 48,213 bytes from edge-2 (http://127.0.0.1:8002), HIT, 3.00 ms -> x\".png",
            #"{"id":7,"size":48213,"type":"image/png","file":"x\".png","edge":"edge-2","url":"http://127.0.0.1:8002","cache":"HIT","seconds":0.003,"failures":[{"url":"http://a","reason":"gone"}]}"#
        ),
        (
            ImageReport(image: ImageID(7), outcome: .size, bytes: 1, source: direct),
            "image 7: 1 bytes, says http://o, 0 s",
            #"{"id":7,"size":1,"edge":null,"url":"http://o","cache":null,"seconds":0.0,"failures":[]}"#
        ),
        (
            ImageReport(
                image: ImageID(7), outcome: .put(version: 3, etag: "\"3-a\"", isNew: true), bytes: 2, source: direct),
            "image 7: 2 bytes stored as version 3 through http://o, 0 s",
            #"{"id":7,"size":2,"version":3,"etag":"\"3-a\"","created":true,"edge":null,"url":"http://o","cache":null,"seconds":0.0,"failures":[]}"#
        ),
        (
            ImageReport(image: ImageID(7), outcome: .deleted(isAlreadyGone: false), bytes: 0, source: hit),
            "image 7: deleted through edge-2 (http://127.0.0.1:8002), 0 s",
            #"{"id":7,"deleted":true,"edge":"edge-2","url":"http://127.0.0.1:8002","cache":"HIT","seconds":0.0,"failures":[]}"#
        ),
    ]

    @Test(arguments: reports) func reportsRead(report: ImageReport, line: String, json: String) {
        #expect(report.line == line)
        #expect(String(decoding: report.json, as: UTF8.self) == json)
    }

    @Test func nobodyAnswered() {
        let other = ImageServer(name: nil, url: "http://b")
        let full = ImageFailure(Self.edge, "it answered 507", status: 507)
        let error = ImageFailure.error([full, ImageFailure(other, "refused")], for: ImageID(7))
        #expect(error.exitCode == .unavailable)
        #expect(
            error.message
                == "none of 2 servers served image 7: edge-2 (http://127.0.0.1:8002): it answered 507; http://b: refused"
        )
        #expect(ImageFailure.error([full, full], for: ImageID(7)).exitCode == .temporary)
        #expect(ImageFailure.error([ImageFailure(other, "x", status: 502)], for: ImageID(7)).exitCode == .unavailable)
    }
}

import MusterElection
import MusterRoutes
import MusterWire
import Testing

@testable import MusterAPI

@Suite struct EdgePeerWireTests {
    private static let term = Term(counter: 7, holder: EdgeID(65_535)!)!
    private static let sender = EdgeIdentity(id: EdgeID(1)!, instance: "ab\"c", startedMs: 5, url: "http://[::1]:8001")

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func messagesSurviveTheWire() throws {
        let kinds = ElectionMessage.Kind.allCases.map {
            ElectionMessage(kind: $0, from: EdgeID(1)!, term: Self.term, alive: [EdgeID(2)!, EdgeID(65_535)!])
        }
        let edges = [EdgeID(2)!: "http://a:1", EdgeID(65_535)!: "http://b:2"]
        for messages in [[], kinds] {
            for digest: UInt64 in [0, 1, .max] {
                let envelope = EdgeMessages(sender: Self.sender, digest: digest, messages: messages, edges: edges)
                #expect(try EdgeMessages(body: envelope.body) == envelope)
            }
        }
        var none = ElectionMessage(kind: .answer, from: EdgeID(1)!, term: .zero)
        none.alive = []
        let envelope = EdgeMessages(sender: Self.sender, digest: 0, messages: [none], edges: [:])
        #expect(try EdgeMessages(body: envelope.body) == envelope)
    }

    @Test func ordersAndCopiesSurviveTheWire() throws {
        let copies = [Copy(target: "/images/1?a=\"b\"", version: 9), Copy(target: "/\u{e4}", version: nil)]
        let patterns: [PurgePattern] = [.image(0), .image(.max), .prefix("/a\"b"), .all]
        for pattern in patterns {
            let purge = Purge(term: Self.term, number: 3, pattern: pattern)
            let order = EdgeOrder(leader: EdgeID(65_535)!, term: Self.term, pull: copies, purge: purge)
            #expect(try EdgeOrder(body: order.body) == order)
        }
        let plain = EdgeOrder(leader: EdgeID(1)!, term: Self.term)
        #expect(try EdgeOrder(body: plain.body) == plain)
        #expect(try EdgeCopies(body: EdgeCopies(copies).body) == EdgeCopies(copies))
        let leadership = EdgeLeadership(leader: EdgeID(2)!, term: Self.term)
        #expect(try EdgeLeadership(consuming: JSONFields(body: leadership.body)) == leadership)
    }

    @Test func logsSurviveTheWire() throws {
        let patterns: [PurgePattern] = [.image(1), .prefix("/x"), .all]
        let purges = patterns.enumerated().map {
            Purge(term: Self.term, number: UInt64($0.offset + 2), pattern: $0.element)
        }
        for forgotten in [nil, Purge(term: Self.term, number: 1, pattern: .all)] {
            let log = PurgeLog(purges, forgotten: forgotten)
            let read = try EdgePurges(body: EdgePurges(log).body)
            #expect(read == EdgePurges(log))
            #expect(PurgeLog(read.purges, forgotten: read.forgotten).digest == log.digest)
        }
    }

    /// The longest patterns, of what takes most room in JSON: a log of them can still be told.
    @Test func aFullLogFits() throws {
        let widest = "/" + String(repeating: "\u{1}", count: PurgePattern.prefixBytesMax - 1)
        let purges = (1...PurgeLog.purgesMax).map {
            Purge(term: Self.term, number: UInt64($0), pattern: .prefix(widest))
        }
        let body = EdgePurges(PurgeLog(purges, forgotten: nil)).body
        #expect(body.count <= EdgePurges.bytesMax)
        let route = try #require(EdgeRoutes.all.first { $0.name == .edgePurges })
        #expect(body.count <= route.bodyBytesMax)
    }

    private static let head = #""id":1,"instance":"a","started":0,"url":"http://a""#
    static let refusedMessages: [(String, String)] = [
        ("{\(head)}", "digest"), ("{\(head),\"digest\":\"\"}", "digest"), ("{\(head),\"digest\":\"xyz\"}", "xyz"),
        ("{\(head),\"digest\":\"11112222333344445\"}", "digest"), ("{\(head),\"digest\":1}", "digest"),
        ("{\(head),\"digest\":\"0\",\"colour\":1}", "colour"), (#"{"digest":"0"}"#, "id"),
        (#"{"id":0,"instance":"a","started":0,"url":"u","digest":"0"}"#, "not 0"),
        (#"{"id":65536,"instance":"a","started":0,"url":"u","digest":"0"}"#, "not 65536"),
        (#"{"id":-1,"instance":"a","started":0,"url":"u","digest":"0"}"#, "not -1"),
        (#"{"id":1,"started":0,"url":"u","digest":"0"}"#, "instance"),
        (#"{"id":1,"instance":"a","started":-1,"url":"u","digest":"0"}"#, "started"),
        (#"{"id":1,"instance":"a","started":0,"digest":"0"}"#, "url"),
        (message(#""kind":"shout","term":65537"#), "shout"), (message(#""kind":"election""#), "term"),
        (message(#""kind":"election","term":1"#), "no term"), (message(#""kind":"election","term":65535"#), "no term"),
        (message(#""kind":"election","term":65536"#), "no term"),
        (message(#""kind":"election","term":131072"#), "no term"),
        (message(#""kind":"election","term":-1"#), "not -1"),
        (message(#""kind":"election","term":18446744073709551615"#), "term"),
        (message(#""kind":"election","term":65537,"from":2"#), "from"),
        (message(#""kind":"heartbeat","term":65537,"alive":[0]"#), "alive"),
        (message(#""kind":"heartbeat","term":65537,"alive":[65536]"#), "alive"),
        (message(#""kind":"heartbeat","term":65537,"alive":["1"]"#), "alive"),
        ("{\(head),\"digest\":\"0\",\"edges\":[{\"id\":0,\"url\":\"u\"}]}", "not 0"),
        ("{\(head),\"digest\":\"0\",\"edges\":[{\"id\":1}]}", "url"),
        ("{\(head),\"digest\":\"0\",\"edges\":[{\"id\":1,\"url\":\"u\",\"x\":1}]}", "x"),
        ("{\(head),\"digest\":\"0\",\"messages\":{}}", "messages"),
        ("{\(head),\"digest\":\"0\",\"messages\":[1]}", "messages"),
    ]

    private static func message(_ fields: String) -> String { "{\(head),\"digest\":\"0\",\"messages\":[{\(fields)}]}" }

    @Test(arguments: refusedMessages) func refusesMessages(_ body: String, _ word: String) {
        let problem = #expect(throws: Problem.self) { try EdgeMessages(body: Self.bytes(body)) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains(word) == true, "\(problem?.detail ?? "")")
    }

    @Test func boundsOfMessages() throws {
        let message = ElectionMessage(kind: .answer, from: EdgeID(1)!, term: .zero)
        for (messages, edges, isTaken) in [
            (EdgeMessages.messagesMax, EdgeMessages.edgesMax, true), (EdgeMessages.messagesMax + 1, 0, false),
            (0, EdgeMessages.edgesMax + 1, false),
        ] {
            let known = (0..<edges).map { (EdgeID($0 + 1)!, "http://a:\($0)") }
            let envelope = EdgeMessages(
                sender: Self.sender, digest: 0, messages: Array(repeating: message, count: messages),
                edges: Dictionary(uniqueKeysWithValues: known))
            if isTaken {
                #expect(try EdgeMessages(body: envelope.body) == envelope)
            } else {
                #expect(throws: Problem.self) { try EdgeMessages(body: envelope.body) }
            }
        }
    }

    static let refusedOrders: [(String, String)] = [
        ("{}", "leader"), (#"{"leader":1}"#, "term"), (#"{"leader":0,"term":65537}"#, "not 0"),
        (#"{"leader":1,"term":65536}"#, "no term"), (#"{"leader":1,"term":65537,"x":1}"#, "x"),
        (#"{"leader":1,"term":65537,"pull":[{"version":1}]}"#, "target"),
        (#"{"leader":1,"term":65537,"pull":[{"target":"/","version":-1}]}"#, "not -1"),
        (#"{"leader":1,"term":65537,"pull":[{"target":"/","age":1}]}"#, "age"),
        (#"{"leader":1,"term":65537,"purge":{"term":65537,"number":1}}"#, "\"id\", \"prefix\""),
        (#"{"leader":1,"term":65537,"purge":{"term":65537,"number":1,"id":1,"all":true}}"#, "\"id\", \"prefix\""),
        (#"{"leader":1,"term":65537,"purge":{"term":65537,"number":1,"prefix":"x"}}"#, "slash"),
        (#"{"leader":1,"term":65537,"purge":{"term":65537,"number":-1,"all":true}}"#, "not -1"),
        (#"{"leader":1,"term":65537,"purge":{"number":1,"all":true}}"#, "term"),
        (#"{"leader":1,"term":65537,"purge":{"term":65537,"number":1,"all":true,"x":1}}"#, "x"),
    ]

    @Test(arguments: refusedOrders) func refusesOrders(_ body: String, _ word: String) {
        let problem = #expect(throws: Problem.self) { try EdgeOrder(body: Self.bytes(body)) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains(word) == true, "\(problem?.detail ?? "")")
    }

    @Test func boundsOfCopiesAndPurges() {
        let copies = (0...CopyQueue.copiesMax).map { Copy(target: "/\($0)", version: nil) }
        #expect(throws: Never.self) { try EdgeCopies(body: EdgeCopies(Array(copies.dropLast())).body) }
        #expect(throws: Problem.self) { try EdgeCopies(body: EdgeCopies(copies).body) }
        let long = Copy(target: "/" + String(repeating: "a", count: 16 << 10), version: nil)
        #expect(throws: Problem.self) { try EdgeCopies(body: EdgeCopies([long]).body) }
        let one = #"{"term":65537,"number":1,"all":true}"#
        for (count, isTaken) in [(PurgeLog.purgesMax, true), (PurgeLog.purgesMax + 1, false)] {
            let list = Array(repeating: one, count: count).joined(separator: ",")
            let purges = try? EdgePurges(body: Self.bytes("{\"purges\":[\(list)]}"))
            #expect((purges != nil) == isTaken)
        }
        let wide = "/" + String(repeating: "a", count: PurgePattern.prefixBytesMax)
        #expect(throws: Problem.self) {
            try EdgePurges(body: Self.bytes("{\"purges\":[{\"term\":65537,\"number\":1,\"prefix\":\"\(wide)\"}]}"))
        }
        for body in ["", "[]", "{\"purges\":1}", "{\"forgotten\":1}", "{\"x\":1}", "{\"purges\":[1]}"] {
            #expect(throws: Problem.self) { try EdgePurges(body: Self.bytes(body)) }
        }
    }
}

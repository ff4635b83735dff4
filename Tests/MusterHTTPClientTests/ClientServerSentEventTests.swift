import Testing

@testable import MusterHTTPClient

@Suite struct ClientServerSentEventTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var events: [ServerSentEvent]
        var lastID = ""
        var testDescription: String { text.debugDescription }
    }

    static func message(_ data: String, _ event: String = "message", id: String = "") -> ServerSentEvent {
        ServerSentEvent(event: event, id: id, data: data)
    }

    static let cases: [Case] = [
        Case(text: "", events: []),
        Case(text: "data: a\n\n", events: [message("a")]),
        Case(text: "data: a\r\n\r\n", events: [message("a")]),
        Case(text: "data: a\r\rdata: b\r\r", events: [message("a"), message("b")]),
        Case(text: "data: a\r\ndata: b\n\r\n", events: [message("a\nb")]),
        Case(text: "data:a\n\ndata:  b\n\n", events: [message("a"), message(" b")]),
        // The examples of the specification, 9.2.6.
        Case(text: "data: YHOO\ndata: +2\ndata: 10\n\n", events: [message("YHOO\n+2\n10")]),
        Case(
            text: ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
            events: [message("first event", id: "1"), message("second event")]),
        Case(text: "data\n\ndata\ndata\n\ndata:", events: [message(""), message("\n")]),
        Case(text: "data:test\n\ndata: test\n\n", events: [message("test"), message("test")]),
        Case(text: "event: add\ndata: 7\n\ndata: 8\n\n", events: [message("7", "add"), message("8")]),
        Case(text: "event: lost\n\ndata: a\n\n", events: [message("a")]),
        Case(text: "id: 5\n\ndata: a\n\n", events: [message("a", id: "5")], lastID: "5"),
        Case(
            text: "id: 5\ndata: a\n\nid: 6\0\ndata: b\n\n", events: [message("a", id: "5"), message("b", id: "5")],
            lastID: "5"),
        Case(text: "id: 9\ndata: cut off", events: []),
        Case(text: "\u{FEFF}data: a\n\n", events: [message("a")]),
        Case(text: "\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", events: [message("b")]),
        Case(text: ":\n:heartbeat\n\nunknown: x\n:data: no\ndata: é🚀: x\n\n", events: [message("é🚀: x")]),
        Case(text: "Data: a\ndata : b\n\n", events: []),
        Case(text: "\n\n\n\r\n\rdata: a\n\n\n\n", events: [message("a")]),
    ]

    @Test(arguments: cases)
    func anyCutGivesTheSameEvents(_ item: Case) throws {
        let bytes = Array(item.text.utf8)
        for cut in 0...bytes.count {
            var parser = ServerSentEventParser()
            let events = try parser.feed(Array(bytes[..<cut])) + parser.feed([]) + parser.feed(Array(bytes[cut...]))
            #expect(events == item.events, "cut at \(cut)")
            #expect(parser.lastEventID == item.lastID)
        }
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        for byte in bytes { events += try parser.feed([byte]) }
        #expect(events == item.events)
    }

    @Test(
        arguments: [
            ("retry: 1500\n", .milliseconds(1500)), ("retry: 0\n", .zero), ("retry: 1.5\n", nil), ("retry: -1\n", nil),
            ("retry\n", nil),
            ("retry: 99999999999999999999\n", .seconds(86400)),
        ] as [(String, Duration?)])
    func reconnectionTime(_ text: String, _ expected: Duration?) throws {
        var parser = ServerSentEventParser()
        #expect(try parser.feed(Array(text.utf8)).isEmpty)
        #expect(parser.reconnectionTime == expected)
    }

    @Test func anEarlierIDHolds() throws {
        var parser = ServerSentEventParser(lastEventID: "41")
        #expect(try parser.feed(Array("data: a\n\n".utf8)) == [Self.message("a", id: "41")])
        #expect(parser.lastEventID == "41")
    }

    @Test(arguments: [
        ("data: 345678901\n", false), ("data: 34567890\n\n", true), (": 34567890123456", false),
        ("data: 1234\ndata: 5678\n\n", false), ("data: 1234\ndata: 567\n\ndata: 1234\n\n", true),
    ])
    func bounds(_ text: String, _ fits: Bool) throws {
        for step in [1, 3, 100] {
            var parser = ServerSentEventParser(lineBytesMax: 14, eventBytesMax: 8)
            var rest = Array(text.utf8)[...]
            var failure: HTTPClientError?
            while !rest.isEmpty, failure == nil {
                do throws(HTTPClientError) { _ = try parser.feed(Array(rest.prefix(step))) } catch { failure = error }
                rest = rest.dropFirst(step)
            }
            #expect(failure?.code == (fits ? nil : .tooLarge))
        }
    }
}

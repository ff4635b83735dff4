import MusterAPI
import MusterHTTPClient
import MusterWire
import Testing

@testable import MusterCoordinatorLine

@Suite struct LineMessageTests {
    private func message(_ text: String) -> LineMessage? { LineMessage(Array(text.utf8)) }

    @Test func anEventIsAsAStreamHasIt() {
        guard case .event(let event) = message(#"{"data":{"id":7,"command":"ü\n"},"event":"command","new":[1]}"#) else {
            Issue.record("no event")
            return
        }
        #expect(event == ServerSentEvent(event: "command", data: #"{"id":7,"command":"ü\n"}"#))
        guard case .event(let bare) = message(#"{"event":"ping"}"#) else {
            Issue.record("no event")
            return
        }
        #expect(bare == ServerSentEvent(event: "ping", data: "{}"))
    }

    @Test(arguments: ["heartbeat", "leases", "verdicts"])
    func anAnswerNamesItsMessage(event: String) {
        guard
            case .answer(let body, let number) = message(#"{"event":"\#(event)","data":{"members":2,"number":9}}"#)
        else {
            Issue.record("no answer")
            return
        }
        #expect(number == 9 && body == Array(#"{"members":2,"number":9}"#.utf8))
        #expect(message(#"{"event":"\#(event)","data":{"members":2}}"#) == nil, "to no message of ours")
    }

    @Test func aProblem() {
        guard
            case .refusal(let problem, let number) = message(
                #"{"event":"error","data":{"type":"/problems/stranger","number":4}}"#)
        else {
            Issue.record("no refusal")
            return
        }
        #expect(problem.type == "/problems/stranger" && number == 4)
    }

    @Test(arguments: ["", "{", "[]", "7", #"{"event":7}"#, #"{"data":{}}"#, #"{"event":"heartbeat","data":7}"#])
    func whatSaysNothing(_ text: String) { #expect(message(text) == nil) }
}

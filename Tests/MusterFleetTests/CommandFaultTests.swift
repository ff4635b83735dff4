import MusterAPI
import MusterCore
import MusterHTTPClient
import MusterMembership
import MusterTestKit
import MusterWire
import Synchronization
import Testing

/// Members that come, go and misbehave all at once, and commands that nobody should send.
@Suite(.timeLimit(.minutes(3))) struct CommandFaultTests {
    // MARK: Coming and going

    @Test func allJoinAndLeaveAtOnce() async throws {
        try await Fleet.run { fleet in
            let count = 200
            let members = try await withThrowingTaskGroup(of: MemberIdentity.self) { group in
                for number in 0..<count { group.addTask { try await fleet.joinClient("m\(number)") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(members.map(\.id)).count == count)
            #expect(try await fleet.ranks() == Array(0..<count))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for member in members { group.addTask { try await fleet.leave(member) } }
                try await group.waitForAll()
            }
            #expect(try await fleet.memberNames() == [])
            #expect(try await fleet.ranks(of: [try await fleet.joinClient("next")]) == [0])
        }
    }

    @Test func rankZeroLeavesWhileItCommands() async throws {
        try await Fleet.run { fleet in
            let first = try await fleet.joinClient("first")
            let below = try await fleet.startClient("below")
            let accepted = try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 1...40 {
                    group.addTask {
                        let text = CommandRequest(text: "C\(number)").body
                        let answer = try await fleet.call("POST", "/v1/commands", text, token: first.secret)
                        if answer.status == 401 { return nil }
                        #expect(answer.status == 202)
                        return try CommandReceipt(body: answer.body).recipients
                    }
                    if number == 20 {
                        group.addTask {
                            try await fleet.leave(first)
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: [Int]()) { if let recipients = $1 { $0.append(recipients) } }
            }
            #expect(accepted.allSatisfy { $0 == 1 })
            let marker = try await fleet.muster("send", "END", "--wait")
            #expect(marker.exitCode == 0)
            try await eventually("the last has come") { below.transcript.output.contains { $0.contains(" END ") } }
            let heard = below.transcript.output.filter { $0.hasPrefix("received C") }
            #expect(heard.count == accepted.count && Set(heard).count == heard.count)
            #expect(heard.allSatisfy { $0.hasSuffix(" from first (rank 0)") })
            #expect(try await fleet.ranks() == [0])
        }
    }

    /// What waited for it is lost to it for good, through restarts too; what is sent now is its own.
    @Test func leavingAndComingBackAtOnce() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "60", "--grace-seconds", "60"]) { fleet in
            let back = try await fleet.joinClient("back")
            let other = try await fleet.joinClient("other")
            let lost = try await fleet.send("LOST")
            try await fleet.leave(back)
            #expect(try await fleet.joinClient("back", back).id == back.id)
            #expect(try await fleet.ranks(of: [other, back]) == [0, 1])
            let own = try await fleet.send("OWN")
            for _ in 0..<2 {
                #expect(try await fleet.outcomes(of: lost) == [back.id: .gone, other.id: .pending])
                #expect(try await fleet.outcomes(of: own) == [back.id: .pending, other.id: .pending])
                try await fleet.crashCoordinator()
            }
            // It takes what is its own; then the restarted coordinator is asked again.
            let stream = try await fleet.openStream(back)
            try await fleet.acknowledge(back, own)
            for _ in 0..<2 {
                #expect(try await fleet.outcomes(of: lost) == [back.id: .gone, other.id: .pending])
                #expect(try await fleet.outcomes(of: own)[back.id] == .delivered)
                try await fleet.crashCoordinator()
            }
            stream.cancel()
        }
    }

    /// An acknowledgement counts even of one that says goodbye in the same breath, and is killed with its coordinator.
    @Test func anAcknowledgementJustBeforeLeavingCounts() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "60", "--grace-seconds", "60"]) { fleet in
            let quick = try await fleet.joinClient("quick")
            _ = try await fleet.joinClient("slow")
            let stream = try await fleet.openStream(quick)
            let id = try await fleet.send("GO")
            try await fleet.acknowledge(quick, id)
            try await fleet.leave(quick)
            #expect(try await fleet.outcomes(of: id)[quick.id] == .delivered)
            try await fleet.crashCoordinator()
            #expect(try await fleet.outcomes(of: id)[quick.id] == .delivered)
            stream.cancel()
        }
    }

    // MARK: Receivers that do not take what they are sent

    @Test func oneThatNeverReadsDelaysNobodyAndIsPassedOver() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "60", "--grace-seconds", "60"]) { fleet in
            let deaf = try await fleet.joinClient("deaf")
            let stream = try await fleet.openStream(deaf)
            let good = try await fleet.startClient("good")
            let (count, queueMax) = (4_200, Commands.Settings().queueMax)
            let text = String(repeating: "x", count: 1_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<16 {
                    group.addTask {
                        for number in stride(from: sender, to: count, by: 16) {
                            _ = try await fleet.send("\(number) \(text)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("the good one has all") {
                good.transcript.output.count { $0.hasPrefix("received ") } == count
            }
            func check() async throws {
                for (id, outcome) in [
                    (1, MusterCore.CommandOutcome.pending), (queueMax, .pending), (queueMax + 1, .overflow),
                    (count, .overflow),
                ] {
                    #expect(try await fleet.outcomes(of: CommandID(Int64(id)))[deaf.id] == outcome, "command \(id)")
                }
            }
            try await check()
            try await fleet.crashCoordinator()
            try await check()
            try await fleet.leave(deaf)
            #expect(try await fleet.outcomes(of: CommandID(1))[deaf.id] == .gone)
            #expect(try await fleet.outcomes(of: CommandID(Int64(count)))[deaf.id] == .overflow)
            stream.cancel()
        }
    }

    /// Refused once is refused for good, and never told as anything else.
    @Test func aRefusalOutlivesTheCoordinator() async throws {
        try await Fleet.run(flags: ["--open-classic", "--silence-seconds", "60", "--grace-seconds", "60"]) { fleet in
            let failing = try OldMember(.failing)
            let asked = Array("{\"ip_port\":\"\(failing.address)\"}".utf8)
            _ = try await fleet.demand("POST", "/assign-rank", asked)
            let silent = try await fleet.joinClient("silent")
            let id = try await fleet.send("GO")
            try await eventually("it is refused") {
                try await fleet.outcomes(of: id).values.contains(.refused)
            }
            for _ in 0..<2 {
                #expect(Set(try await fleet.outcomes(of: id).values) == [.refused, .pending])
                try await fleet.crashCoordinator()
            }
            #expect(failing.heard.withLock { $0.count } == 1)
            try await fleet.leave(silent)
            #expect(Set(try await fleet.outcomes(of: id).values) == [.refused, .gone])
            await failing.stop()
        }
    }

    /// The command is over before anybody can wait for its end; that it failed is told all the same.
    @Test func anOldSenderIsToldOfARefusal() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            let (first, failing) = (try OldMember(), try OldMember(.failing))
            for member in [first, failing] {
                _ = try await fleet.demand("POST", "/assign-rank", Array("{\"ip_port\":\"\(member.address)\"}".utf8))
            }
            let body = Array("{\"ip_port\":\"\(first.address)\",\"command\":\"GO\"}".utf8)
            for _ in 0..<20 {
                let answer = String(decoding: try await fleet.demand("POST", "/send-command", body), as: UTF8.self)
                #expect(answer == "{\"\(failing.address)\":{\"success\":false}}")
            }
            for member in [first, failing] { await member.stop() }
        }
    }

    /// It goes while the call waits for it: the answer, and whoever asks later, names it by its address as before.
    @Test func whoIsRemovedDuringTheCallIsNamedAsBefore() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            let (first, second) = (try OldMember(), try OldMember(.hanging))
            for member in [first, second] {
                _ = try await fleet.demand("POST", "/assign-rank", Array("{\"ip_port\":\"\(member.address)\"}".utf8))
            }
            let body = Array("{\"ip_port\":\"\(first.address)\",\"command\":\"GO\"}".utf8)
            async let answer = fleet.demand("POST", "/send-command", body)
            try await eventually("it is called") { second.heard.withLock { $0.count } == 1 }
            let leaving = Array("{\"ip_port\":\"\(second.address)\"}".utf8)
            _ = try await fleet.demand("DELETE", "/unassign-rank", leaving)
            let text = String(decoding: try await answer, as: UTF8.self)
            #expect(text == "{\"\(second.address)\":{\"success\":false}}")
            try await fleet.crashCoordinator()
            let told = String(decoding: try await fleet.demand("GET", "/v1/commands/1"), as: UTF8.self)
            #expect(told.contains("\"name\":\"\(second.address)\",\"outcome\":\"gone\""), "\(told)")
            for member in [first, second] { await member.stop() }
        }
    }

    @Test func oneAddressAskedForManyTimesAtOnceIsOneMember() async throws {
        try await Fleet.run(flags: ["--open-classic"]) { fleet in
            let member = try OldMember()
            let body = Array("{\"ip_port\":\"\(member.address)\"}".utf8)
            try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<50 { group.addTask { try await fleet.demand("POST", "/assign-rank", body) } }
                for try await answer in group { #expect(String(decoding: answer, as: UTF8.self) == #"{"rank":0}"#) }
            }
            #expect(try await fleet.memberNames().count == 1)
            await member.stop()
        }
    }

    /// Joining again is no reason to send once more what is on its way.
    @Test func oneThatJoinsAgainDuringACallIsNotCalledTwice() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "60"]) { fleet in
            let called = try OldMember(.waiting)
            let member = try await fleet.joinClient("called", callback: called.address)
            let first = try await fleet.send("FIRST")
            try await eventually("it is called") { called.heard.withLock { $0.count } == 1 }
            _ = try await fleet.joinClient("called", member, callback: called.address)
            let second = try await fleet.send("SECOND")
            called.answerWaiting()
            try await eventually("the next one comes") { called.heard.withLock { $0.count } == 2 }
            called.answerWaiting()
            for id in [first, second] {
                try await eventually("it is delivered") {
                    try await fleet.outcomes(of: id)[member.id] == .delivered
                }
            }
            #expect(
                called.heard.withLock { $0 } == [
                    #"{"sender":null,"command":"FIRST"}"#, #"{"sender":null,"command":"SECOND"}"#,
                ])
            await called.stop()
        }
    }

    @Test func oneThatMovesGetsWhatWaitedForItAtItsNewAddress() async throws {
        try await Fleet.run(flags: ["--silence-seconds", "60"]) { fleet in
            let (old, new) = (try OldMember(), try OldMember())
            await old.stop()
            let member = try await fleet.joinClient("moving", callback: old.address)
            let id = try await fleet.send("GO")
            #expect(try await fleet.outcomes(of: id)[member.id] == .pending)
            _ = try await fleet.joinClient("moving", member, callback: new.address)
            try await eventually("it came to the new address") {
                try await fleet.outcomes(of: id)[member.id] == .delivered
            }
            #expect(new.heard.withLock { $0.count } == 1)
            await new.stop()
        }
    }

    // MARK: Bad commands

    /// JSON texts and bytes that are none, and what they are answered.
    private static let odd: [(name: String, body: [UInt8], statuses: Set<Int>)] = [
        ("empty", Array(#"{"command":""}"#.utf8), [422]),
        ("absent", Array("{}".utf8), [422]),
        ("null", Array(#"{"command":null}"#.utf8), [422]),
        ("no text", Array(#"{"command":["GO"]}"#.utf8), [422]),
        ("a megabyte", Array("{\"command\":\"\(String(repeating: "x", count: 1 << 20))\"}".utf8), [413, 422]),
        ("not UTF-8", Array(#"{"command":""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#""}"#.utf8), [400]),
        ("half a surrogate", Array(#"{"command":"\ud800"}"#.utf8), [400]),
        ("raw bytes", [0, 1, 2, 0xFF, 0xFE], [400]),
        (
            "raw control bytes", Array(#"{"command":""#.utf8) + [0x1B, 0x5B, 0x33, 0x31, 0x6D] + Array(#""}"#.utf8),
            [400]
        ),
        ("a strange field", Array(#"{"command":"GO","to":"all"}"#.utf8), [422]),
        ("an unknown sender", Array(#"{"command":"GO","from":"nobody"}"#.utf8), [404]),
    ]

    @Test func badCommandsAreRefusedAndReachNobody() async throws {
        try await Fleet.run { fleet in
            let client = try await fleet.startClient("client")
            for (name, body, statuses) in Self.odd {
                let status = try await fleet.call("POST", "/v1/commands", body).status
                #expect(statuses.contains(status), "\(name): \(status)")
            }
            // Binary, as JSON can say it, is a text like others; whoever prints it makes it harmless.
            let binary = Array(#"{"command":"\u0000\u001b[2J\u0007\u009b31m\r\nreceived a lie"}"#.utf8)
            _ = try await fleet.demand("POST", "/v1/commands", binary, status: 202)
            #expect(try await fleet.muster("send", "END", "--wait").exitCode == 0)
            try await eventually("the last has come") { client.transcript.output.contains { $0.contains(" END ") } }
            let heard = client.transcript.output.filter { $0.hasPrefix("received ") }
            #expect(heard.count == 2)
            #expect(heard.allSatisfy { $0.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control } })
        }
    }
}

import MusterAPI
import MusterCore
import MusterScheduling
import MusterTestKit
import Testing

/// Members that are written by hand and report what they should not.
@Suite(.timeLimit(.minutes(3))) struct RawMemberTests {
    @Test func onlyTheHolderOfAGenuineTicketIsBelieved() async throws {
        try await Fleet.run { fleet in
            let honest = try await RawMember("honest", in: fleet)
            let liar = try await RawMember("liar", in: fleet)
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 3))
            let grant = try await honest.askForOne()
            let own = try await liar.askForOne()

            var notGiven = own
            notGiven.key.first = 2
            #expect(try await liar.deliver(notGiven.report("666")) == [.forged])
            var wider = own
            wider.key.count = 2
            #expect(try await liar.deliver(wider.report("666")) == [.forged])
            var later = own
            later.key.attempt += 1
            #expect(try await liar.deliver(later.report("666")) == [.forged])
            var wrongTicket = own
            wrongTicket.ticket = String(own.ticket.reversed())
            #expect(try await liar.deliver(wrongTicket.report("666")) == [.forged])
            #expect(try await liar.deliver(grant.report("666")) == [.forged])
            var outside = own.report("666")
            outside.start = 2
            #expect(try await liar.deliver(outside) == [.forged])
            #expect(try await fleet.results(of: id).isEmpty)

            #expect(try await honest.deliver(grant.report("1")) == [.recorded(1)])
            #expect(try await liar.deliver(own.report("2")) == [.recorded(1)])
            let last = try await honest.askForOne()
            #expect(try await honest.deliver(last.report("3")) == [.recorded(1)])
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 3) { "\($0 + 1)" }
        }
    }

    @Test func theFirstResultOfATaskCounts() async throws {
        try await Fleet.run { fleet in
            let member = try await RawMember("twice", in: fleet)
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 2))
            let grant = try await member.askForOne()
            #expect(try await member.deliver(grant.report("1")) == [.recorded(1)])
            #expect(try await member.deliver(grant.report("666")) == [.stale])
            let other = try await member.askForOne()
            // In one delivery the second cannot be judged before the first is stored: it is to come again.
            let verdicts = try await member.deliver(other.report("2"), other.report("666"))
            try #require(verdicts.count == 2)
            #expect(verdicts[0] == .recorded(1))
            if case .again = verdicts[1] {} else { Issue.record("the second result got \(verdicts[1])") }
            #expect(try await member.deliver(other.report("666")) == [.stale])
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 2) { "\($0 + 1)" }
        }
    }

    /// The other member's long poll is answered when the lease has expired: that is the sign to go on.
    @Test func aResultAfterItsLeaseCountsWhenItIsFirst() async throws {
        try await Fleet.run(flags: ["--lease-seconds", "1", "--silence-seconds", "600"]) { fleet in
            let late = try await RawMember("late", in: fleet)
            let second = try await RawMember("second", in: fleet)
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 1))
            let first = try await late.askForOne()
            let again = try await second.askForOne()
            #expect(again.key.tasks == first.key.tasks)
            #expect(again.key.attempt == first.key.attempt + 1)
            #expect(try await fleet.metric("leases_expired_total") == 1)
            #expect(try await late.deliver(first.report("1")) == [.recorded(1)])
            #expect(try await second.deliver(again.report("666")) == [.stale])
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 1) { _ in "1" }
        }
    }

    @Test func aTicketOutlivesTheCoordinator() async throws {
        try await Fleet.run { fleet in
            let member = try await RawMember("late", in: fleet)
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 2))
            let grant = try await member.askForOne()
            try await fleet.crashCoordinator()
            var forged = grant
            forged.key.first = 1
            #expect(try await member.deliver(forged.report("666")) == [.forged])
            #expect(try await member.deliver(grant.report("1")) == [.recorded(1)])
            #expect(try await member.deliver(grant.report("666")) == [.stale])
            let rest = try await member.askForOne()
            #expect(rest.key.tasks == 1..<2)
            #expect(try await member.deliver(rest.report("2")) == [.recorded(1)])
            #expect(try await fleet.end(of: id).state == .done)
            expectWhole(try await fleet.results(of: id), count: 2) { "\($0 + 1)" }
        }
    }

    @Test func aCancelledJobTakesNoMoreResults() async throws {
        try await Fleet.run { fleet in
            let member = try await RawMember("late", in: fleet)
            let id = try await fleet.submit(JobRequest(kernel: "noop", count: 2))
            let first = try await member.askForOne()
            #expect(try await member.deliver(first.report("1")) == [.recorded(1)])
            let grant = try await member.askForOne()
            _ = try await fleet.demand("DELETE", "/v1/jobs/\(id)")
            #expect(try await member.deliver(grant.report("666")) == [.stale])
            try await fleet.crashCoordinator()
            #expect(try await member.deliver(grant.report("666")) == [.stale])
            #expect(try await fleet.job(id).state == .cancelled)
            expectWhole(try await fleet.results(of: id), count: 1) { _ in "1" }
        }
    }
}

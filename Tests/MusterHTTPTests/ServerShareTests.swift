import Glibc
import MusterServerKit
import MusterWire
import Testing

@testable import MusterHTTP

/// Tries again and again, 2,000 times at most.
private func holds(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2_000 {
        if condition() { return true }
        usleep(1_000)
    }
    return false
}

/// Who gets how much of the memory for bodies, and of the connections.
@Suite struct ServerShareTests {
    @Test func oneSenderHasHalfAndTwoHaveAThird() {
        var budget = BodyBudget(bytesMax: 600)
        func takes(_ count: Int, _ sender: String) -> Bool { budget.take(count, for: sender) }
        #expect(takes(300, "a"))
        #expect(!takes(1, "a"))
        #expect(takes(150, "b"))
        #expect(!takes(1, "b"))
        budget.give(back: 300, of: "a")
        #expect(budget.held == 150)
        #expect(takes(50, "b"))
        #expect(takes(200, "a"))
        #expect(!takes(1, "a"))
        #expect(!takes(1, "b"))
        budget.give(back: 200, of: "a")
        budget.give(back: 200, of: "b")
        #expect(budget.held == 0)
    }

    /// However many take all that they can, one byte at a time, the next one finds as much as any of them has.
    @Test(arguments: [1, 2, 17, 300]) func aNewcomerFindsAShare(_ senders: Int) {
        var budget = BodyBudget(bytesMax: 10_000)
        var tooMuch = Set<Int>()
        var held = [Int](repeating: 0, count: senders)
        while tooMuch.count < senders {
            for sender in 0..<senders {
                if budget.take(1, for: "\(sender)") { held[sender] += 1 } else { tooMuch.insert(sender) }
            }
        }
        let share = 10_000 / (senders + 1) / 2
        let isServed = budget.take(share, for: "newcomer")
        #expect(share > 0 && isServed)
        #expect(held.allSatisfy { $0 >= share })
    }

    @Test func smallBodiesDoNotWaitForLargeOnes() {
        var budgets = BodyBudgets(bytesMax: 1 << 30)
        for sender in 0..<1_000 {
            while budgets.take(64 << 10, for: "\(sender)", routeBytesMax: 64 << 20) {}
        }
        #expect(budgets.large.held > 700 << 20 && budgets.small.held == 0)
        let isServed = budgets.take(1 << 20, for: "late", routeBytesMax: BodyBudgets.smallBytesMax)
        #expect(isServed)
    }

    /// What one sender holds makes another wait for nothing, even on a server that asks who it is.
    @Test func whoeverHoldsMuchIsRefusedAlone() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.limits.bodyBytesInAllMax = 4 << 20
        var routes = HTTPServer.Routes([
            HTTPRoute("POST", "/large", bodyBytesMax: 4 << 20) { _ in .respond(.text("large")) },
            HTTPRoute("POST", "/small", bodyBytesMax: 64 << 10) { _ in .respond(.text("small")) },
        ])
        routes.identify = { $0.header("x-name") }
        let server = HTTPServer(configuration, routes)
        try server.start()
        try await onThread {
            // Half of three quarters of it, in two bodies that do not end.
            let greedy = (0..<2).map { _ in RawClient(port: server.port) }
            let piece = [UInt8](repeating: 1, count: 700 << 10)
            for client in greedy {
                client.request("POST", "/large", "X-Name: a\r\nContent-Length: \(2 << 20)\r\n")
                client.send(piece)
            }
            func ask(_ name: String, _ target: String, _ count: Int) -> Int? {
                RawClient(port: server.port).ask(
                    "POST", target, "X-Name: \(name)\r\n", body: String(repeating: "x", count: count))?.status
            }
            // Until all of that is read, there is room yet.
            #expect(holds { ask("a", "/large", 300 << 10) == 503 })
            #expect(ask("b", "/large", 600 << 10) == 200)
            #expect(ask("a", "/small", 60 << 10) == 200 && ask("b", "/small", 60 << 10) == 200)
            greedy[0].close()
            greedy[1].close()
            #expect(holds { ask("a", "/large", 600 << 10) == 200 })
        }
        await server.shutdown(graceSeconds: 0)
    }

    @Test func connectionsOfAddresses() {
        var admission = Admission(connectionsMax: 100, connectionsPerAddress: 10)
        let (one, other) = (NetworkKey(number: 1), NetworkKey(number: 2))
        for _ in 0..<10 {
            let refusal = admission.arrived(one)
            #expect(refusal == nil)
        }
        #expect(admission.cut(one) == nil)
        var refusal = admission.arrived(one)
        #expect(refusal?.status == 503)
        for _ in 1..<Admission.surplusOfAddressMax { _ = admission.arrived(one) }
        #expect(admission.cut(one) == .connectionsPerAddress && admission.cut(other) == nil)
        for _ in 0..<Admission.surplusOfAddressMax + 1 { admission.left(one) }
        refusal = admission.arrived(one)
        #expect(refusal == nil)
        refusal = admission.arrived(one)
        #expect(refusal?.retryAfter == 5)
        for number in UInt64(3)..<200 { _ = admission.arrived(NetworkKey(number: number)) }
        refusal = admission.arrived(other)
        #expect(refusal?.detail.contains("100") == true)
        for number in UInt64(200)..<1_000 where admission.cut(NetworkKey(number: number)) == nil {
            _ = admission.arrived(NetworkKey(number: number))
        }
        #expect(admission.count == 100 + Admission.surplusMax && admission.cut(NetworkKey(number: 7)) == .connections)
    }
}

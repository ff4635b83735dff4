import MusterCore
import MusterSimulation
import Testing

@testable import MusterMembership

@Suite struct SocketChoiceTests {
    private func at(_ seconds: Int) -> Moment { Moment(nanoseconds: Int64(seconds) * 1_000_000_000) }

    @Test func aCoordinatorThatIsAwaySaysNothingOfWebSockets() {
        var (choice, random) = (SocketChoice(), TestRandom(seed: 1))
        for second in 0..<100 {
            #expect(choice.mayTry(at(second)))
            choice.socketFailed(isHung: false, at(second), using: &random)
        }
        #expect(choice.mayTry(at(100)))
    }

    @Test func whereAStreamOpensInsteadItWaits() {
        var (choice, random) = (SocketChoice(), TestRandom(seed: 1))
        choice.streamOpened(at(0), using: &random)
        #expect(choice.mayTry(at(0)), "none was tried")
        choice.socketFailed(isHung: false, at(1), using: &random)
        choice.streamOpened(at(1), using: &random)
        #expect(!choice.mayTry(at(150)))
        #expect(choice.mayTry(at(301)))
        choice.streamOpened(at(2), using: &random)
        #expect(choice.mayTry(at(301)), "another stream changes nothing")
    }

    /// Whoever waited for an answer in vain does not wait again, though it may have been removed from the fleet meanwhile.
    @Test func aHungOneWaitsAtOnce() {
        var (choice, random) = (SocketChoice(), TestRandom(seed: 1))
        choice.socketFailed(isHung: true, at(1), using: &random)
        #expect(!choice.mayTry(at(150)))
        let next = choice.nextTry
        choice.streamOpened(at(2), using: &random)
        #expect(choice.nextTry == next)
    }

    @Test func itWaitsLongerAndLongerUntilOneOpens() {
        var (choice, random) = (SocketChoice(), TestRandom(seed: 7))
        var now = at(0)
        var waits: [Duration] = []
        for _ in 0..<8 {
            choice.socketFailed(isHung: false, now, using: &random)
            choice.streamOpened(now, using: &random)
            waits.append(choice.nextTry - now)
            now = choice.nextTry
        }
        for (wait, most) in zip(waits, [300, 600, 1_200, 2_400, 3_600, 3_600, 3_600, 3_600]) {
            #expect(wait <= .seconds(most) && wait >= .seconds(most / 2))
        }
        choice.socketOpened()
        #expect(choice.mayTry(at(0)))
        choice.socketFailed(isHung: true, now, using: &random)
        #expect(choice.nextTry - now <= .seconds(300))
    }

    /// Three that opened and soon broke are as one that never opened; one that lasted makes up for those before.
    @Test func oneThatDoesNotLastIsNone() {
        var (choice, random) = (SocketChoice(), TestRandom(seed: 3))
        for seconds in [1, 2, 90, 1, 59] {
            choice.socketOpened()
            choice.socketBroke(after: .seconds(seconds), at(100), using: &random)
            #expect(choice.mayTry(at(100)), "after \(seconds) s")
        }
        choice.socketOpened()
        choice.socketBroke(after: .seconds(5), at(100), using: &random)
        #expect(!choice.mayTry(at(240)))
        #expect(choice.mayTry(at(401)))
    }
}

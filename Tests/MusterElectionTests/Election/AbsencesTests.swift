import MusterCore
import Testing

@testable import MusterElection

@Suite struct AbsencesTests {
    private let one = EdgeID(1)!
    private let two = EdgeID(2)!
    private func at(_ seconds: Int) -> Moment { .zero + .seconds(seconds) }

    @Test func whoIsNotHeardForTooLongIsGone() {
        var absences = Absences(patience: .seconds(60))
        absences.heard([one, two], at(0))
        absences.heard([two], at(50))
        #expect(absences.gone(among: [one, two], at(60)).isEmpty)
        #expect(absences.gone(among: [one, two], at(61)) == [one])
        #expect(absences.gone(among: [two], at(110)).isEmpty)
        #expect(absences.gone(among: [two], at(111)) == [two])
    }

    @Test func whoWasNeverHeardHasItsWholeTime() {
        var absences = Absences(patience: .seconds(60))
        #expect(absences.gone(among: [one], at(100)).isEmpty)
        #expect(absences.gone(among: [one], at(160)).isEmpty)
        #expect(absences.gone(among: [one], at(161)) == [one])
        // It is told of again.
        #expect(absences.gone(among: [one], at(200)).isEmpty)
    }

    @Test func aPauseOfOnesOwnIsNobodysAbsence() {
        var absences = Absences(patience: .seconds(60))
        absences.heard([one], at(0))
        absences.beginAnew()
        #expect(absences.gone(among: [one], at(1_000)).isEmpty)
        #expect(absences.gone(among: [one], at(1_061)) == [one])
    }
}

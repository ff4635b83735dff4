import MusterCore
import Testing

@Suite("moments and durations")
struct MomentTests {
    @Test("durations are cut, not trapped")
    func durations() {
        #expect(Duration.seconds(Int64.max).inNanoseconds == Int64.max / 2)
        #expect(Duration.milliseconds(1_500).inSeconds == 1.5)
        #expect(Moment.zero + .seconds(1) - .zero == .seconds(1))
    }
}

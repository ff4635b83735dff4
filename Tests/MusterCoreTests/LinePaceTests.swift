import MusterCore
import Testing

@Suite struct LinePaceTests {
    @Test func troubleIsToldAtOnceAndThenNowAndThen() {
        var pace = LinePace(.seconds(1))
        let start = Moment.zero + .seconds(5)
        #expect(pace.happened(start) == 1)
        #expect(pace.happened(start) == nil)
        #expect(pace.happened(start + .milliseconds(999)) == nil)
        #expect(pace.happened(start + .seconds(1)) == 3)
        #expect(pace.happened(start + .milliseconds(1_500)) == nil)
        #expect(pace.happened(start + .seconds(60)) == 2)
    }
}

/// A small generator for tests: the same numbers from the same seed.
package struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    package init(seed: UInt64) { state = seed &+ 1 }
    package mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

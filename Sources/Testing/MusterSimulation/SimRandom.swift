/// SplitMix64: a small generator whose whole state is its seed, so that a seed replays a run anywhere.
package struct SimRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }

    package mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &self))
    }

    /// Whether a kind of fault is in a run at all, and how rare it is: 0 in half of the runs.
    package mutating func dial(_ range: ClosedRange<Int>) -> Int { pick(range, else: 0) }

    /// A number of these in so large a share of the runs, and the usual one in the others.
    package mutating func pick(_ range: ClosedRange<Int>, in share: Double = 0.5, else usual: Int) -> Int {
        chance(share) ? Int.random(in: range, using: &self) : usual
    }

    /// A share of messages, the same way.
    package mutating func share(_ range: ClosedRange<Double>) -> Double {
        chance(0.5) ? Double.random(in: range, using: &self) : 0
    }
}

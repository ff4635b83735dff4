/// A simulated world in which things go wrong until it is healed.
package protocol FaultyWorld: AnyObject {
    var clock: SimClock { get }
    var random: SimRandom { get set }
    var isHealed: Bool { get }
}

extension FaultyWorld {
    /// Again and again, as long as the world is not healed. `meanMs`: between two, in virtual milliseconds; 0: never.
    package func every(_ meanMs: Int, _ action: @escaping () -> Void) {
        guard meanMs > 0 else { return }
        clock.after(random.milliseconds(1...2 * meanMs)) { [self] in
            guard !isHealed else { return }
            action()
            every(meanMs, action)
        }
    }
}

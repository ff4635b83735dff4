import MusterCore
import Testing

@Suite("children at random")
struct ChildrenRandomTests {
    @Test("each of 2,000 is done or has failed, once, and never too many run", arguments: 1...4)
    func eachIsOverOnce(seed: Int) {
        let count: Int64 = 2_000
        let stepsMax = 1_000_000
        var world = ChildrenWorld(seed: UInt64(seed), liveMax: [1, 4, 16, 100][seed - 1])
        var asked: Int64 = 0
        var steps = 0
        while steps < stepsMax, asked < count || !world.isEmpty {
            if asked < count, world.unfinishedCount < 500 {
                world.ask(asked + 1..<min(asked + 38, count + 1))
                asked = min(asked + 37, count)
            }
            world.step()
            steps += 1
        }
        #expect(steps < stepsMax, "\(world.unfinishedCount) are not over")
        #expect(world.done.count + world.failed.count == Int(count))
        #expect(Set(world.done.keys).isDisjoint(with: world.failed.keys))
        #expect(world.done.values.allSatisfy { $0 == 1 } && world.failed.values.allSatisfy { $0 == 1 })
        #expect(world.stored.values.allSatisfy { $0.state.isFinal })
        // Else this world shows nothing.
        #expect(world.done.count > 500 && world.failed.count > 5)
        #expect(world.restarts > 0)
    }
}

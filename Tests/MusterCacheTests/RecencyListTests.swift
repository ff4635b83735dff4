import Testing

@testable import MusterCache

@Suite struct RecencyListTests {
    @Test func oldestIsTheOneThatWasNotUsedForLongest() {
        var list = RecencyList()
        for slot in [3, 0, 7, 1] { list.touch(slot) }
        list.touch(3)
        list.touch(3)
        var order: [Int] = []
        while let oldest = list.oldest {
            order.append(oldest)
            list.remove(oldest)
        }
        #expect(order == [0, 7, 1, 3])
        #expect(list.count == 0)
    }

    /// Against a plain array that does the same slowly.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func agreesWithAnArray(seed: UInt64) {
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        var list = RecencyList()
        var model: [Int] = []
        for _ in 0..<5_000 {
            let slot = next(40)
            model.removeAll { $0 == slot }
            if next(3) == 0 {
                list.remove(slot)
            } else {
                list.touch(slot)
                model.append(slot)
            }
            #expect(list.oldest == model.first)
            #expect(list.count == model.count)
            #expect(list.contains(slot) == model.contains(slot))
        }
    }
}

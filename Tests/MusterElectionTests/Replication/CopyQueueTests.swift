import MusterElection
import Testing

@Suite struct CopyQueueTests {
    @Test func eachTargetOnceWithItsNewestVersion() {
        var queue = CopyQueue()
        let added: [Copy] = [
            Copy(target: "/1", version: 3), Copy(target: "/2", version: nil), Copy(target: "/1", version: 5),
            Copy(target: "/1", version: 4), Copy(target: "/2", version: nil), Copy(target: "/1", version: nil),
        ]
        for copy in added { queue.add(copy) }
        #expect(queue.count == 2)
        #expect(queue.next(10) == [Copy(target: "/1", version: 5), Copy(target: "/2", version: nil)])
        #expect(queue.isEmpty)
        #expect(queue.next() == nil)
        // What was taken may come again.
        queue.add(Copy(target: "/1", version: 3))
        #expect(queue.next() == Copy(target: "/1", version: 3))
    }

    @Test(
        arguments: [
            (nil, nil, false), (1, nil, false), (nil, 1, false), (1, 1, false), (1, 2, true), (2, 1, false),
        ] as [(UInt64?, UInt64?, Bool)])
    func older(_ own: UInt64?, _ other: UInt64?, _ isOlder: Bool) {
        #expect(Copy(target: "/", version: own).isOlder(than: Copy(target: "/", version: other)) == isOlder)
    }

    @Test func theOldestFallOut() {
        var queue = CopyQueue()
        for number in 0..<CopyQueue.copiesMax + 10 { queue.add(Copy(target: "/\(number)", version: nil)) }
        #expect(queue.count == CopyQueue.copiesMax)
        #expect(queue.next() == Copy(target: "/10", version: nil))
        let rest = queue.next(.max)
        #expect(rest.count == CopyQueue.copiesMax - 1)
        #expect(rest.last == Copy(target: "/\(CopyQueue.copiesMax + 9)", version: nil))
    }

    @Test func inOrderThroughManyRounds() {
        var queue = CopyQueue()
        var (added, taken) = (0, 0)
        for round in 0..<2_000 {
            for _ in 0..<round % 7 {
                queue.add(Copy(target: "/\(added)", version: UInt64(added)))
                added += 1
            }
            for copy in queue.next(round % 7) {
                #expect(copy == Copy(target: "/\(taken)", version: UInt64(taken)))
                taken += 1
            }
        }
        #expect(taken == added)
        queue.add(Copy(target: "/", version: nil))
        queue.removeAll()
        #expect(queue.isEmpty)
    }
}

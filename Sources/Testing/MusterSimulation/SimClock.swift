package import MusterCore

/// Virtual time and what is to happen in it. Events of one moment happen in the order they were asked for.
package final class SimClock {
    private struct Event {
        let at: Moment
        let number: UInt64
        let action: () -> Void

        func isBefore(_ other: Event) -> Bool { (at, number) < (other.at, other.number) }
    }
    package private(set) var now = Moment.zero
    package private(set) var eventCount: UInt64 = 0
    /// A binary heap, the earliest event first.
    private var heap: [Event] = []
    private var nextNumber: UInt64 = 0

    package init() {}

    package func after(_ delay: Duration, _ action: @escaping () -> Void) {
        heap.append(Event(at: now + delay, number: nextNumber, action: action))
        nextNumber += 1
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Runs the next event; false when there is none before `end`.
    package func step(until end: Moment) -> Bool {
        guard let next = heap.first, next.at <= end else { return false }
        pop()
        now = next.at
        eventCount += 1
        next.action()
        return true
    }

    private func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least])
            {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

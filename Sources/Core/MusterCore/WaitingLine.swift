/// First in, first out, with removal from the middle: an element that left is skipped when its place comes up.
/// Each operation is O(1) amortised.
package struct WaitingLine<Element: Hashable & Sendable>: Sendable {
    private var places: [(element: Element, number: UInt64)] = []
    private var head = 0
    private var numbers: [Element: UInt64] = [:]
    private var nextNumber: UInt64 = 0

    package init() {}

    package var count: Int { numbers.count }
    package var isEmpty: Bool { numbers.isEmpty }
    package func contains(_ element: Element) -> Bool { numbers[element] != nil }

    /// Goes to the end of the line; one already in it keeps its place.
    package mutating func append(_ element: Element) {
        guard numbers[element] == nil else { return }
        if places.count > 2 * numbers.count + 64 { compact() }
        numbers[element] = nextNumber
        places.append((element, nextNumber))
        nextNumber += 1
    }

    package mutating func remove(_ element: Element) {
        numbers[element] = nil
        if numbers.isEmpty {
            places.removeAll(keepingCapacity: true)
            head = 0
        }
    }

    package var first: Element? {
        mutating get {
            while head < places.count, numbers[places[head].element] != places[head].number { head += 1 }
            if head > 64, head * 2 > places.count {
                places.removeFirst(head)
                head = 0
            }
            return head < places.count ? places[head].element : nil
        }
    }

    /// The first in line that will do.
    package func first(where isWanted: (Element) -> Bool) -> Element? {
        for place in places[head...] where numbers[place.element] == place.number && isWanted(place.element) {
            return place.element
        }
        return nil
    }

    private mutating func compact() {
        places = places[head...].filter { numbers[$0.element] == $0.number }
        head = 0
    }

    /// From first to last.
    package var elements: [Element] {
        places[head...].filter { numbers[$0.element] == $0.number }.map(\.element)
    }
}

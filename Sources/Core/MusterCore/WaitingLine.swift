/// First in, first out, with removal from the middle: an element that left is skipped when its place comes up.
/// Each operation is O(1) amortised.
///
/// It is public, as nothing else is: of a generic type that is used in another module the compiler (6.3) makes a fast
/// copy for the element only where it is public and inlinable, and the scheduler goes through its lines for each task.
public struct WaitingLine<Element: Hashable & Sendable>: Sendable {
    @usableFromInline var places: [(element: Element, number: UInt64)] = []
    @usableFromInline var head = 0
    @usableFromInline var numbers: [Element: UInt64] = [:]
    @usableFromInline var nextNumber: UInt64 = 0

    @inlinable public init() {}

    @inlinable public var count: Int { numbers.count }
    @inlinable public var isEmpty: Bool { numbers.isEmpty }
    @inlinable public func contains(_ element: Element) -> Bool { numbers[element] != nil }

    /// Goes to the end of the line; one already in it keeps its place.
    @inlinable public mutating func append(_ element: Element) {
        guard numbers[element] == nil else { return }
        if places.count > 2 * numbers.count + 64 { compact() }
        numbers[element] = nextNumber
        places.append((element, nextNumber))
        nextNumber += 1
    }

    @inlinable public mutating func remove(_ element: Element) {
        numbers[element] = nil
        if numbers.isEmpty {
            places.removeAll(keepingCapacity: true)
            head = 0
        }
    }

    package var first: Element? {
        @inlinable mutating get {
            while head < places.count, numbers[places[head].element] != places[head].number { head += 1 }
            if head > 64, head * 2 > places.count {
                places.removeFirst(head)
                head = 0
            }
            return head < places.count ? places[head].element : nil
        }
    }

    /// The first in line that will do.
    @inlinable public func first(where isWanted: (Element) -> Bool) -> Element? {
        for place in places[head...] where numbers[place.element] == place.number && isWanted(place.element) {
            return place.element
        }
        return nil
    }

    /// So many, from the first.
    @inlinable public func first(_ count: Int) -> [Element] {
        var found: [Element] = []
        for place in places[head...] where numbers[place.element] == place.number {
            if found.count >= count { break }
            found.append(place.element)
        }
        return found
    }

    @inlinable mutating func compact() {
        places = places[head...].filter { numbers[$0.element] == $0.number }
        head = 0
    }

    /// From first to last.
    @inlinable public var elements: [Element] {
        places[head...].filter { numbers[$0.element] == $0.number }.map(\.element)
    }
}

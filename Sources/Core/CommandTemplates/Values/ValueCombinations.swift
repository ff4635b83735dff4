/// Every combination of the values of several sources, in GNU parallel's order: the last source varies fastest.
///
/// A combination is made when it is asked for, so that a billion of them take no memory. Linked sources walk together, and
/// the shortest of them says how far. A source without values leaves no combination; no source at all leaves one, which is
/// empty: what a stream of values has to be combined with when nothing else is given.
package struct ValueCombinations: RandomAccessCollection, Sendable {
    /// Many more than anybody writes; a row has a value for each.
    package static let sourcesMax = 1_000

    /// Sources that walk together.
    private struct Group: Sendable {
        var sources: [ValueSource]
        var count: Int { sources.map(\.count).min() ?? 0 }
        /// How many combinations pass before this group takes its next value.
        var stride = 1
    }

    private var groups: [Group]
    package let count: Int

    /// Throws where the first source is linked, and where there are more combinations than can be counted.
    package init(_ sources: [ValueSource]) throws(ValueError) {
        guard sources.count <= Self.sourcesMax else { throw .tooManySources(sources.count) }
        var groups: [Group] = []
        for source in sources {
            if !source.isLinked {
                groups.append(Group(sources: [source]))
            } else if groups.isEmpty {
                throw .linkedToNothing
            } else {
                groups[groups.count - 1].sources.append(source)
            }
        }
        var total = 1
        if groups.contains(where: { $0.count == 0 }) { total = 0 }
        for place in groups.indices.reversed() where total > 0 {
            groups[place].stride = total
            let (product, overflows) = total.multipliedReportingOverflow(by: groups[place].count)
            if overflows { throw .tooManyCombinations(groups.map(\.count)) }
            total = product
        }
        self.groups = groups
        count = total
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    /// A value for each source, in the order of the sources.
    package subscript(position: Int) -> [[UInt8]] {
        precondition((0..<count).contains(position), "a combination outside of its bounds")
        var row: [[UInt8]] = []
        for group in groups {
            let place = position / group.stride % group.count
            for source in group.sources { row.append(source.value(place)) }
        }
        return row
    }
}

/// Why values cannot be had. Trying again cannot help.
package enum ValueError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooManySources(Int)
    /// The counts of sources, or of groups of linked ones.
    case tooManyCombinations([Int])
    case linkedToNothing
    /// A range that cannot be read, and what is wrong with it.
    case range(text: String, String)
    /// A separator of columns that cannot be read, and what is wrong with it.
    case separator(text: String, String)
    /// The value of this number, from 1, is longer than this.
    case valueTooLong(number: Int, bytesMax: Int)
    /// A line that begins the block of this number, from 1, is longer than any block may be.
    case lineTooLong(block: Int, bytesMax: Int)

    package var description: String {
        switch self {
        case .tooManySources(let count):
            "\(count) sources of values are too many: at most \(ValueCombinations.sourcesMax)"
        case .tooManyCombinations(let counts):
            "\(counts.map { "\($0)" }.joined(separator: " × ")) combinations are more than can be counted"
        case .linkedToNothing: "the first source of values has no other before it that it could be linked to"
        case .range(let text, let reason): "\"\(text)\" is no range of numbers: \(reason)"
        case .separator(let text, let reason): "\"\(text)\" is no separator of columns: \(reason)"
        case .valueTooLong(let number, let bytesMax):
            "value \(number) is longer than \(bytesMax) bytes: put it into a file, and give the file's name"
        case .lineTooLong(let block, let bytesMax):
            "a line at the beginning of block \(block) is longer than \(bytesMax) bytes, which a block cannot be: cut it before"
        }
    }
}

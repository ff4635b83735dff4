/// Values from one place: `::: a b c`, `:::: FILE`, `--array 1-10`.
package struct ValueSource: Hashable, Sendable {
    package enum Values: Hashable, Sendable {
        case list([[UInt8]])
        case numbers(ArrayRanges)
    }

    package var values: Values
    /// `:::+`: walks along with the source before it, instead of a combination with each of its values.
    package var isLinked: Bool

    package init(_ values: Values, isLinked: Bool = false) {
        (self.values, self.isLinked) = (values, isLinked)
    }

    package var count: Int {
        switch values {
        case .list(let list): list.count
        case .numbers(let ranges): ranges.count
        }
    }

    /// `place`: from 0, below `count`.
    package func value(_ place: Int) -> [UInt8] {
        switch values {
        case .list(let list): list[place]
        case .numbers(let ranges): Array("\(ranges[place])".utf8)
        }
    }
}

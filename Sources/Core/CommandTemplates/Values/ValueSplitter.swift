/// Cuts what comes from standard input or a file into values.
///
/// The separator ends a value; the last one may lack it. Nothing else is taken away: a carriage return before a newline stays, blanks stay,
/// and an empty line is an empty value, as GNU parallel has it. Memory stays within a piece and a value.
package struct ValueSplitter: Sendable {
    package enum Separator: Hashable, Sendable {
        case newline
        /// `--null`: values hold newlines.
        case nul
    }

    /// The longest value: more than any argument may have, so that a part of it can still be used.
    package static let valueBytesMax = 1 << 20

    private let end: UInt8
    private let bytesMax: Int
    /// The beginning of a value whose end has not come yet.
    private var partial: [UInt8] = []
    /// How many values there were.
    package private(set) var count = 0

    package init(_ separator: Separator, bytesMax: Int = valueBytesMax) {
        end = separator == .nul ? 0 : UInt8(ascii: "\n")
        self.bytesMax = bytesMax
    }

    /// The values that end in this piece, as parts of it but for the one that began before. Throws for a value that is too long; the
    /// values before it are lost.
    package mutating func feed(_ piece: ArraySlice<UInt8>) throws(ValueError) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var start = piece.startIndex
        while let place = piece[start...].firstIndex(of: end) {
            try check(piece[start..<place])
            found.append(whole(piece[start..<place]))
            start = place + 1
        }
        try check(piece[start...])
        partial += piece[start...]
        return found
    }

    /// The last value, if no separator has ended it.
    package mutating func finish() -> ArraySlice<UInt8>? { partial.isEmpty ? nil : whole([]) }

    private func check(_ more: ArraySlice<UInt8>) throws(ValueError) {
        guard more.count <= bytesMax - partial.count else {
            throw .valueTooLong(number: count + 1, bytesMax: bytesMax)
        }
    }

    private mutating func whole(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        count += 1
        if partial.isEmpty { return rest }
        defer { partial = [] }
        return (partial + rest)[...]
    }
}

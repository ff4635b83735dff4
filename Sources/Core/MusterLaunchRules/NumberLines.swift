/// Reads one whole number a line, as a foreign child prints them, from bytes as they come.
package struct NumberLines: Sendable {
    package let range: ClosedRange<Int>
    /// Most numbers that are kept; what comes behind them is rejected.
    package let countMax: Int
    package private(set) var numbers: [UInt32] = []
    /// Lines that are no whole number in the range.
    package private(set) var rejected = 0
    private var value = 0
    private enum Place { case before, digits, after, bad }
    private var place = Place.before

    package init(range: Int, countMax: Int) {
        self.range = 1...range
        self.countMax = countMax
    }

    /// Spaces, tabs and a carriage return at a line's ends are not looked at; an empty line is no line.
    package mutating func feed(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            switch (byte, place) {
            case (UInt8(ascii: "\n"), _): endLine()
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), .before), (UInt8(ascii: "0")...UInt8(ascii: "9"), .digits):
                place = .digits
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
                // A number too large stays so, however long its line.
                if value > range.upperBound { place = .bad }
            case (UInt8(ascii: " "), let before), (UInt8(ascii: "\t"), let before), (UInt8(ascii: "\r"), let before):
                if before == .digits { place = .after }
            default: place = .bad
            }
        }
    }

    package var isFull: Bool { numbers.count >= countMax }

    /// The last line may lack its newline.
    package mutating func finish() { endLine() }

    private mutating func endLine() {
        defer { (value, place) = (0, .before) }
        if place == .before { return }
        if place != .bad, range.contains(value), !isFull {
            numbers.append(UInt32(value))
        } else {
            rejected += 1
        }
    }
}

/// The numbers of `--array`: `1-10`, `5`, `0-100:10`, and several of these with commas between.
///
/// As HyperQueue's `--array` and Slurm's have it: the end belongs to it, a step may follow. The numbers keep the order in which they are
/// written. A number that stands in two of the ranges is refused, as HyperQueue does; Slurm would run it once. Slurm's `%4`, which
/// bounds how many run at once, is refused: that is no matter of the numbers.
package struct ArrayRanges: Hashable, Sendable {
    /// How many ranges there may be.
    package static let rangesMax = 1_000

    struct Part: Hashable, Sendable {
        var first: Int
        var last: Int
        var step: Int
        var count: Int { (last - first) / step + 1 }

        /// Whether some number stands in both: the least that does, from the later beginning on, is not behind the earlier end.
        func meets(_ other: Part) -> Bool {
            let (late, early) = first < other.first ? (other, self) : (self, other)
            let end = Swift.min(last, other.last)
            if late.first > end { return false }
            // late.first + n * late.step is one of the early numbers, too (Chinese remainder theorem).
            let common = Self.inverse(of: late.step, modulo: early.step)
            let distance = early.first - late.first
            guard distance % common.divisor == 0 else { return false }
            let modulus = early.step / common.divisor
            let wanted = (distance / common.divisor % modulus + modulus) % modulus
            let product = wanted.multipliedFullWidth(by: common.inverse)
            let steps = modulus.dividingFullWidth(product).remainder
            let (way, overflows) = steps.multipliedReportingOverflow(by: late.step)
            return !overflows && way <= end - late.first
        }

        /// The greatest common divisor, and the inverse of `number` divided by it, modulo `modulus` divided by it.
        private static func inverse(of number: Int, modulo modulus: Int) -> (divisor: Int, inverse: Int) {
            var (low, high) = (modulus, number % modulus)
            var (lowFactor, highFactor) = (0, 1)
            while high != 0 {
                let quotient = low / high
                (low, high) = (high, low - quotient * high)
                (lowFactor, highFactor) = (highFactor, lowFactor - quotient * highFactor)
            }
            let modulus = modulus / low
            return (low, (lowFactor % modulus + modulus) % modulus)
        }
    }

    private let parts: [Part]
    /// How many numbers there are before each part.
    private let before: [Int]
    package let count: Int

    package init(parsing text: String) throws(ValueError) {
        func refuse(_ reason: String) -> ValueError { .range(text: shown(text.utf8), reason) }
        let texts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard texts.count <= Self.rangesMax else { throw refuse("more than \(Self.rangesMax) ranges") }
        var parts: [Part] = []
        for text in texts {
            switch Self.part(text) {
            case .success(let part): parts.append(part)
            case .failure(let reason): throw refuse(reason.words)
            }
        }
        try self.init(parts, refuse)
    }

    private init(_ parts: [Part], _ refuse: (String) -> ValueError) throws(ValueError) {
        var (before, total) = ([Int](), 0)
        for (place, part) in parts.enumerated() {
            if let other = parts[..<place].first(where: part.meets) {
                throw refuse("\(Self.text(other)) and \(Self.text(part)) have a number in common")
            }
            before.append(total)
            let (sum, overflows) = total.addingReportingOverflow(part.count)
            if overflows { throw refuse("more numbers than can be counted") }
            total = sum
        }
        (self.parts, self.before, count) = (parts, before, total)
    }

    /// The number at a place from 0.
    package subscript(place: Int) -> Int {
        precondition((0..<count).contains(place), "a number outside of its range")
        var (low, high) = (0, parts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if before[middle] <= place { low = middle } else { high = middle }
        }
        return parts[low].first + (place - before[low]) * parts[low].step
    }

    private struct Refusal: Error {
        var words: String
    }

    private static func part(_ text: Substring) -> Result<Part, Refusal> {
        if text.contains("%") {
            return .failure(Refusal(words: "% bounds how many run at once, which is no part of it"))
        }
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = number(ends[0]), let last = ends.count == 2 ? number(ends[1]) : first,
            let step = halves.count == 2 ? number(halves[1]) : 1
        else {
            return .failure(Refusal(words: "write FROM-TO, FROM-TO:STEP or NUMBER, with commas between"))
        }
        if halves.count == 2, ends.count == 1 { return .failure(Refusal(words: "a step needs FROM-TO before it")) }
        if last < first { return .failure(Refusal(words: "\(last) is less than \(first)")) }
        if step == 0 { return .failure(Refusal(words: "a step of 0 leads nowhere")) }
        let lastMet = last - (last - first) % step
        return .success(Part(first: first, last: lastMet, step: lastMet == first ? 1 : step))
    }

    /// Decimal digits, below 2^53: other programs keep numbers as doubles.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text).flatMap { $0 < 1 << 53 ? $0 : nil }
    }

    private static func text(_ part: Part) -> String {
        if part.first == part.last { return "\(part.first)" }
        return "\(part.first)-\(part.last)" + (part.step == 1 ? "" : ":\(part.step)")
    }
}

extension ArrayRanges: CustomStringConvertible {
    /// As it is written, with each end a number of the range.
    package var description: String { parts.map(Self.text).joined(separator: ",") }
}

internal import MusterJSON
internal import MusterWire

/// Counts the primes of a range, by Eratosthenes' sieve a piece at a time: work for a processor whose right answer is in books.
struct PrimesKernel: Kernel {
    static let name = "primes"
    static let summary = "counts the primes from the first to the last number of each input"
    static let input = KernelInput.required
    static let isDeterministic = true
    /// The largest number; its square root bounds the divisors, and so the memory.
    static let numberMax = 1_000_000_000_000
    private static let pieceNumbers = 1 << 18

    init(params: JSONFields) throws(Problem) { try params.finish() }

    func check(input: JSONValue) throws(Problem) { _ = try range(input) }

    func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        guard let input = task.input else { throw TaskFailure("this task has no input") }
        let range: ClosedRange<Int>
        do throws(Problem) { range = try self.range(input) } catch { throw TaskFailure(error.detail) }
        let divisors = Self.divisors(upTo: max(2, Int(Double(range.upperBound).squareRoot()) + 1))
        var count = 0
        for first in stride(from: range.lowerBound, through: range.upperBound, by: Self.pieceNumbers) {
            if cancellation.isCancelled { throw TaskFailure("cancelled while it counted") }
            let piece = first...min(first + Self.pieceNumbers - 1, range.upperBound)
            count += Self.sieve(piece, divisors).count { $0 }
        }
        return Array(String(count).utf8)
    }

    /// Which numbers of a range are prime, by all primes up to the root of its end.
    private static func sieve(_ range: ClosedRange<Int>, _ divisors: [Int]) -> [Bool] {
        var isPrime = [Bool](repeating: true, count: range.count)
        for number in range.prefix(2) where number < 2 { isPrime[number - range.lowerBound] = false }
        for divisor in divisors where divisor * divisor <= range.upperBound {
            strike(divisor, from: range, in: &isPrime)
        }
        return isPrime
    }

    /// All primes from 2 to a number.
    private static func divisors(upTo last: Int) -> [Int] {
        var isPrime = [Bool](repeating: true, count: last - 1)
        var found: [Int] = []
        for number in 2...last where isPrime[number - 2] {
            found.append(number)
            if number * number <= last { strike(number, from: 2...last, in: &isPrime) }
        }
        return found
    }

    /// Marks a prime's multiples, from its square on.
    private static func strike(_ prime: Int, from range: ClosedRange<Int>, in isPrime: inout [Bool]) {
        let multiple = (range.lowerBound + prime - 1) / prime * prime
        for number in stride(from: max(prime * prime, multiple), through: range.upperBound, by: prime) {
            isPrime[number - range.lowerBound] = false
        }
    }

    private func range(_ input: JSONValue) throws(Problem) -> ClosedRange<Int> {
        let ends = input.elements?.compactMap(\.int) ?? []
        guard ends.count == 2, input.elements?.count == 2, ends[0] >= 0, ends[0] <= ends[1], ends[1] <= Self.numberMax
        else {
            let wanted = "the first and the last number, like [1, 1000], from 0 to \(Self.numberMax)"
            throw Problem(422, "must be \(wanted), not \(JSONFields.shown(input)).", code: "field")
        }
        return ends[0]...ends[1]
    }
}

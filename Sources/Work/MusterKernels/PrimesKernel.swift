package import MusterAPI
package import MusterJSON

/// Counts the primes of a range, by Eratosthenes' sieve a piece at a time: work for a processor whose right answer is in books.
package struct PrimesKernel: Kernel {
    package static let name = "primes"
    package static let summary = "counts the primes from the first to the last number of each input"
    package static let input = KernelInput.required
    package static let isDeterministic = true
    /// The largest number; its square root bounds the divisors, and so the memory.
    static let numberMax = 1_000_000_000_000
    private static let pieceNumbers = 1 << 18

    package init(params: JSONFields) throws(Problem) { try params.finish() }

    package func check(input: JSONValue) throws(Problem) { _ = try range(input) }

    package func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        guard let input = task.input else { throw TaskFailure("this task has no input") }
        let range: ClosedRange<Int>
        do throws(Problem) { range = try self.range(input) } catch { throw TaskFailure(error.detail) }
        let divisors = Self.primes(in: 2...max(2, Int(Double(range.upperBound).squareRoot()) + 1), [])
        var count = 0
        for first in stride(from: range.lowerBound, through: range.upperBound, by: Self.pieceNumbers) {
            if cancellation.isCancelled { throw TaskFailure("cancelled while it counted") }
            count += Self.primes(in: first...min(first + Self.pieceNumbers - 1, range.upperBound), divisors).count
        }
        return Array(String(count).utf8)
    }

    /// By primes up to the root of the range's end; without any, by what is found in the range itself, which begins at 2.
    private static func primes(in range: ClosedRange<Int>, _ divisors: [Int]) -> [Int] {
        var isPrime = [Bool](repeating: true, count: range.count)
        for divisor in divisors.isEmpty ? Array(range) : divisors where divisor * divisor <= range.upperBound {
            if divisors.isEmpty && !isPrime[divisor - range.lowerBound] { continue }
            let multiple = (range.lowerBound + divisor - 1) / divisor * divisor
            for number in stride(from: max(divisor * divisor, multiple), through: range.upperBound, by: divisor) {
                isPrime[number - range.lowerBound] = false
            }
        }
        return range.filter { $0 > 1 && isPrime[$0 - range.lowerBound] }
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

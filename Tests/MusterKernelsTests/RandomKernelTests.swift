import MusterAPI
import MusterCore
import MusterWire
import Testing

@testable import MusterKernels

@Suite("random numbers")
struct RandomKernelTests {
    private func numbers(_ params: String) throws -> [Int] {
        let kernel = try KernelTable.kernel("random", params: Array(params.utf8))
        let value = try kernel.run(KernelTask(index: 0, attempt: 1, input: nil), Cancellation())
        #expect(value.count <= Limits.valueBytesMax)
        let text = String(decoding: value, as: UTF8.self)
        try #require(text.first == "[" && text.last == "]", "\(text.prefix(80))")
        return try text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
            .map { try #require(Int($0), "\($0)") }
    }

    static let counts: [(String, Int, Int)] = [
        ("{}", 1_000, 10_000_000), (#"{"count":1}"#, 1, 10_000_000), (#"{"range":5}"#, 1_000, 5),
        (#"{"count":50,"range":1}"#, 50, 1), (#"{"count":2000,"range":4294967295}"#, 2_000, 4_294_967_295),
        (#"{"count":90000,"range":4294967295}"#, 90_000, 4_294_967_295),
    ]

    @Test("as many as asked for, each of the range", arguments: counts)
    func counted(params: String, count: Int, range: Int) throws {
        let numbers = try numbers(params)
        #expect(numbers.count == count)
        #expect(numbers.allSatisfy { (1...range).contains($0) })
    }

    static let refused: [(String, String)] = [
        (#"{"count":0}"#, "0"), (#"{"count":-1}"#, "-1"), (#"{"count":90001}"#, "90001"), (#"{"range":0}"#, "0"),
        (#"{"range":-5}"#, "-5"), (#"{"range":4294967296}"#, "4294967296"), (#"{"count":1.5}"#, "1.5"),
        (#"{"count":"7"}"#, "count"), (#"{"range":[1]}"#, "range"), (#"{"seed":1}"#, "\"seed\""),
    ]

    @Test("params that are wrong or unknown are refused, by their value", arguments: refused)
    func refuses(params: String, words: String) {
        let problem = #expect(throws: Problem.self) { try KernelTable.kernel("random", params: Array(params.utf8)) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains(words) == true, "\(problem?.detail ?? "")")
    }

    @Test("it takes no inputs")
    func noInputs() throws {
        let request = try JobRequest(body: Array(#"{"kernel":"random","inputs":[1]}"#.utf8))
        #expect(throws: Problem.self) { try KernelTable.check(request) }
    }

    /// Ranges that divide 2³² and ranges that do not: taking a remainder would favour the small numbers of the last one.
    @Test("all numbers of a range are equally likely", arguments: [1, 2, 10, 64, 3_000_000_000])
    func evenly(range: Int) {
        let count = 200_000
        let numbers = RandomNumbers.make(count: count, range: range)
        #expect(numbers.count == count)
        let cells = min(range, 64)
        var tally = [Int](repeating: 0, count: cells)
        for number in numbers { tally[(Int(number) - 1) * cells / range] += 1 }
        let expected = Double(count) / Double(cells)
        let chiSquare = tally.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // Mean cells - 1, deviation √(2(cells - 1)): ten of these are passed by chance less than once in a billion runs.
        let freedom = Double(cells - 1)
        #expect(chiSquare <= freedom + 10 * (2 * freedom).squareRoot() + 20, "\(chiSquare) of \(freedom)")
    }

    @Test("two draws differ")
    func differ() {
        #expect(RandomNumbers.make(count: 100, range: 10_000_000) != RandomNumbers.make(count: 100, range: 10_000_000))
    }
}

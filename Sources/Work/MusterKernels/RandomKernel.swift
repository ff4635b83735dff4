internal import Glibc
internal import MusterCore
internal import MusterJSON
internal import MusterWire

/// Random whole numbers, an array a task: `count` of them (default 1,000), each from 1 to `range` (default 10,000,000).
struct RandomKernel: Kernel {
    static let name = "random"
    static let summary = "makes count random whole numbers from 1 to range; its value is the array"
    static let input = KernelInput.none
    static let isDeterministic = false
    /// So that the array stays below `Limits.valueBytesMax`.
    static let countMax = 90_000
    private let count: Int
    private let range: Int

    init(params: JSONFields) throws(Problem) {
        var params = params
        count = try params.int("count", in: 1...Self.countMax) ?? Limits.childNumbersDefault
        range = try params.int("range", in: 1...Limits.numberRangeMax) ?? Limits.numberRangeDefault
        try params.finish()
    }

    func run(_ task: KernelTask, _ cancellation: Cancellation) -> [UInt8] {
        var json = JSONWriter(reserving: 16 + count * 9)
        json.beginArray()
        for number in RandomNumbers.make(count: count, range: range) { json.value(Int(number)) }
        json.endArray()
        return json.bytes
    }
}

package enum RandomNumbers {
    /// Each from 1 to `range`, all equally likely, from the system's generator.
    package static func make(count: Int, range: Int) -> [UInt32] {
        var generator = BufferedSystemGenerator()
        let all = 1...UInt32(range)
        return (0..<count).map { _ in UInt32.random(in: all, using: &generator) }
    }
}

/// The system's random bytes, fetched as many at a time as getentropy(3) gives: a call for each number would cost ten times
/// the number.
private struct BufferedSystemGenerator: RandomNumberGenerator {
    private var buffer = [UInt64](repeating: 0, count: 32)
    private var used = 32

    mutating func next() -> UInt64 {
        if used == buffer.count {
            // Can only fail on a kernel without a random source.
            guard getentropy(&buffer, buffer.count * 8) == 0 else { fatalError("the system has no random numbers") }
            used = 0
        }
        defer { used += 1 }
        return buffer[used]
    }
}

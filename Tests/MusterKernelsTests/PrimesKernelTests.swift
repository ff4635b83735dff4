import MusterAPI
import MusterJSON
import MusterWire
import Testing

@testable import MusterKernels

@Suite("primes")
struct PrimesKernelTests {
    static let counts: [(input: String, value: String)] = [
        ("[0,1]", "0"), ("[2,2]", "1"), ("[0,10]", "4"), ("[1,1000000]", "78498"), ("[262143,262144]", "0"),
        ("[999999000000,1000000000000]", "36400"),
    ]

    @Test("as many as the books say", arguments: counts)
    func counted(input: String, value: String) throws {
        let task = KernelTask(index: 0, attempt: 1, input: try JSONValue(parsing: Array(input.utf8)))
        let kernel = try KernelTable.kernel("primes", params: Array("{}".utf8))
        #expect(String(decoding: try kernel.run(task, Cancellation()), as: UTF8.self) == value)
    }

    @Test(
        "what is no range is refused", arguments: ["1", "[]", "[1]", "[1,2,3]", "[2,1]", "[-1,2]", "[1,1000000000001]"])
    func refused(input: String) throws {
        let kernel = try KernelTable.kernel("primes", params: Array("{}".utf8))
        let value = try JSONValue(parsing: Array(input.utf8))
        #expect(throws: Problem.self) { try kernel.check(input: value) }
    }
}

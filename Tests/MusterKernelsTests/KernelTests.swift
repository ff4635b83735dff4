import MusterAPI
import MusterJSON
import MusterWire
import Testing

@testable import MusterKernels

@Suite("kernels")
struct KernelTests {
    private func run(_ name: String, _ params: String, attempt: Int = 1, input: String? = nil) throws -> String {
        let kernel = try KernelTable.kernel(name, params: Array(params.utf8))
        let input = try input.map { try JSONValue(parsing: Array($0.utf8)) }
        let value = try kernel.run(KernelTask(index: 0, attempt: attempt, input: input), Cancellation())
        return String(decoding: value, as: UTF8.self)
    }

    static let sums = [
        ("[1,2]", "3"), ("[]", "0"), ("[0.5,0.25]", "0.75"), ("[9007199254740993,1]", "9007199254740994"),
        ("[1,0.5]", "1.5"), ("[9223372036854775807,1]", "9.223372036854776e+18"), ("[-1,-2,3]", "0"),
    ]

    @Test("sum adds, exactly while it can", arguments: sums)
    func sum(input: String, value: String) throws { #expect(try run("sum", "{}", input: input) == value) }

    @Test("noop, sleep and fail do as they say")
    func plain() throws {
        #expect(try run("noop", "{}") == "null")
        #expect(try run("sleep", #"{"ms":1}"#) == "null")
        #expect(try run("fail", #"{"attempts":2}"#, attempt: 3) == "3")
        #expect(throws: TaskFailure.self) { try run("fail", #"{"attempts":2}"#, attempt: 2) }
        #expect(throws: TaskFailure.self) { try run("fail", "{}", attempt: 1_000) }
    }

    static let refused: [(String, String)] = [
        (#"{"kernel":"nope","count":1}"#, "noop, sleep"), (#"{"kernel":"noop","count":1,"params":{"x":1}}"#, "\"x\""),
        (#"{"kernel":"sleep","count":1,"params":{"ms":-1}}"#, "-1"), (#"{"kernel":"sum","count":1}"#, "inputs"),
        (#"{"kernel":"sum","inputs":[[1],["a"]]}"#, "Input 1"), (#"{"kernel":"sum","inputs":[3]}"#, "not 3"),
        (#"{"kernel":"noop","inputs":[1]}"#, "takes no"), (#"{"kernel":"sum","inputs":[[1e308,1e308]]}"#, "too large"),
        (#"{"kernel":"fail","count":1,"params":{"attempts":1.5}}"#, "1.5"),
        (#"{"kernel":"sum","inputs":[""]}"#, "Input 0"), (#"{"kernel":"primes","inputs":[[1,2],""]}"#, "Input 1"),
    ]

    @Test("a job that no worker could run is refused", arguments: refused)
    func refuses(body: String, words: String) throws {
        let request = try JobRequest(body: Array(body.utf8))
        let problem = #expect(throws: Problem.self) { try KernelTable.check(request) }
        #expect(problem?.status == 422)
        #expect(problem?.detail.contains(words) == true, "\(problem?.detail ?? "")")
    }

    @Test("a cancelled sleep ends at once", .timeLimit(.minutes(1)))
    func cancelledSleep() async throws {
        let cancellation = Cancellation()
        let kernel = try KernelTable.kernel("sleep", params: Array(#"{"ms":86400000}"#.utf8))
        let task = Task.detached { try kernel.run(KernelTask(index: 0, attempt: 1, input: nil), cancellation) }
        cancellation.cancel()
        await #expect(throws: TaskFailure.self) { _ = try await task.value }
    }
}

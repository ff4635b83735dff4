import MusterAPI
import MusterCore
import MusterFileLists
import MusterJSON
import MusterKernels
import MusterScheduling
import MusterWire
import Synchronization
import Testing

@testable import MusterWorker

/// What a batch of containers reports, with an engine that is made up.
@Suite struct BatchRunTests {
    /// Ends each container as its command says.
    private struct Engine: TaskContainers {
        func run(_ task: ContainerTask, _ cancellation: Cancellation) throws(TaskFailure) -> ContainerOutcome {
            let printed = ContainerOutcome(output: Array("out".utf8), error: Array("err".utf8), exitCode: 1)
            switch task.command.first {
            case "false": throw TaskFailure("exit code 1: err", value: printed.cutValue)
            case "missing": throw TaskFailure("No such image: \(task.image)", isOwnFault: true)
            case "much":
                return ContainerOutcome(output: Array(repeating: 1, count: 1 << 20), error: [], exitCode: 0)
            default: return ContainerOutcome(output: Array("ok".utf8), error: [], exitCode: 0)
            }
        }
    }

    private func report(_ commands: [String], engine: Bool = true) throws -> TaskReport {
        let key = LeaseKey(job: JobID(1), first: 10, count: commands.count, attempt: 1, member: MemberID(1))
        let inputs = LineColumn(lines: commands.flatMap { Array("{\"command\":[\"\($0)\"]}\n".utf8) })
        let grant = Grant(
            key: key, ticket: "t", kernel: "container", params: Array(#"{"image":"x"}"#.utf8), hasInputs: true)
        let run = BatchRun(
            offer: LeaseOffer(grant: grant, inputs: inputs), cancellation: Cancellation(),
            means: TaskMeans(containers: engine ? Engine() : nil)
        ) { _ in }
        return try #require(run.run().last)
    }

    /// Of the tasks that ended well one cannot bring what it left.
    private final class Courier: TaskFileCourier {
        let asked = Mutex<[Range<Int>]>([])
        func expect(_ tasks: Range<Int>, _ files: @escaping @Sendable (Int) -> [FileItem]) {}
        func bring(_ list: TaskFileList, into folder: String, _ cancellation: Cancellation) throws(TaskFailure) {}
        func take(
            _ list: TaskFileList, from folder: String, _ cancellation: Cancellation
        ) throws(TaskFailure) -> [FileItem] {
            []
        }
        func timeTaken() -> Duration { .zero }
        func deliver(_ tasks: Range<Int>, _ cancellation: Cancellation) -> [Int: TaskFailure] {
            asked.withLock { $0.append(tasks) }
            return tasks.contains(11) ? [11: TaskFailure("the origin is away")] : [:]
        }
    }

    @Test func whatATaskLeftIsBroughtBeforeItIsTold() throws {
        let courier = Courier()
        let key = LeaseKey(job: JobID(1), first: 10, count: 3, attempt: 1, member: MemberID(1))
        let grant = Grant(key: key, ticket: "t", kernel: "noop", params: Array("{}".utf8), hasInputs: false)
        let run = BatchRun(
            offer: LeaseOffer(grant: grant, inputs: nil), cancellation: Cancellation(), means: TaskMeans()
        ) { _ in }
        run.progress.deliveries = courier
        var part = BatchPart(start: 10, isBinary: false)
        for task in 10..<13 {
            if task == 12 { part.add(failure: TaskFailure("exit code 1"), of: task) } else { part.add(value: [0x31]) }
            part.add(time: .zero)
        }
        let report = try #require(run.report(part))
        #expect(courier.asked.withLock { $0 } == [10..<13])
        #expect(report.failures.map(\.task) == [11, 12] && report.failures[0].reason == "the origin is away")
        #expect(report.values.lines.map { String(decoding: $0, as: UTF8.self) } == ["1", "1", "null"])
    }

    @Test func aFailedTaskKeepsWhatItPrinted() throws {
        let report = try report(["true", "false"])
        #expect(report.failures == [.init(task: 11, reason: "exit code 1: err")])
        let lines = report.values.lines.map { String(decoding: $0, as: UTF8.self) }
        #expect(lines[0] == #"{"stdout":"ok","exitCode":0,"stderr":""}"#)
        #expect(lines[1] == #"{"stdout":"out","exitCode":1,"stderr":"err"}"#)
    }

    @Test func whatKeepsAWorkerFromOneTaskKeepsItFromTheRest() throws {
        let report = try report(["true", "missing", "true", "true"])
        #expect(report.tasks == 10..<14)
        #expect(report.failures.map(\.task) == [11, 12, 13])
        #expect(report.failures.allSatisfy { $0.isOwnFault })
        #expect(report.failures[0].reason == "No such image: x")
    }

    @Test func aWorkerWithoutAnEngineHandsEverythingBack() throws {
        let report = try report(["true", "true"], engine: false)
        #expect(report.failures.map(\.task) == [10, 11])
        #expect(report.failures.allSatisfy { $0.isOwnFault })
    }

    @Test func outputThatIsTooLongForAValueKeepsItsEnd() throws {
        let report = try report(["much"])
        #expect(report.failures.first?.isOwnFault == false)
        var value = try JSONFields(JSONValue(parsing: Array(report.values.lines[0])), path: "")
        #expect(try value.bool("stdoutCut") == true)
        let printed = try value.string("stdout", bytesMax: 1 << 20)
        #expect(printed?.utf8.count == ContainerKernel.cutOutputBytesMax)
        #expect(report.values.bytes.count < Limits.valueBytesMax)
    }
}

import MusterAPI
import MusterCore
import MusterJSON
import MusterKernels
import MusterScheduling
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

import MusterKernels
import MusterServerKit
import Synchronization
import Testing

@testable import MusterContainers

/// What an engine says when it cannot run a command.
@Suite(.timeLimit(.minutes(1))) struct EngineRefusalTests {
    /// Docker's own words come back at once, and others may have the task.
    @Test func anEngineWithoutARuntimeForGPUsSaysSo() throws {
        let starts = Mutex(0)
        let engine = FakeEngine { line in
            if line.contains("/version") { return FakeEngine.version("1.41") }
            if line.contains("/create") { return FakeEngine.json(#"{"Id":"c"}"#, status: "201 Created") }
            if line.contains("/attach") { return "HTTP/1.1 101 UPGRADED\r\n\r\n" }
            guard line.contains("/start") else { return FakeEngine.json("{}") }
            starts.withLock { $0 += 1 }
            return FakeEngine.json(
                #"{"message":"could not select device driver \"\" with capabilities: [[gpu]]"}"#,
                status: "500 Internal Server Error")
        }
        let tasks = EngineTasks(engine.address, worker: "w", run: "r")
        var image = TaskImage(name: "x:1", hasNetwork: false, cpus: 1, memoryBytes: 0)
        image.gpus = [0]
        let command = TaskCommand(arguments: [Array("true".utf8)])
        let failure = try #require(throws: TaskFailure.self) {
            try tasks.run(command, image, in: engine.folder, at: engine.folder, Cancellation())
        }
        #expect(failure.isOwnFault && failure.reason.contains("could not select device driver"), "\(failure.reason)")
        #expect(starts.withLock { $0 } == 1)
    }
}

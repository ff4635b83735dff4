internal import Glibc
internal import MusterCore
package import MusterKernels
internal import MusterLog
internal import MusterSystem
internal import Synchronization

/// A worker's containers: one for each task, gone with it. A label says whose they are, so that what a worker that died left behind is
/// removed when it comes back.
package final class EngineTasks: TaskContainers {
    private static let workerLabel = "muster.worker"
    private static let runLabel = "muster.run"
    /// An engine that is away is waited for, as it is while it is started again; then others may have the task.
    private static let patience: Duration = .seconds(10)

    let engine: EngineClient
    private let worker: String
    private let run: String

    /// `worker` names the worker over its restarts, `run` this life of it.
    package init(_ address: EngineAddress, worker: String, run: String) {
        engine = EngineClient(address)
        (self.worker, self.run) = (worker, run)
    }

    /// Removes what an earlier life left. Returns when that is done, or the engine was away for too long.
    package func removeLeftOvers() async {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            do throws(EngineError) {
                for container in try await engine.list(labels: ["\(Self.workerLabel)=\(worker)"])
                where container.labels[Self.runLabel] != run {
                    Log.notice("removing a container that an earlier worker left", ["id": "\(container.id.prefix(12))"])
                    try await engine.remove(container.id)
                }
                let missing = try await engine.facts().missing
                if !missing.isEmpty {
                    Log.warning(
                        "the container engine cannot bound what its containers take",
                        ["of": missing.joined(separator: ", ")])
                }
                return
            } catch {
                Log.warning("left-over containers cannot be looked for", ["reason": error.message])
                guard error.isRetryable else { return }
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    package func run(_ task: ContainerTask, _ cancellation: Cancellation) throws(TaskFailure) -> ContainerOutcome {
        let until = SystemTime.now() + Duration(seconds: task.seconds)
        return try patiently(until: until, cancellation) { () throws(EngineError) in
            try runOnce(task, until, cancellation)
        }
    }

    /// An engine that is away is waited for, for a while.
    func patiently<Outcome>(
        until limit: Moment?, _ cancellation: Cancellation,
        _ body: () throws(EngineError) -> Result<Outcome, TaskFailure>
    ) throws(TaskFailure) -> Outcome {
        let patience = SystemTime.now() + Self.patience
        let until = limit.map { min($0, patience) } ?? patience
        var backoff = Backoff(cap: .seconds(2))
        var random = SystemRandomNumberGenerator()
        while true {
            let outcome: Result<Outcome, TaskFailure>
            do throws(EngineError) {
                outcome = try body()
            } catch {
                guard error.isRetryable, SystemTime.now() < until,
                    !cancellation.isCancelled
                else { throw TaskFailure(error.message, isOwnFault: error.isMachines) }
                Log.info("a task's container is tried again", ["reason": error.message])
                usleep(UInt32(backoff.next(using: &random).inNanoseconds / 1_000))
                continue
            }
            return try outcome.get()
        }
    }

    /// The engine's failures are thrown, the container's answered.
    private func runOnce(
        _ task: ContainerTask, _ until: Moment, _ cancellation: Cancellation
    ) throws(EngineError) -> Result<ContainerOutcome, TaskFailure> {
        let spec = spec(of: task)
        let id = try blocking { [engine] () async throws(EngineError) in try await engine.create(spec, name: nil) }
        let outcome: Result<ContainerOutcome, TaskFailure>
        do throws(EngineError) {
            outcome = try runCreated(id, task, until, cancellation)
        } catch {
            remove(id)
            throw error
        }
        remove(id)
        return outcome
    }

    private func spec(of task: ContainerTask) -> ContainerSpec {
        var spec = ContainerSpec(image: task.image)
        spec.command = task.command
        spec.environment = task.environment
        spec.labels = ownLabels
        spec.limits.memoryBytes = task.memoryBytes
        spec.limits.temporaryBytes = min(spec.limits.temporaryBytes, task.memoryBytes / 2)
        spec.network = task.hasNetwork ? "bridge" : "none"
        // What it prints is read as it comes.
        spec.logging = .none
        spec.hasInput = !task.input.isEmpty
        return spec
    }

    var ownLabels: [String: String] { [Self.workerLabel: worker, Self.runLabel: run] }

    func remove(_ id: String) {
        do throws(EngineError) {
            try blocking { [engine] () async throws(EngineError) in try await engine.remove(id) }
        } catch {
            Log.warning("a task's container stays until the next start", ["reason": error.message])
        }
    }

    private func runCreated(
        _ id: String, _ task: ContainerTask, _ until: Moment, _ cancellation: Cancellation
    ) throws(EngineError) -> Result<ContainerOutcome, TaskFailure> {
        let prefix = try blocking { [engine] () async throws(EngineError) in try await engine.prefix() }
        let input = task.input.isEmpty ? "" : "&stdin=1"
        let stream = try AttachedStream(
            engine.address, target: "\(prefix)/containers/\(id)/attach?stream=1&stdout=1&stderr=1\(input)",
            input: task.input, within: 30)
        try blocking { [engine] () async throws(EngineError) in try await engine.start(id) }
        var output = TaskOutput()
        while true {
            if let reason = giveUp(task, until, cancellation) { return .failure(output.failure(reason)) }
            let step = try stream.step(milliseconds: 20) { output.take($0, $1) }
            if output.isTooLong {
                let most = ContainerKernel.outputBytesMax
                return .failure(output.failure("its standard output has more than \(most) bytes"))
            }
            if case .end = step { break }
        }
        return try outcome(id, task, output, until, cancellation)
    }

    private func giveUp(_ task: ContainerTask, _ until: Moment, _ cancellation: Cancellation) -> String? {
        if cancellation.isCancelled { return "cancelled" }
        return SystemTime.now() < until ? nil : "it did not end within \(task.seconds) s"
    }

    /// Its streams have ended, and it will have at once too, as a rule.
    private func outcome(
        _ id: String, _ task: ContainerTask, _ output: TaskOutput, _ until: Moment, _ cancellation: Cancellation
    ) throws(EngineError) -> Result<ContainerOutcome, TaskFailure> {
        var pause: UInt32 = 2_000
        while true {
            let found = try blocking { [engine] () async throws(EngineError) in try await engine.inspect(id) }
            guard let found else { return .failure(output.failure("its container was removed")) }
            if !found.isRunning {
                if found.exitCode == 0 { return .success(output.outcome(exitCode: 0)) }
                let kind = try blocking { [engine] () async throws(EngineError) in try await engine.kind() }
                return .failure(failure(found, kind, task, output))
            }
            if let reason = giveUp(task, until, cancellation) { return .failure(output.failure(reason)) }
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }

    private func failure(
        _ found: InspectedContainer, _ kind: EngineKind, _ task: ContainerTask, _ output: TaskOutput
    ) -> TaskFailure {
        let memory = kind.memoryWords(of: found).map { ", \($0) at \(task.memoryBytes) bytes" } ?? ""
        let said = String(decoding: output.error, as: UTF8.self)
        return output.failure(
            "exit code \(found.exitCode)\(memory)\(said.isEmpty ? "" : ": ")\(said)", exitCode: found.exitCode)
    }
}

/// What a task's container has printed so far.
private struct TaskOutput {
    private(set) var output: [UInt8] = []
    private var tail: [UInt8] = []

    var isTooLong: Bool { output.count > ContainerKernel.outputBytesMax }
    var error: [UInt8] { tail.suffix(ContainerKernel.errorBytesMax) }

    func outcome(exitCode: Int?) -> ContainerOutcome {
        ContainerOutcome(output: output, error: error, exitCode: exitCode)
    }

    /// Whatever went wrong, what was printed is kept.
    func failure(_ reason: String, exitCode: Int? = nil) -> TaskFailure {
        TaskFailure(reason, value: outcome(exitCode: exitCode).cutValue)
    }

    mutating func take(_ stream: OutputFrames.Stream, _ piece: ArraySlice<UInt8>) {
        switch stream {
        case .output: if !isTooLong { output += piece }
        case .error:
            tail += piece
            if tail.count > 4 * ContainerKernel.errorBytesMax { tail = error }
        }
    }
}

/// For threads that may block, which a task's is.
func blocking<Answer: Sendable>(
    _ body: @escaping @Sendable () async throws(EngineError) -> Answer
) throws(EngineError) -> Answer {
    let answer = Monitor<Result<Answer, EngineError>?>(nil)
    Task {
        let result: Result<Answer, EngineError>
        do throws(EngineError) {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        answer.change(waking: .all) { $0 = result }
    }
    return try answer.wait { $0 }.get()
}

import MusterKernels
import Testing

@testable import MusterWorker

@Suite(.timeLimit(.minutes(1))) struct TaskTimerTests {
    private func waits(on cancellation: Cancellation) {
        while !cancellation.isCancelled {}
    }

    @Test func aTaskThatTakesTooLongFailsAndTheNextOneRuns() throws {
        let batch = Cancellation()
        let timer = TaskTimer(seconds: 0.1, batch)
        #expect(throws: TaskFailure("it took longer than 0.1 s, the job's timeout for a task")) {
            try timer.run { own throws(TaskFailure) in
                waits(on: own)
                return []
            }
        }
        #expect(!batch.isCancelled)
        #expect(try TaskTimer(seconds: 600, batch).run { _ throws(TaskFailure) in [7] } == [7])
        #expect(throws: TaskFailure("its own")) {
            try timer.run { _ throws(TaskFailure) in throw TaskFailure("its own") }
        }
    }

    /// Not the timeout's failure: the batch is given up.
    @Test func theBatchsEndEndsTheTask() {
        let batch = Cancellation()
        let timer = TaskTimer(seconds: 600, batch)
        #expect(throws: TaskFailure("ended")) {
            try timer.run { own throws(TaskFailure) in
                batch.cancel()
                waits(on: own)
                throw TaskFailure("ended")
            }
        }
    }
}

import MusterCore
import MusterKernels
import MusterScheduling
import Testing

@testable import MusterWorker

/// A batch as others see it.
@Suite struct BatchProgressTests {
    private let key = LeaseKey(job: JobID(1), first: 10, count: 5, attempt: 1, member: MemberID(1))
    private let start = Moment(nanoseconds: 1_000_000_000)
    private func done(_ progress: BatchProgress, _ task: Int) -> (bytes: Int, left: Int) {
        progress.add(.success(Array("\(task)".utf8)), of: task, time: .zero)
    }

    @Test func whatIsDoneIsToldAndWhatIsNotBegunReturned() {
        let progress = BatchProgress(key, isBinary: false, isWatched: true)
        #expect(progress.next(at: start) == 10)
        #expect(done(progress, 10) == (2, 4))
        #expect(progress.next(at: start) == 11)
        #expect(progress.look(start + .milliseconds(900))?.count == nil && progress.returned == nil)
        let part = progress.look(start + .seconds(1))
        #expect(part?.start == 10 && part?.count == 1)
        #expect(progress.returned == ReturnedTasks(key: key, from: 12))
        #expect(progress.look(start + .seconds(2))?.count == nil)
        #expect(done(progress, 11) == (2, 0))
        #expect(progress.next(at: start) == nil)
        let last = progress.takePart(next: 15)
        #expect(last?.start == 11 && last?.count == 1)
    }

    @Test func oneThatIsStoppedBeginsNothingMore() {
        let progress = BatchProgress(key, isBinary: false, isWatched: true)
        #expect(progress.next(at: start) == 10)
        #expect(progress.stop() == ReturnedTasks(key: key, from: 11))
        #expect(progress.stop() == ReturnedTasks(key: key, from: 11))
        #expect(done(progress, 10) == (2, 0))
        #expect(progress.next(at: start) == nil)
        #expect(progress.takePart(next: 15)?.count == 1)
        let whole = BatchProgress(key, isBinary: false, isWatched: true)
        for task in 10...14 {
            #expect(whole.next(at: start) == task)
            _ = done(whole, task)
        }
        #expect(whole.stop() == nil)
        #expect(BatchProgress(key, isBinary: false, isWatched: false).stop() == nil)
    }

    @Test func nobodyLooksAtABatchThatMayBeCopied() {
        let progress = BatchProgress(key, isBinary: false, isWatched: false)
        for task in 10...13 {
            #expect(progress.next(at: start) == task)
            _ = done(progress, task)
        }
        #expect(progress.next(at: start) == 14)
        #expect(progress.look(start + .seconds(9))?.count == nil && progress.returned == nil)
        #expect(progress.takePart(next: 14)?.count == 4)
    }
}

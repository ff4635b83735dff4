import MusterAPI
import MusterCore
import Testing

@testable import MusterLiveOutput

@Suite struct LiveBookTests {
    private func piece(
        _ task: Int, _ text: String, at offset: Int = 0, attempt: Int = 1, job: Int64 = 1
    ) -> OutputPiece {
        OutputPiece(
            job: JobID(job), task: task, attempt: attempt, startMs: 5, stream: .stdout, offset: offset,
            text: Array(text.utf8))
    }

    private func begin(_ book: inout LiveBook, only: Int?) throws -> (reader: UInt64, isFirst: Bool) {
        let begun = book.begin(JobID(1), only: only)
        return try #require(begun)
    }

    private func texts(_ read: (pieces: [OutputPiece], isOver: Bool)) -> [String] {
        read.pieces.sorted { $0.task < $1.task }
            .map { "\($0.task)/\($0.attempt)@\($0.offset) " + String(decoding: $0.text, as: UTF8.self) }
    }

    @Test func aReaderGetsWhatIsKeptAndThenWhatComes() throws {
        var book = LiveBook()
        let (first, isFirst) = try begin(&book, only: nil)
        #expect(isFirst && book.followed == [JobID(1)])
        #expect(book.take(piece(0, "ab")) == [first])
        #expect(texts(book.read(first, of: JobID(1), atMost: 100)) == ["0/1@0 ab"])
        let (late, isAlsoFirst) = try begin(&book, only: 0)
        #expect(!isAlsoFirst)
        #expect(texts(book.read(late, of: JobID(1), atMost: 100)) == ["0/1@0 ab"])
        #expect(Set(book.take(piece(0, "bcd", at: 1))) == [first, late])
        #expect(book.take(piece(7, "x")) == [first])
        #expect(texts(book.read(first, of: JobID(1), atMost: 100)) == ["0/1@2 cd", "7/1@0 x"])
        #expect(texts(book.read(late, of: JobID(1), atMost: 100)) == ["0/1@2 cd"])
        #expect(book.take(piece(0, "x", job: 2)).isEmpty)
    }

    @Test func anotherAttemptBeginsAnewAndAnOlderOneIsPassedOver() throws {
        var book = LiveBook()
        let reader = try begin(&book, only: nil).reader
        _ = book.take(piece(0, "old"))
        _ = book.take(piece(0, "new", attempt: 2))
        _ = book.take(piece(0, "er", at: 3))
        #expect(texts(book.read(reader, of: JobID(1), atMost: 100)) == ["0/2@0 new"])
    }

    @Test func whoReadsSlowlyFindsTheNewest() throws {
        var book = LiveBook()
        let reader = try begin(&book, only: nil).reader
        let part = String(repeating: "x", count: 1 << 10)
        for place in 0..<1_000 { _ = book.take(piece(0, part, at: place << 10)) }
        #expect(book.bytesKept == LiveBook.streamBytesMax && book.bytesTaken == 1_000 << 10)
        let read = book.read(reader, of: JobID(1), atMost: 10).pieces
        #expect(read.map(\.offset) == [(1_000 << 10) - LiveBook.streamBytesMax] && read[0].text.count == 10)
    }

    @Test func whatIsKeptIsBoundedByTasksAndBytes() throws {
        var book = LiveBook()
        let reader = try begin(&book, only: nil).reader
        for task in 0...LiveBook.tasksMax { _ = book.take(piece(task, "x")) }
        var found = 0
        while case let read = book.read(reader, of: JobID(1), atMost: 100).pieces, !read.isEmpty { found += read.count }
        // A quarter was let go, the oldest.
        #expect(found == LiveBook.tasksMax + 1 - (LiveBook.tasksMax + 1) / 4)
        let large = String(repeating: "x", count: LiveBook.streamBytesMax)
        for task in 0...(LiveBook.bytesMax / LiveBook.streamBytesMax) { _ = book.take(piece(task + 10_000, large)) }
        #expect(book.bytesKept <= LiveBook.bytesMax)
        #expect(book.end(reader, of: JobID(1)) && book.bytesKept == 0 && book.followed.isEmpty)
    }

    @Test func aJobThatIsOverEndsItsReaders() throws {
        var book = LiveBook()
        let reader = try begin(&book, only: nil).reader
        _ = book.take(piece(0, "x"))
        #expect(book.over(JobID(1)) == [reader] && book.over(JobID(1)).isEmpty && book.followed.isEmpty)
        let last = book.read(reader, of: JobID(1), atMost: 100)
        #expect(last.isOver && last.pieces.count == 1)
        #expect(book.read(reader, of: JobID(2), atMost: 100).isOver)
    }

    /// One that is tried again is another, whoever has not read the first to its end.
    @Test func aSlowReaderOfTheFirstRunKeepsNobodyFromTheSecond() throws {
        var book = LiveBook()
        let slow = try begin(&book, only: nil).reader
        _ = book.take(piece(0, "first"))
        _ = book.over(JobID(1))
        let (next, isFirst) = try begin(&book, only: nil)
        #expect(isFirst && book.followed == [JobID(1)])
        #expect(book.take(piece(0, "second", attempt: 2)) == [next])
        #expect(texts(book.read(next, of: JobID(1), atMost: 100)) == ["0/2@0 second"])
        let last = book.read(slow, of: JobID(1), atMost: 100)
        #expect(texts(last) == ["0/1@0 first"] && last.isOver)
        #expect(!book.end(slow, of: JobID(1)) && book.readersCount == 1 && book.bytesKept == 6)
        #expect(book.end(next, of: JobID(1)) && book.readersCount == 0 && book.bytesKept == 0)
    }

    @Test func whatSlowReadersHoldGoesFirst() throws {
        var book = LiveBook()
        let slow = try begin(&book, only: nil).reader
        let large = String(repeating: "x", count: LiveBook.streamBytesMax)
        for task in 0..<(LiveBook.bytesMax / LiveBook.streamBytesMax) { _ = book.take(piece(task, large)) }
        _ = book.over(JobID(1))
        _ = try begin(&book, only: nil)
        _ = book.take(piece(0, "x"))
        #expect(book.bytesKept == 1)
        let last = book.read(slow, of: JobID(1), atMost: 100)
        #expect(last.isOver && last.pieces.isEmpty)
    }

    @Test func readersAreBounded() {
        var book = LiveBook()
        for _ in 0..<LiveBook.readersMax { #expect(book.begin(JobID(1), only: nil) != nil) }
        #expect(book.begin(JobID(2), only: nil) == nil)
    }
}

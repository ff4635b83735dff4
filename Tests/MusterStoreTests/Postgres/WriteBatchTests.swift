import MusterCore
import MusterStore
import Testing

@testable import MusterPostgres

/// What a batch's next transaction is of, after each kind of outcome.
struct WriteBatchTests {
    private static func batch(_ count: Int) -> WriteBatch {
        WriteBatch((0..<count).map { [.setMeta(key: "\($0)", value: [])] })
    }

    private static func error(_ code: StoreError.Code) -> StoreError { StoreError(code, "\(code)", isRetryable: true) }

    private func codes(_ batch: WriteBatch) -> [StoreError.Code?] {
        batch.results.map { if case .failure(let error) = $0 { error.code } else { nil } }
    }

    @Test func allGoTogetherButTheCulprit() {
        var batch = Self.batch(4)
        #expect(batch.next()?.map(\.place) == [0, 1, 2, 3])
        batch.note(.conflict(1, .conflict("no")))
        #expect(batch.next()?.map(\.place) == [0, 2, 3])
        batch.note(.committed)
        #expect(batch.next() == nil)
        #expect(codes(batch) == [nil, .conflict, nil, nil])
    }

    @Test func manyCulpritsMakeEachGoAlone() {
        var batch = Self.batch(20)
        for culprit in 0..<8 {
            #expect(batch.next()?.count == 20 - culprit)
            batch.note(.conflict(culprit, .conflict("no")))
        }
        for place in 8..<20 {
            #expect(batch.next()?.map(\.place) == [place])
            batch.note(.committed)
        }
        #expect(batch.next() == nil)
        #expect(codes(batch).filter { $0 == .conflict }.count == 8)
    }

    /// A batch in doubt is not sent again, group by group, once its server is back.
    @Test(arguments: [StoreError.Code.unreachable, .locked, .corrupt])
    func nothingIsSentAgainWhenItIsOver(_ code: StoreError.Code) {
        var batch = Self.batch(3)
        _ = batch.next()
        batch.note(.over(Self.error(code)))
        #expect(batch.next() == nil)
        #expect(codes(batch) == [code, code, code])
    }

    /// What was not sent yet is not stored, and hears why from the next transaction.
    @Test func onlyWhatWasSentMayBeStored() {
        var batch = Self.batch(3)
        _ = batch.next()
        batch.note(.failed(Self.error(.full)))
        #expect(batch.next()?.map(\.place) == [0])
        batch.note(.over(StoreError(.locked, "perhaps", isRetryable: false, mayBeStored: true)))
        #expect(batch.next()?.map(\.place) == [1])
        batch.note(.over(Self.error(.locked)))
        #expect(batch.next() == nil)
        #expect(codes(batch) == [.locked, .locked, .locked])
        #expect(
            batch.results.map { if case .failure(let error) = $0 { error.mayBeStored } else { false } }
                == [true, false, false])
    }

    @Test func whatWasTriedOftenEnoughHasOneTryMoreForEach() {
        var batch = Self.batch(3)
        _ = batch.next()
        #expect(!batch.isExhausted)
        batch.note(.exhausted(Self.error(.io(0))))
        for place in 0..<3 {
            #expect(batch.next()?.map(\.place) == [place])
            #expect(batch.isExhausted)
            batch.note(place == 1 ? .exhausted(Self.error(.io(0))) : .committed)
        }
        #expect(batch.next() == nil)
        #expect(codes(batch) == [nil, .io(0), nil])
    }

    @Test func afterEightOfThemTheRestIsNotTried() {
        var batch = Self.batch(100)
        var transactions = 0
        while batch.next() != nil {
            transactions += 1
            batch.note(.exhausted(Self.error(.io(0))))
        }
        #expect(transactions == 9)
        #expect(codes(batch).allSatisfy { $0 == .io(0) })
    }

    /// A group too large for a disk fails alone.
    @Test func whatFailsAloneLeavesTheOthers() {
        var batch = Self.batch(3)
        _ = batch.next()
        batch.note(.failed(Self.error(.full)))
        for outcome in [.committed, .failed(Self.error(.full)), .committed] as [WriteBatch.Outcome] {
            #expect(batch.next()?.count == 1)
            #expect(!batch.isExhausted)
            batch.note(outcome)
        }
        #expect(batch.next() == nil)
        #expect(codes(batch) == [nil, .full, nil])
    }
}

internal import MusterCore
internal import MusterStore

/// Commits groups on the writer's connection. Belongs to the writer's thread.
///
/// All groups of a batch go into one transaction, sent in one go; then its answers are looked at, and only then it is committed.
/// A group that contradicts what is stored is left out, and the others sent again. A connection that is lost is made anew, and the
/// server asked what became of the transaction: whatever was in doubt is completed, or done again.
final class WriteSession: GroupSession, @unchecked Sendable {  // only the writer's thread touches it
    /// So often is a transaction tried that met another one, or was cancelled.
    private static let triesMax = 8
    /// So many connections may a transaction lose: it may be what they are lost by.
    private static let lossesMax = 3

    private let link: WriterLink
    private let bell: Bell
    let leftovers = Leftovers()

    init(_ link: WriterLink, _ bell: Bell) { (self.link, self.bell) = (link, bell) }

    func reported() {}

    func close() { link.close() }

    func commit(_ groups: [[StoreWrite]]) -> [Result<Void, StoreError>] {
        var batch = WriteBatch(groups)
        while let members = batch.next() { batch.note(transact(members, isLast: batch.isExhausted)) }
        return batch.results
    }

    /// One transaction, however many connections it takes. `isLast`: it was tried often enough already, and has one try more.
    private func transact(_ members: [WriteBatch.Member], isLast: Bool) -> WriteBatch.Outcome {
        let number = link.commits + 1
        var (tries, losses) = (0, 0)
        var lost: StoreError?
        var pause = Pause()
        while true {
            let connection: Connection
            do throws(StoreError) { connection = try link.connected() } catch { return .over(error) }
            // What was in doubt had been committed.
            if link.commits == number { return committedAfterAll(members) }
            if let lost, losses >= (isLast ? 1 : Self.lossesMax) { return .exhausted(gaveUp(lost, losses)) }
            do throws(StoreError) {
                switch try run(members, number, connection) {
                case .outcome(let outcome): return outcome
                case .anew: continue
                case .again(let error):
                    tries += 1
                    guard tries < (isLast ? 1 : Self.triesMax) else {
                        return .exhausted(error.storeError(connection.place))
                    }
                    _ = bell.sleep(for: pause.take())
                }
            } catch {
                guard error.code == .unreachable else { return .over(error) }
                link.drop(error)
                (losses, lost) = (losses + 1, error)
            }
        }
    }

    private func committedAfterAll(_ members: [WriteBatch.Member]) -> WriteBatch.Outcome {
        // Whether there is more went with the old connection: one more group will tell.
        if members.contains(where: { $0.plan.asksForLeftovers }) { leftovers.note(true) }
        return .committed
    }

    private func gaveUp(_ error: StoreError, _ losses: Int) -> StoreError {
        StoreError(
            .io(0),
            "a write lost \(losses == 1 ? "its connection" : "\(losses) connections one after the other"), and perhaps by itself, for "
                + "others were made; none of it is kept: \(error.message)", isRetryable: true)
    }

    private enum Step {
        case outcome(WriteBatch.Outcome)
        case again(ServerError)
        /// It did not begin.
        case anew
    }

    /// Throws `.unreachable` when the connection is lost, `.locked` when the row of the writer is another's.
    private func run(_ members: [WriteBatch.Member], _ number: Int64, _ connection: Connection) throws(StoreError)
        -> Step
    {
        let beginning = link.beginning(number, connection)
        let (planned, places) = arrange(members)
        let answers = try connection.exchange(beginning + planned.map(\.query))
        for (place, answer) in answers[..<beginning.count].enumerated() {
            switch answer {
            case .failed(let error): return try rolledBack(error, connection)
            case .rows(let rows) where place == beginning.count - 1:
                guard try link.isOpen(rows) else {
                    _ = try connection.exchange([Query("ROLLBACK")])
                    return .anew
                }
            case .rows, .skipped: break
            }
        }
        var culprit: (place: Int, error: StoreError)?
        var hasMore: Bool?
        for (step, answer) in zip(planned.indices, answers[beginning.count...]) {
            switch (answer, planned[step].check) {
            case (.failed(let error), _):
                return try rolledBack(error, connection, of: places[step], besides: culprit)
            case (.rows(let rows), .writes(let count, let message)) where rows.affected != count:
                // The first reason is the one that counts: the others may come of it.
                if let place = places[step], culprit == nil { culprit = (place, .conflict(message())) }
            case (.rows(let rows), .leftovers): hasMore = rows.flag(0, 0)
            case (.rows, _), (.skipped, _): break
            }
        }
        if let culprit {
            _ = try connection.exchange([Query("ROLLBACK")])
            return .outcome(.conflict(culprit.place, culprit.error))
        }
        let step = try end(number, connection)
        if case .outcome(.committed) = step, let hasMore { leftovers.note(hasMore) }
        return step
    }

    private func end(_ number: Int64, _ connection: Connection) throws(StoreError) -> Step {
        link.committing()
        // Where it takes longer, it waits for a standby: the server is asked then, and people hear of it.
        let answers = try connection.withSilence(Connection.briefSilenceMax) { () throws(StoreError) in
            try connection.exchange([Query("COMMIT")])
        }
        switch answers[0] {
        case .rows(let rows) where rows.tag == "COMMIT":
            // Its wait for a standby was cancelled, perhaps: it is in, and yet may be lost. The next connection asks.
            if let warning = connection.warning { throw .unreachable(connection.place, warning) }
            link.committed(number)
            return .outcome(.committed)
        case .failed(let error):
            link.notCommitted()
            return error.meaning == .again ? .again(error) : .outcome(.failed(error.storeError(connection.place)))
        case .rows, .skipped:
            // Never so: each of its statements was answered well.
            link.notCommitted()
            return .outcome(
                .failed(
                    StoreError(.io(0), "\(connection.place) rolled back what it had taken", isRetryable: true)))
        }
    }

    /// All statements in their order, and which group each is of; sums over all groups come last, and are none's.
    private func arrange(_ members: [WriteBatch.Member]) -> (queries: [PlannedQuery], places: [Int?]) {
        var queries: [PlannedQuery] = []
        var places: [Int?] = []
        var contributions = Contributions()
        for member in members {
            queries += member.plan.queries
            places += [Int?](repeating: member.place, count: member.plan.queries.count)
            for some in member.plan.contributions { contributions.add(some) }
        }
        let sums = TrustWrites.add(contributions)
        return (queries + sums, places + [Int?](repeating: nil, count: sums.count))
    }

    private func rolledBack(
        _ error: ServerError, _ connection: Connection, of place: Int? = nil,
        besides culprit: (place: Int, error: StoreError)? = nil
    ) throws(StoreError) -> Step {
        _ = try connection.exchange([Query("ROLLBACK")])
        if error.meaning == .again { return .again(error) }
        if let culprit { return .outcome(.conflict(culprit.place, culprit.error)) }
        let failure = error.storeError(connection.place)
        guard let place, failure.code == .conflict else { return .outcome(.failed(failure)) }
        return .outcome(.conflict(place, failure))
    }
}

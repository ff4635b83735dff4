internal import MusterCore
internal import MusterStore

/// Groups that came together, and what became of each: they go into one transaction while that may do, and then one by one.
struct WriteBatch {
    struct Member {
        let place: Int
        let plan: WritePlan
    }

    /// Of one transaction.
    enum Outcome {
        case committed
        /// Of the group at this place. The others are not judged: what it would have changed may be what they contradict.
        case conflict(Int, StoreError)
        case failed(StoreError)
        /// It was tried as often as it may be.
        case exhausted(StoreError)
        /// Nothing is written any more. What was sent may be in doubt, as the error says then: none of it may be sent again. What was not
        /// sent hears of the end from the next transaction, which is none.
        case over(StoreError)
    }

    /// Without those that failed a batch is tried so often; then each group has a transaction of its own.
    private static let roundsMax = 8
    /// So many transactions may have been tried as often as they may be; what is left then is not tried any more.
    private static let exhaustedMax = 8

    private(set) var results: [Result<Void, StoreError>]
    private var waiting: [Member] = []
    private var rounds = 0
    private var areAlone = false
    private var exhausted = 0

    init(_ groups: [[StoreWrite]]) {
        results = [Result<Void, StoreError>](repeating: .success(()), count: groups.count)
        for (place, writes) in groups.enumerated() {
            do throws(StoreError) {
                let plan = try WritePlan(writes)
                if !plan.isEmpty { waiting.append(Member(place: place, plan: plan)) }
            } catch { results[place] = .failure(error) }
        }
    }

    /// All of it was tried often enough together: each has one try more.
    var isExhausted: Bool { exhausted > 0 }

    /// What the next transaction is of; nil: all is done.
    mutating func next() -> [Member]? {
        rounds += 1
        areAlone = areAlone || rounds > Self.roundsMax
        return waiting.isEmpty ? nil : upcoming
    }

    private var upcoming: [Member] { areAlone ? Array(waiting.prefix(1)) : waiting }

    /// What became of what `next` gave.
    mutating func note(_ outcome: Outcome) {
        switch outcome {
        case .committed: waiting.removeFirst(upcoming.count)
        case .conflict(let place, let error):
            results[place] = .failure(error)
            waiting.removeAll { $0.place == place }
        case .failed(let error): goAlone(error)
        case .exhausted(let error):
            exhausted += 1
            if exhausted > Self.exhaustedMax { failAll(error) } else { goAlone(error) }
        case .over(let error) where error.mayBeStored: failUpcoming(error)
        case .over(let error): failAll(error)
        }
    }

    /// One of them, or all together, is what failed.
    private mutating func goAlone(_ error: StoreError) {
        if upcoming.count == 1 { failUpcoming(error) }
        areAlone = true
    }

    private mutating func failUpcoming(_ error: StoreError) {
        for member in upcoming { results[member.place] = .failure(error) }
        waiting.removeFirst(upcoming.count)
    }

    private mutating func failAll(_ error: StoreError) {
        for member in waiting { results[member.place] = .failure(error) }
        waiting = []
    }
}

internal import MusterCore

/// What a worker has, and what of it is taken: by batches that run, that wait to run, and by asks for more.
struct WorkerRoom: Sendable {
    private let has: Amounts
    private var freeSlots: [Bool]
    private var freeGPUs: [Int]
    private(set) var running: [LeaseKey: BatchShare] = [:]
    /// Running, and about to make room.
    private var ending: Set<LeaseKey> = []
    private var taken = Amounts()
    private var endingTaken = Amounts()
    /// To batches that wait, and to whatever comes of asks under way.
    private var promised = Amounts()

    init(_ settings: WorkerAgent.Settings) {
        has = settings.has
        freeSlots = Array(repeating: true, count: settings.slots)
        freeGPUs = settings.gpus.sorted()
    }

    static func amounts(of grant: Grant) -> Amounts { grant.needs?.amounts ?? .oneCPU }

    /// What may be asked for: what ends soon counts as free.
    var askable: Amounts { (has - taken + endingTaken - promised).notNegative }

    mutating func promise(_ amounts: Amounts) { promised += amounts }
    mutating func takeBack(_ amounts: Amounts) { promised -= amounts }

    /// Nil where it does not fit, or runs already.
    mutating func begin(_ grant: Grant) -> BatchShare? {
        let amounts = Self.amounts(of: grant)
        guard running[grant.key] == nil, amounts.fits(in: has - taken) else { return nil }
        let share = BatchShare(
            slots: takeSlots(amounts.cpus), gpus: Array(freeGPUs.prefix(amounts.gpus)), amounts: amounts)
        freeGPUs.removeFirst(amounts.gpus)
        running[grant.key] = share
        taken += amounts
        return share
    }

    /// The lowest ones that are free.
    private mutating func takeSlots(_ count: Int) -> [Int] {
        var slots: [Int] = []
        for slot in freeSlots.indices where freeSlots[slot] {
            if slots.count == count { break }
            freeSlots[slot] = false
            slots.append(slot + 1)
        }
        return slots
    }

    mutating func willEnd(_ key: LeaseKey) {
        guard let share = running[key], ending.insert(key).inserted else { return }
        endingTaken += share.amounts
    }

    /// What was to end soon does not.
    mutating func noneWillEnd() {
        ending = []
        endingTaken = Amounts()
    }

    mutating func end(_ key: LeaseKey) {
        guard let share = running.removeValue(forKey: key) else { return }
        taken -= share.amounts
        if ending.remove(key) != nil { endingTaken -= share.amounts }
        for slot in share.slots { freeSlots[slot - 1] = true }
        if !share.gpus.isEmpty { freeGPUs = (freeGPUs + share.gpus).sorted() }
    }
}

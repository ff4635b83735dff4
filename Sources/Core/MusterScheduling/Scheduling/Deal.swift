internal import MusterCore

/// Who is to compute which tasks of a job that was dealt to the workers alive at its adding. Blocks of tasks go round
/// the workers in turn; each has at most 64 of them. Soft state: a restart forgets it, and anyone may take what is left.
struct Deal: Sendable {
    /// Most blocks a worker is dealt at first.
    static let blocksMax = 64

    /// What waits for one worker.
    struct Share: Sendable {
        /// The last element goes out first.
        var line: [PendingRun] = []
        /// When the ring last gave this share a turn.
        var lastTurn: UInt64 = 0

        /// Tasks in line, those taken meanwhile included.
        var count: Int { line.reduce(0) { $0 + $1.tasks.count } }
    }

    /// Consecutive tasks that go to one worker.
    let block: Int
    /// Those it was dealt to, in rank order.
    let members: [MemberID]
    private(set) var shares: [MemberID: Share] = [:]
    private var gone: Set<MemberID> = []
    private var suspected: Set<MemberID> = []
    /// Where dealing again goes on, so that the losses of several workers spread evenly.
    private var turn = 0

    /// Nil when there is nobody to deal to.
    init?(count: Int, to named: [MemberID]) {
        var seen: Set<MemberID> = []
        members = named.filter { seen.insert($0).inserted }
        guard !members.isEmpty, count > 0 else { return nil }
        let blocksMax = Self.blocksMax * members.count
        block = (count + blocksMax - 1) / blocksMax
        for member in members { shares[member] = Share() }
        for number in (0..<(count + block - 1) / block).reversed() {
            let tasks = number * block..<min(count, (number + 1) * block)
            shares[members[number % members.count]]!.line.append(PendingRun(tasks: tasks, attempt: 1, failures: 0))
        }
    }

    func isAbout(_ member: MemberID) -> Bool { shares[member] != nil && !gone.contains(member) }

    /// Those with something in line, in rank order.
    var waiting: [MemberID] { members.filter { !shares[$0]!.line.isEmpty } }

    mutating func push(_ run: PendingRun, to member: MemberID) { shares[member]!.line.append(run) }
    mutating func pop(of member: MemberID) -> PendingRun? { shares[member]?.line.popLast() }
    mutating func tookTurn(_ member: MemberID, at turn: UInt64) { shares[member]?.lastTurn = turn }

    mutating func suspect(_ member: MemberID) { suspected.insert(member) }
    /// Back, be it the same process or its next one: it has its part of what is dealt from now on.
    mutating func welcome(_ member: MemberID) {
        suspected.remove(member)
        gone.remove(member)
    }
    mutating func lose(_ member: MemberID) { gone.insert(member) }

    /// Takes a share's line away, in the order in which it would have gone out.
    mutating func empty(_ member: MemberID) -> [PendingRun] {
        let line = shares[member]?.line ?? []
        shares[member]?.line = []
        return line.reversed()
    }

    /// Takes every share's line away, in rank order.
    mutating func emptyAll() -> [PendingRun] { members.flatMap { empty($0) } }

    /// Puts a run in line for `member`, or, when that one is suspected, gone, none of these or to be avoided, block by block for
    /// the others that live. False, and nothing is done, when none is left.
    mutating func line(up runs: [PendingRun], for member: MemberID?, isAvoided: Bool = false) -> Bool {
        let others = heirs(of: member)
        if let member, isAbout(member), !suspected.contains(member), !isAvoided || others.isEmpty {
            for run in runs.reversed() { push(run, to: member) }
            return true
        }
        guard !others.isEmpty else { return false }
        let pieces = runs.flatMap(blocks)
        for (place, piece) in pieces.enumerated().reversed() { push(piece, to: others[(turn + place) % others.count]) }
        turn += pieces.count
        return true
    }

    /// The others that are neither gone nor, unless all of them are, suspected.
    private func heirs(of member: MemberID?) -> [MemberID] {
        let others = members.filter { $0 != member && !gone.contains($0) }
        let present = others.filter { !suspected.contains($0) }
        return present.isEmpty ? others : present
    }

    private func blocks(_ run: PendingRun) -> [PendingRun] {
        var pieces: [PendingRun] = []
        var from = run.tasks.lowerBound
        while from < run.tasks.upperBound {
            let to = min(run.tasks.upperBound, (from / block + 1) * block)
            pieces.append(run.cut(to: from..<to))
            from = to
        }
        return pieces
    }
}

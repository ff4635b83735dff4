import MusterCore

@testable import MusterMembership

/// Commands with the members that a test names, and shorthand for what happens to them.
struct CommandsBench {
    var commands: Commands
    var members: Set<Int64>

    init(members: ClosedRange<Int64> = 1...3, _ change: (inout Commands.Settings) -> Void = { _ in }) {
        var settings = Commands.Settings()
        change(&settings)
        commands = Commands(settings: settings)
        self.members = Set(members)
    }

    static func record(_ id: Int64, to recipients: [Int64], bytes: Int = 1) -> CommandRecord {
        CommandRecord(
            id: CommandID(id), sender: nil, senderName: "", rank: nil, view: 1,
            text: String(repeating: "x", count: bytes), recipients: recipients.map { MemberID($0) }, createdMs: 0)
    }

    @discardableResult mutating func handle(_ event: Commands.Event) -> [Commands.Effect] {
        commands.handle(event) { members.contains($0.rawValue) }
    }

    @discardableResult mutating func send(_ id: Int64, to recipients: [Int64], bytes: Int = 1) -> [Commands.Effect] {
        handle(.sent([Self.record(id, to: recipients, bytes: bytes)]))
    }

    @discardableResult mutating func restore(_ id: Int64, to recipients: [Int64]) -> [Commands.Effect] {
        handle(.restored(Self.record(id, to: recipients)))
    }

    @discardableResult mutating func connect(_ member: Int64, seen: Int64 = 0) -> [Commands.Effect] {
        handle(.connected(MemberID(member), seen: CommandID(seen)))
    }

    @discardableResult mutating func acknowledge(_ member: Int64, _ through: Int64) -> [Commands.Effect] {
        handle(.acknowledged(MemberID(member), through: CommandID(through)))
    }

    @discardableResult mutating func remove(_ member: Int64) -> [Commands.Effect] {
        members.remove(member)
        return handle(.removed(MemberID(member)))
    }

    /// All that is new is durable now.
    @discardableResult mutating func save() -> [Commands.Effect] { handle(.saved(commands.newProgress())) }

    /// A coordinator that is killed here, and started again with what is stored by then.
    func restarted(_ stored: [CommandProgress], _ change: (inout Commands.Settings) -> Void = { _ in }) -> CommandsBench
    {
        var new = CommandsBench(change)
        new.members = members
        for progress in stored { new.handle(.restoredProgress(progress)) }
        return new
    }

    func outcome(_ id: Int64, _ member: Int64) -> CommandOutcome? {
        commands.outcome(of: CommandID(id), at: MemberID(member))
    }
}

extension Commands.Effect {
    static func deliver(_ member: Int64, _ ids: some Sequence<Int64>) -> Self {
        .deliver(MemberID(member), ids.map { CommandID($0) })
    }

    static func ended(_ id: Int64, _ exceptions: [Int64: CommandOutcome] = [:]) -> Self {
        .ended(
            CommandID(id), createdMs: 0,
            exceptions: Dictionary(uniqueKeysWithValues: exceptions.map { (MemberID($0.key), $0.value) }))
    }

    /// Of one member: how far it is, where that is news, and what it will never have.
    static func save(
        _ member: Int64, acknowledged: Int64? = nil, _ exceptions: [(ClosedRange<Int64>, CommandOutcome)] = []
    ) -> Self {
        .save(
            CommandProgress(
                cursors: acknowledged.map { [CommandCursor(member, acknowledged: $0)] } ?? [],
                exceptions: exceptions.map { CommandExceptions(member, $0.0, $0.1) }))
    }
}

extension CommandCursor {
    init(_ member: Int64, acknowledged: Int64) {
        self.init(member: MemberID(member), acknowledged: CommandID(acknowledged))
    }
}

extension CommandExceptions {
    init(_ member: Int64, _ commands: ClosedRange<Int64>, _ outcome: CommandOutcome) {
        self.init(
            member: MemberID(member), commands: CommandID(commands.lowerBound)...CommandID(commands.upperBound),
            outcome: outcome)
    }
}

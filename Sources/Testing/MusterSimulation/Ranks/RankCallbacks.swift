internal import MusterCore

/// Members that are called instead of holding a connection: one call after the other at each, repeated until it is answered.
final class RankCallbacks {
    private struct Queue {
        var waiting: [CommandRecord]
        var client: Int
    }

    private let world: RankWorld
    private var queues: [MemberID: Queue] = [:]
    private let onAnswer: (MemberID, CommandID, _ isRefused: Bool) -> Void

    init(_ world: RankWorld, onAnswer: @escaping (MemberID, CommandID, _ isRefused: Bool) -> Void) {
        (self.world, self.onAnswer) = (world, onAnswer)
    }

    func send(_ commands: [CommandRecord], to member: MemberID, _ client: Int) {
        let last = queues[member]?.waiting.last?.id
        let new = commands.filter { command in last.map { command.id > $0 } ?? true }
        let isFirst = last == nil
        queues[member, default: Queue(waiting: [], client: client)].waiting += new
        if isFirst { call(member) }
    }

    /// Its calls are broken off.
    func forget(_ member: MemberID) { queues[member] = nil }
    func forgetAll() { queues = [:] }

    private func call(_ member: MemberID) {
        guard let queue = queues[member], let command = queue.waiting.first else {
            queues[member] = nil
            return
        }
        let client = queue.client
        var isAnswered = false
        world.network.send(client) { [self] in
            guard !isAnswered, queues[member]?.waiting.first?.id == command.id else { return }
            world.clients[client].called(command, member) { [self] isRefused in
                world.network.send(client) { [self] in
                    guard !isAnswered, queues[member]?.waiting.first?.id == command.id else { return }
                    isAnswered = true
                    answered(member, command.id, isRefused)
                }
            }
        }
        world.clock.after(.milliseconds(700)) { [self] in
            guard !isAnswered, queues[member]?.waiting.first?.id == command.id else { return }
            isAnswered = true
            self.call(member)
        }
    }

    private func answered(_ member: MemberID, _ command: CommandID, _ isRefused: Bool) {
        onAnswer(member, command, isRefused)
        guard queues[member]?.waiting.first?.id == command else { return }
        queues[member]!.waiting.removeFirst()
        call(member)
    }
}

internal import MusterCore

/// Commands that somebody still waits for. Each has a place for as long as it is open, which queues know it by.
struct OpenCommands: Sendable {
    struct Command: Sendable {
        let record: CommandRecord
        /// Of its text.
        let bytes: Int
        /// Recipients that neither have it nor are excepted.
        var unresolved: Int
        var exceptions: [MemberID: CommandOutcome] = [:]
    }

    private var places: [CommandID: Int] = [:]
    /// Nil where there is none at present.
    private var commands: [Command?] = []
    private var free: [Int] = []

    var count: Int { places.count }
    var oldest: CommandID? { places.keys.min() }

    subscript(id: CommandID) -> Command? { places[id].flatMap { commands[$0] } }

    subscript(place: Int) -> Command {
        _read { yield commands[place]! }
        _modify { yield &commands[place]! }
    }

    mutating func add(_ record: CommandRecord) -> Int {
        let command = Command(record: record, bytes: record.text.utf8.count, unresolved: record.recipients.count)
        let place = free.popLast() ?? commands.count
        if place == commands.count { commands.append(command) } else { commands[place] = command }
        places[record.id] = place
        return place
    }

    mutating func remove(_ place: Int) -> Command {
        let command = commands[place]!
        places[command.record.id] = nil
        commands[place] = nil
        free.append(place)
        return command
    }
}

/// Where lines are found by their tokens: a place, and how often somebody came to one, so that nobody gets what was another's.
struct LinePlaces {
    private var lines: [WebSocketLine?] = []
    private var free: [Int] = []
    private var arrivals: UInt32 = 0

    mutating func add(_ socket: WebSocket) -> WebSocketLine {
        arrivals &+= 1
        let place = free.popLast() ?? lines.count
        if place == lines.count { lines.append(nil) }
        // Never 0.
        let line = WebSocketLine(socket, UInt64(arrivals) << 32 | UInt64(place + 1))
        lines[place] = line
        return line
    }

    mutating func remove(_ line: WebSocketLine) {
        let place = Self.place(line.token)
        lines[place] = nil
        free.append(place)
    }

    subscript(_ token: UInt64) -> WebSocketLine? {
        let place = Self.place(token)
        guard lines.indices.contains(place), let line = lines[place], line.token == token else { return nil }
        return line
    }

    var all: [WebSocketLine] { lines.compactMap { $0 } }

    private static func place(_ token: UInt64) -> Int { Int(token & 0xFFFF_FFFF) - 1 }
}

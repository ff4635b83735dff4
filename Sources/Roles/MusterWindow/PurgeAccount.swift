internal import MusterAPI
internal import MusterCore
internal import MusterWire

/// Which edges there are, whom to ask next, and what became of one purge at each.
///
/// Ids of edges are unique within a circle only, so that an edge's answer is about itself and those whose addresses it knows.
struct PurgeAccount {
    /// What an edge that is away means, as those of its circle say.
    static let away = "It did not confirm in time: it forgets before it serves from its cache again."
    static let unasked = "Nobody asked it."
    static let late = "The time was over before it could be asked."
    static let silent = "Its answer does not say that it did it."
    static let beyond = "It was not asked: only so many edges are, by the order in which they joined."

    private enum Stage { case open, asked, settled, beyond }

    private struct Entry {
        var edge: FleetPurgeReply.Edge
        var url: String?
        /// Of those that it knows by an address.
        var others: [Int: String] = [:]
        var circle: Set<String> = []
        var stage: Stage
        var hasFailed = false
        var isAway = false
    }

    private var purged = 0
    private var entries: [Entry] = []
    private var byURL: [String: [Int]] = [:]

    /// An edge, and what it told of itself or why it did not.
    mutating func see(_ place: ListedEdge, _ state: Result<EdgeState, Problem>) {
        var entry = Entry(edge: Self.edge(place), url: place.url, stage: .settled)
        switch state {
        case .failure(let problem): entry.edge.problem = problem.detail
        case .success(let state):
            (entry.edge.id, entry.stage) = (state.id, .open)
            for other in state.others { entry.others[other.id] = other.url }
            entry.others[state.id] = place.url
            entry.circle = Set(entry.others.values)
        }
        add(entry)
    }

    /// One too many to be asked. It counts as one that did not confirm, whatever others say.
    mutating func pass(_ place: ListedEdge) {
        var edge = Self.edge(place)
        edge.problem = Self.beyond
        add(Entry(edge: edge, url: place.url, stage: .beyond))
    }

    private mutating func add(_ entry: Entry) {
        if let url = entry.url { byURL[url, default: []].append(entries.count) }
        entries.append(entry)
    }

    private static func edge(_ place: ListedEdge) -> FleetPurgeReply.Edge {
        FleetPurgeReply.Edge(member: Int(place.member.rawValue), name: place.name, id: nil, isConfirmed: false)
    }

    /// Whom to ask now, by its place in the order in which they were seen. Of each circle one alone, which answers for the others,
    /// until one has failed. Nil: nobody, or nobody before another answer has come.
    mutating func next() -> Int? {
        let tried = entries.filter { $0.stage == .asked || $0.hasFailed }
        let place = entries.indices.first { place in
            guard entries[place].stage == .open else { return false }
            let kin = tried.filter { isKin($0, entries[place]) }
            return kin.isEmpty || kin.contains(where: \.hasFailed)
        }
        if let place { entries[place].stage = .asked }
        return place
    }

    private func isKin(_ one: Entry, _ other: Entry) -> Bool {
        guard let url = one.url, let otherURL = other.url else { return false }
        return one.circle.contains(otherURL) || other.circle.contains(url)
    }

    /// What the edge at this place says for all that it knows.
    mutating func take(_ reply: PurgeReply, from place: Int) {
        purged += reply.purged
        for id in reply.confirmed { settle(id, toldBy: place, isConfirmed: true) }
        for id in reply.missing { settle(id, toldBy: place, isConfirmed: false) }
        guard entries[place].stage == .asked else { return }
        entries[place].stage = .settled
        entries[place].edge.problem = entries[place].edge.problem ?? Self.silent
    }

    mutating func fail(_ problem: String, at place: Int) {
        entries[place].hasFailed = true
        (entries[place].stage, entries[place].edge.problem) = (.settled, problem)
    }

    /// Nobody is asked any more.
    mutating func end() {
        for place in entries.indices where [.open, .asked].contains(entries[place].stage) {
            (entries[place].stage, entries[place].edge.problem) = (.settled, Self.late)
        }
    }

    private mutating func settle(_ id: Int, toldBy teller: Int, isConfirmed: Bool) {
        let url = entries[teller].others[id]
        if let places = url.flatMap({ byURL[$0] }) {
            // One that says that it has another id is not whom this is about, and is asked itself.
            for place in places where entries[place].edge.id ?? id == id {
                if entries[place].stage != .beyond { entries[place].edge.id = id }
                settle(at: place, isConfirmed: isConfirmed)
            }
        } else {
            // Only other edges know it.
            let edge = FleetPurgeReply.Edge(member: nil, name: "edge \(id)", id: id, isConfirmed: false)
            add(Entry(edge: edge, url: url, stage: .settled))
            settle(at: entries.count - 1, isConfirmed: isConfirmed)
        }
    }

    private mutating func settle(at place: Int, isConfirmed: Bool) {
        guard entries[place].stage != .beyond else { return }
        entries[place].stage = .settled
        // Who confirmed once has forgotten.
        if isConfirmed { entries[place].edge.isConfirmed = true } else { entries[place].isAway = true }
    }

    var reply: FleetPurgeReply {
        FleetPurgeReply(
            purged: purged,
            edges: entries.map { entry in
                var edge = entry.edge
                let reasons = [edge.problem, entry.isAway ? Self.away : nil].compactMap { $0 }
                edge.problem = reasons.isEmpty ? Self.unasked : reasons.joined(separator: " ")
                if edge.isConfirmed { edge.problem = nil }
                return edge
            })
    }
}

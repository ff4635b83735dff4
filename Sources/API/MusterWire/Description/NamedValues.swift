internal import MusterJSON

/// Values by name. Few, as in a message, lie in a row: to compare them with a short name takes less than to hash it.
struct NamedValues: Sendable {
    private static let fewMax = 16

    private var few: [(key: String, value: JSONValue)] = []
    private var many: [String: JSONValue] = [:]
    /// A name that stood twice.
    private(set) var doubled: String?

    init(_ members: [(key: String, value: JSONValue)]) {
        if members.count <= Self.fewMax {
            few = members
            doubled = members.indices.dropFirst().first { place in
                members[..<place].contains { $0.key == members[place].key }
            }.map { members[$0].key }
            return
        }
        many.reserveCapacity(members.count)
        for (key, value) in members where many.updateValue(value, forKey: key) != nil { doubled = doubled ?? key }
    }

    var count: Int { few.count + many.count }
    var names: [String] { few.map(\.key) + many.keys }

    func has(_ name: String) -> Bool { few.contains { $0.key == name } || many[name] != nil }

    mutating func take(_ name: String) -> JSONValue? {
        guard let place = few.firstIndex(where: { $0.key == name }) else {
            return many.isEmpty ? nil : many.removeValue(forKey: name)
        }
        few.swapAt(place, few.count - 1)
        return few.removeLast().value
    }
}

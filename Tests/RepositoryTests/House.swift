/// The rooms of the house: on which floor each lies, and what the manifest lets it import.
struct House {
    /// Folders of Sources/ from top to bottom: a room imports from floors below its own, and from its own as far as the manifest
    /// says, where arrows make no circle. Benchmarks/ and Fuzz/ lie above all.
    static let floors = [
        "Benchmarks", "Fuzz", "Testing", "muster", "Commands", "Roles", "Ways", "Work", "API", "Core", "Shims",
    ]
    /// The floor where nothing is imported but rooms of the floor: no clock, no socket, no library.
    static let pure = "Core"
    /// Rooms that know nothing of Muster: a program of somebody else could take them as they are.
    static let strangers: Set<String> = ["HTTPCaching", "CommandTemplates", "RunRules", "TaskFiles"]

    /// The floor of each room.
    var floor: [String: String] = [:]
    /// What each room of the manifest may import.
    var needs: [String: Set<String>] = [:]

    /// Floor and room of a file, by its path below the repository.
    static func place(of path: String) -> (floor: String, room: String) {
        let folders = path.split(separator: "/").dropLast().map(String.init)
        return folders[0] == "Sources"
            ? (folders[1], folders.count > 2 ? folders[2] : folders[1]) : (folders[0], folders[1])
    }

    /// What is wrong with an import of this module in a file of this room; nil: nothing.
    func objection(to name: String, in room: String) -> String? {
        guard let own = floor[room], let height = Self.floors.firstIndex(of: own) else {
            return "lies on no floor: \(Self.floors.joined(separator: ", "))"
        }
        guard let there = floor[name], let other = Self.floors.firstIndex(of: there) else {
            return own == Self.pure ? "imports \(name): \(own) has the standard library only" : nil
        }
        if Self.strangers.contains(room) { return "imports \(name): \(room) knows nothing of Muster" }
        if other < height || there == "Testing" && own != "Testing" {
            return "imports \(name), which is not below \(room)"
        }
        return needs[room]?.contains(name) == true ? nil : "imports \(name), which the manifest does not give \(room)"
    }

    /// Reads what each target of a manifest depends on.
    static func needs(in manifest: String) -> [String: Set<String>] {
        let entry = /(?:room\(\s*"\w+",|program\(|name:)\s*"(\w+)",\s*(?:dependencies: )?\[([^\]]*)\]/
        var found: [String: Set<String>] = [:]
        for match in manifest.matches(of: entry) {
            found[String(match.1)] = Set(match.2.matches(of: /"(\w+)"/).map { String($0.1) })
        }
        // The escape kernel's builds, which depend on the processor.
        found["MusterKernels"]?.formUnion(manifest.matches(of: /kernel\(\s*"(\w+)"/).map { String($0.1) })
        return found
    }
}

/// Finds tasks that would leave something under one name, or one of them below what another leaves. It keeps 16 bytes a name.
package struct NameCollisions: Sendable {
    package struct Collision: Hashable, Sendable {
        package var first: Int
        package var second: Int
        /// Of the second.
        package var name: InnerPath
    }

    private struct Entry {
        var hash: Int
        var task: UInt32
    }

    private var entries: [Entry] = []
    private var tasks = 0

    package init() {}

    /// The names of the next task.
    package mutating func add(_ names: [InnerPath]) {
        for name in names { entries.append(Entry(hash: name.hashValue, task: UInt32(tasks))) }
        tasks += 1
    }

    /// The first task, in their order, whose name another before it has, or lies below another's or another's below it; nil: there is
    /// none. `names`: once more those of a task, for what looks alike only.
    package mutating func find(_ names: (Int) -> [InnerPath]) -> Collision? {
        entries.sort { ($0.hash, $0.task) < ($1.hash, $1.task) }
        var found: Collision?
        for task in 0..<tasks {
            let own = names(task)
            for (place, name) in own.enumerated() {
                for ancestor in name.folders + [name] {
                    let isSame = ancestor == name
                    for other in others(ancestor.hashValue) where !isSame || other != task {
                        if names(other).contains(ancestor) { found = earlier(found, task, other, name) }
                    }
                    if isSame, own[..<place].contains(name) { found = earlier(found, task, task, name) }
                }
            }
        }
        return found
    }

    private func earlier(_ found: Collision?, _ one: Int, _ other: Int, _ name: InnerPath) -> Collision {
        let new = Collision(first: min(one, other), second: max(one, other), name: name)
        guard let found else { return new }
        return (new.second, new.first) < (found.second, found.first) ? new : found
    }

    /// Tasks with a name of this hash.
    private func others(_ hash: Int) -> [Int] {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        var found: [Int] = []
        // Those that are all alike need not all be looked at.
        while low < entries.count, entries[low].hash == hash, found.count < 3 {
            if found.last != Int(entries[low].task) { found.append(Int(entries[low].task)) }
            low += 1
        }
        return found
    }
}
